"""Builds the release: one archive with all that a server runs, the same bytes wherever the same commit is built.

In it are the code of the commit, the pages' scripts, and in ``wheels/`` every package for the servers' Python, with
their exact versions in ``wheels/requirements.txt``: no package of Python's comes from anywhere else. What is Debian's
(python3-venv, and awscli and logrotate where the image lacks them) is fetched from its archive at each start, unpinned,
and Amazon's agent for logs from Amazon's bucket; without the former a server does not start, without the latter it does.

It is a plain tar: the wheels are compressed already, and zlib's output differs from machine to machine.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.core.errors import ConfigurationError, GasError

CODE: Final = ("annotator_hook", "cli", "deploy", "frontend", "shared", "util_hook")
FILES: Final = ("constraints.txt", "pyproject.toml", "requirements.txt")
VENDOR: Final = ("frontend/static/vendor/htmx.min.js", "frontend/static/vendor/igv.esm.min.js")
"""What `make` fetches and the repository does not hold."""
PYTHON: Final = "3.11"
"""Debian 12's, on the servers."""
PLATFORMS: Final = (*(f"manylinux_2_{minor}_x86_64" for minor in range(36, 4, -1)), "manylinux2014_x86_64")
"""Debian 12 has glibc 2.36: wheels for any older one run there. The newest comes first."""
LOCAL_ONLY: Final = frozenset({"moto"})
"""Requirements of the local cloud, which servers never start."""
_EPOCH = (1980, 1, 1, 0, 0, 0)  # zip knows nothing earlier
_PIP_SECONDS = 900


@dataclass(frozen=True)
class Release:
    """An archive on this machine."""

    path: Path
    sha256: str
    """In hex digits."""
    commit: str

    @property
    def key(self) -> str:
        """Its key in the bucket of releases."""
        return f"releases/{self.sha256}.tar"


def build(root: Path, folder: Path) -> Release:
    """The release of the commit that is checked out in ``root``, in a file in ``folder``. Wheels are kept there, too.

    Raises `ConfigurationError` where the commit and the files differ, or something was not made yet; `GasError` where
    packages cannot be downloaded.
    """
    commit, seconds = _commit(root)
    missing = [name for name in VENDOR if not (root / name).is_file()]
    if missing:
        raise ConfigurationError(f"{', '.join(missing)}: not there. `make run` or `make test` fetches it once.")
    wheels = fetch_wheels(root, folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "release.tar"
    new = path.with_suffix(".new")
    with tarfile.open(new, "w", format=tarfile.GNU_FORMAT) as archive:
        for name, data, mode in sorted([*_committed(root, commit), *_beside(root, wheels)]):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(data), mode, seconds
            archive.addfile(entry, io.BytesIO(data))
    new.replace(path)
    return Release(path, _sha256_of(path), commit)


def zipped(folder: Path) -> bytes:
    """The files of a Lambda function, the same bytes for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.rglob("*.py")):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()


def server_requirements(text: str) -> list[str]:
    """The requirements of the servers among those of requirements.txt."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line and re.split(r"[\[=<>~! ]", line)[0].lower() not in LOCAL_ONLY]


def fetch_wheels(root: Path, folder: Path) -> Path:
    """A folder of wheels for the servers; downloaded once for the same requirements. Raises `GasError`."""
    wanted = server_requirements((root / "requirements.txt").read_text())
    constraints = (root / "constraints.txt").read_text()
    stated = "\n".join([*wanted, constraints, PYTHON, *PLATFORMS])
    wheels = folder / f"wheels-{hashlib.sha256(stated.encode()).hexdigest()[:16]}"
    if not wheels.is_dir():
        new = wheels.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)  # of a download that was cut short
        new.mkdir(parents=True)
        _download(wanted, root / "constraints.txt", new)
        (new / "requirements.txt").write_text("".join(f"{line}\n" for line in _locked(new)))
        new.rename(wheels)
    return wheels


def _download(wanted: Sequence[str], constraints: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHON}"]
    command += [f"--platform={platform}" for platform in PLATFORMS]
    command += ["--dest", str(folder), "-c", str(constraints), *wanted]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_PIP_SECONDS)
    except subprocess.CalledProcessError as error:
        said = [line for line in error.stderr.splitlines() if line.startswith("ERROR")] or ["no reason given"]
        raise GasError(f"The servers' packages could not be downloaded: {said[-1]}") from None
    except subprocess.TimeoutExpired:
        raise GasError(f"The servers' packages were not downloaded within {_PIP_SECONDS} s.") from None


def _locked(wheels: Path) -> Iterator[str]:
    for path in sorted(wheels.glob("*.whl")):
        name, version, *_ = path.name.split("-")  # the file name's format: PEP 427
        yield f"{name.replace('_', '-').lower()}=={version}"


def _commit(root: Path) -> tuple[str, int]:
    """The commit that is checked out, and when it was made (seconds since 1970)."""
    try:
        changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", *CODE, *FILES).decode().splitlines()
        commit, seconds = _git(root, "show", "--no-patch", "--format=%H %ct", "HEAD").decode().split()
    except (OSError, subprocess.CalledProcessError):
        raise ConfigurationError(
            f"{root} is not a checkout of GAS's repository (git): only a commit is released."
        ) from None
    if changed:
        raise ConfigurationError(
            f"{len(changed)} files differ from the commit, {changed[0][3:]} among them: commit first, a release is a commit."
        )
    return commit, int(seconds)


def _git(root: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True).stdout


def _committed(root: Path, commit: str) -> Iterator[tuple[str, bytes, int]]:
    packed = _git(root, "archive", "--format=tar", commit, "--", *CODE, *FILES)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for entry in archive:
            if (file := archive.extractfile(entry)) is not None:
                yield entry.name, file.read(), 0o755 if entry.mode & 0o100 else 0o644


def _beside(root: Path, wheels: Path) -> Iterable[tuple[str, bytes, int]]:
    yield from ((name, (root / name).read_bytes(), 0o644) for name in VENDOR)
    yield from ((f"wheels/{path.name}", path.read_bytes(), 0o644) for path in sorted(wheels.iterdir()))


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
