"""``make fuzz``: runs every test of this folder for its share of `GAS_FUZZ_SECONDS`, as many at once as there are cores.

Where atheris is installed it chooses the inputs, by the branches that each of them reaches first; elsewhere hypothesis
does, at random. What fails is kept by hypothesis: ``pytest tests/fuzz`` then begins with it.
"""

from __future__ import annotations

import importlib
import logging
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest_socket

SETTING = "GAS_FUZZ_SECONDS"
PACKAGES = ["annotator_hook", "frontend", "shared"]
"""Whose branches count."""
SEEDS, LENGTH = 20, 4096
"""How many inputs are there to begin with, and their bytes: most of hypothesis's choices need some hundreds."""


def modules() -> list[str]:
    """Those of this folder that hold tests."""
    return [f"tests.fuzz.{path.stem}" for path in sorted(Path(__file__).parent.glob("test_*.py"))]


def tests_of(module: str) -> dict[str, Any]:
    """Name → test."""
    found = vars(importlib.import_module(module))
    return {f"{module}:{name}": test for name, test in found.items() if getattr(test, "is_hypothesis_test", False)}


def fuzz(name: str, seconds: int) -> None:
    """One test, in this process. Raises what it finds."""
    pytest_socket.disable_socket(allow_unix_socket=True)
    logging.disable()
    module, _, _ = name.partition(":")
    try:
        atheris: Any = importlib.import_module("atheris")
    except ImportError:
        _at_random(tests_of(module)[name], seconds)
        return
    with atheris.instrument_imports(include=PACKAGES):
        test = tests_of(module)[name]
    flags = [f"-max_total_time={seconds}", "-len_control=0", "-rss_limit_mb=4096", "-timeout=60"]
    with tempfile.TemporaryDirectory() as corpus:
        for number in range(SEEDS):
            (Path(corpus) / str(number)).write_bytes(os.urandom(LENGTH))
        atheris.Setup([name, *flags, "-verbosity=0", "-print_final_stats=1", corpus], test.hypothesis.fuzz_one_input)
        atheris.Fuzz()


def _at_random(test: Any, seconds: int) -> None:
    """A few examples after the other: hypothesis has no bound of time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        test()


def main() -> int:
    """1 when something was found."""
    names = [name for module in modules() for name in tests_of(module)]
    cores = os.cpu_count() or 1
    share = max(1, int(os.environ.get(SETTING, "600")) * cores // len(names))

    def run(name: str) -> bool:
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "tests.fuzz", name, str(share)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
        )  # fmt: skip
        units = next((line.split()[-1] for line in done.stdout.splitlines() if "executed_units" in line), "?")
        verdict = "fine" if done.returncode == 0 else f"FAILED\n{done.stdout[-8000:]}"
        sys.stdout.write(
            f"{name.removeprefix('tests.fuzz.')}: {units} inputs in {time.monotonic() - began:.0f} s: {verdict}\n"
        )
        sys.stdout.flush()
        return done.returncode == 0

    with ThreadPoolExecutor(cores) as pool:
        return 0 if all(list(pool.map(run, names))) else 1


if __name__ == "__main__":
    if len(sys.argv) == 3:
        with suppress(KeyboardInterrupt):
            fuzz(sys.argv[1], int(sys.argv[2]))
    else:
        raise SystemExit(main())
