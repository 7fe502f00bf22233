"""``make fuzz``: runs every test of this folder for its share of `GAS_FUZZ_SECONDS`, as many at once as there are cores.

What fails is made short and kept by hypothesis: ``pytest tests/fuzz`` then begins with it.
"""

from __future__ import annotations

import importlib
import logging
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest_socket
from hypothesis import settings

from tests.fuzz import shapes

SETTING = "GAS_FUZZ_SECONDS"
ROUND = 200
"""Inputs between two looks at the clock: hypothesis knows no bound of time."""


def modules() -> list[str]:
    """Those of this folder that hold tests."""
    return [f"tests.fuzz.{path.stem}" for path in sorted(Path(__file__).parent.glob("test_*.py"))]


def tests_of(module: str) -> dict[str, Any]:
    """Name → test."""
    found = vars(importlib.import_module(module))
    return {f"{module}:{name}": test for name, test in found.items() if getattr(test, "is_hypothesis_test", False)}


def fuzz(name: str, seconds: float) -> int:
    """Runs one test in this process for about so long, and answers on how many inputs. Raises what it finds."""
    end = time.monotonic() + seconds
    shapes.a_few = settings(shapes.a_few, max_examples=ROUND)  # before a test is decorated with it
    test = tests_of(name.partition(":")[0])[name]
    logging.disable()
    pytest_socket.disable_socket(allow_unix_socket=True)
    rounds = 0
    while time.monotonic() < end:
        test()
        rounds += 1
    return rounds * ROUND


def main() -> int:
    """1 when something was found."""
    names = [name for module in modules() for name in tests_of(module)]
    cores = os.cpu_count() or 1
    share = float(os.environ.get(SETTING, "600")) * cores / len(names)

    def run(name: str) -> bool:
        command = [sys.executable, "-m", "tests.fuzz", name, str(share)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        sys.stdout.write(f"{name}: {done.stdout if done.returncode else done.stdout.splitlines()[-1]}\n")
        sys.stdout.flush()
        return done.returncode == 0

    with ThreadPoolExecutor(cores) as pool:
        return 0 if all(list(pool.map(run, names))) else 1


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(f"{fuzz(sys.argv[1], float(sys.argv[2])):,} inputs, nothing found")
    else:
        raise SystemExit(main())
