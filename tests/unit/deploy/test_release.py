"""What servers are installed from: a commit, the same bytes each time."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from deploy.servers import release
from shared.core.errors import ConfigurationError, GasError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with one commit."""
    root = tmp_path / "gas"
    for name in release.CODE:
        (root / name).mkdir(parents=True)
        (root / name / "__init__.py").write_text(f'"""{name}."""\n')
    for name in release.FILES:
        (root / name).write_text("")
    (root / "requirements.txt").write_text(
        "flask==3.1.3  # pages\nmoto[s3,server]==5.2.5  # the local cloud\n\n# none\n"
    )
    script = root / "deploy" / "user-data.sh"
    script.write_text("#!/bin/bash\n")
    script.chmod(0o755)
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        git(root, *command)
    for name in release.VENDOR:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("// fetched\n")
    return root


def git(root: Path, *arguments: str) -> None:
    who = {f"GIT_{role}_{what}": "alice@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(["git", "-C", str(root), *arguments], check=True, env={**os.environ, **who})


@pytest.fixture(autouse=True)
def pip(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Downloads nothing; the requirements that were asked for."""
    asked: list[list[str]] = []

    def download(wanted: list[str], constraints: Path, folder: Path) -> None:
        asked.append(wanted)
        (folder / "Flask-3.1.3-py3-none-any.whl").write_bytes(b"wheel")
        (folder / "typing_extensions-4.16.0-py3-none-any.whl").write_bytes(b"wheel")

    monkeypatch.setattr(release, "_download", download)
    return asked


def contents(built: release.Release) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(built.path) as archive:
        return {entry.name: entry for entry in archive}


def test_it_holds_code_scripts_of_the_pages_and_wheels(checkout: Path, tmp_path: Path) -> None:
    names = contents(release.build(checkout, tmp_path / "build"))
    assert {
        "frontend/__init__.py",
        "requirements.txt",
        *release.VENDOR,
        "wheels/Flask-3.1.3-py3-none-any.whl",
    } <= names.keys()


def test_programs_can_be_run_and_nothing_belongs_to_a_person(checkout: Path, tmp_path: Path) -> None:
    found = contents(release.build(checkout, tmp_path / "build"))
    assert found["deploy/user-data.sh"].mode == 0o755
    assert found["deploy/__init__.py"].mode == 0o644
    assert {(entry.uid, entry.uname) for entry in found.values()} == {(0, "")}


def test_the_same_commit_gives_the_same_bytes(checkout: Path, tmp_path: Path) -> None:
    first = release.build(checkout, tmp_path / "build")
    os.utime(checkout / "frontend" / "__init__.py", (1, 1))
    assert release.build(checkout, tmp_path / "elsewhere").sha256 == first.sha256
    assert first.key == f"releases/{first.sha256}.tar"


def test_another_commit_gives_others(checkout: Path, tmp_path: Path) -> None:
    first = release.build(checkout, tmp_path / "build")
    (checkout / "frontend" / "__init__.py").write_text("new\n")
    git(checkout, "commit", "-qam", "new")
    assert release.build(checkout, tmp_path / "build").sha256 != first.sha256


def test_servers_get_exact_versions_and_no_local_cloud(checkout: Path, tmp_path: Path, pip: list[list[str]]) -> None:
    built = release.build(checkout, tmp_path / "build")
    with tarfile.open(built.path) as archive:
        file = archive.extractfile("wheels/requirements.txt")
        assert file is not None
        assert file.read() == b"flask==3.1.3\ntyping-extensions==4.16.0\n"
    assert pip == [["flask==3.1.3"]]


def test_wheels_are_downloaded_once(checkout: Path, tmp_path: Path, pip: list[list[str]]) -> None:
    release.build(checkout, tmp_path / "build")
    release.build(checkout, tmp_path / "build")
    assert len(pip) == 1


def test_a_download_that_failed_is_begun_anew(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    works = release._download

    def fails(wanted: list[str], constraints: Path, folder: Path) -> None:
        (folder / "half-1.0-py3-none-any.whl").write_bytes(b"")
        raise GasError("The servers' packages could not be downloaded.")

    monkeypatch.setattr(release, "_download", fails)
    with pytest.raises(GasError, match="could not be downloaded"):
        release.build(checkout, tmp_path / "build")
    monkeypatch.setattr(release, "_download", works)
    assert not any("half" in name for name in contents(release.build(checkout, tmp_path / "build")))


def test_what_is_not_committed_is_not_released(checkout: Path, tmp_path: Path) -> None:
    (checkout / "frontend" / "__init__.py").write_text("secret\n")
    with pytest.raises(ConfigurationError, match=r"frontend/__init__\.py .*commit first"):
        release.build(checkout, tmp_path / "build")


def test_scripts_that_were_not_fetched_are_named(checkout: Path, tmp_path: Path) -> None:
    (checkout / release.VENDOR[0]).unlink()
    with pytest.raises(ConfigurationError, match="htmx"):
        release.build(checkout, tmp_path / "build")


def test_without_a_repository_one_line_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not a checkout"):
        release.build(tmp_path, tmp_path / "build")


def test_the_vendored_files_are_those_that_the_frontend_installs() -> None:
    from frontend.install_assets import FILES

    assert {f"frontend/static/vendor/{name}" for name in FILES} == set(release.VENDOR)


def test_a_function_is_zipped_with_its_file_at_the_top() -> None:
    folder = ROOT / "deploy" / "lambda" / "restore"
    data = release.zipped(folder)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.read("handler.py") == (folder / "handler.py").read_bytes()
    assert release.zipped(folder) == data
