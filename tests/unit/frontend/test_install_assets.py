"""The pages' scripts are pinned, and whoever cannot install them reads one line."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from frontend import install_assets


@pytest.fixture
def vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(install_assets, "VENDOR", tmp_path / "vendor")
    return tmp_path / "vendor"


class Runs:
    """Stands in for running commands."""

    def __init__(self, failing: str | None = None, complaint: str = "") -> None:
        self.commands: list[list[str]] = []
        self.failing, self.complaint = failing, complaint

    def __call__(self, command: list[str], *, cwd: Path, **_: Any) -> subprocess.CompletedProcess[str]:
        self.commands.append(command)
        if self.failing is not None and self.failing in command:
            return subprocess.CompletedProcess(command, 1, "", self.complaint)
        if "ci" in command:
            for source in install_assets.FILES.values():
                target = cwd / "node_modules" / source
                target.parent.mkdir(parents=True)
                target.write_text("script")
        return subprocess.CompletedProcess(command, 0, "", "")


def test_every_package_is_pinned_exactly_with_its_hash_and_no_address() -> None:
    package = json.loads((install_assets.HERE / "package.json").read_text())
    lock_text = (install_assets.HERE / "package-lock.json").read_text()
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in package["dependencies"].values())
    packages = {name: entry for name, entry in json.loads(lock_text)["packages"].items() if name}
    assert {name.removeprefix("node_modules/") for name in packages} >= package["dependencies"].keys()
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert "://" not in lock_text


def test_npm_installs_what_the_lock_says_and_runs_no_scripts(vendor: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs()
    monkeypatch.setattr(subprocess, "run", runs)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert install_assets.main() == 0
    [command] = runs.commands
    assert command[:3] == ["npm", "ci", "--ignore-scripts"]
    assert {path.name for path in vendor.iterdir()} == set(install_assets.FILES)


def test_without_npm_the_one_of_pypi_is_used(vendor: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs()
    monkeypatch.setattr(subprocess, "run", runs)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert install_assets.main() == 0
    assert runs.commands[0][-1] == install_assets.NODE
    assert "ci" in runs.commands[1]


@pytest.mark.parametrize(
    ("has_npm", "failing", "complaint"),
    [
        (True, "ci", "npm error code ECONNREFUSED\nnpm error more"),
        (False, install_assets.NODE, "WARNING: x\nERROR: No matching distribution"),
    ],
)
def test_a_failure_is_one_line(
    vendor: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    has_npm: bool,
    failing: str,
    complaint: str,
) -> None:
    monkeypatch.setattr(subprocess, "run", Runs(failing, complaint))
    monkeypatch.setattr(shutil, "which", lambda name: name if has_npm else None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert install_assets.main() == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "ECONNREFUSED" in told or "No matching distribution" in told
    assert not vendor.exists()
