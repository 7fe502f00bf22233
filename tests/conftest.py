"""How the tests of whole servers are shared out among processes, and what makes all tests cheaper."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # xdist has no types

STACKS = ("test_persistence", "test_two_of_each", "test_up")
"""Beginnings of files in `functional` that start all of GAS themselves, again and again."""
APART = ("test_backup", "test_certificate_", "test_drain_", "test_drift", "test_local_", "test_packs_", "test_patient_")
"""Beginnings of those that need no servers but single ones that they start themselves."""


class ByServers(LoadScopeScheduling):  # type: ignore[misc]  # likewise
    """Gives all tests of the same servers to one process, so that these are started once; in the order in which they are
    written."""

    def _split_scope(self, nodeid: str) -> str:
        path = Path(nodeid.partition("::")[0])
        folder = path.parts[1]
        if folder == "chaos" or (folder == "functional" and path.name.startswith(STACKS)):
            return "stacks"
        if folder == "functional" and path.name.startswith(APART):
            return "apart"
        return folder


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    """With ``--dist loadscope``; else xdist's own."""
    return ByServers(config, log) if config.getoption("dist") == "loadscope" else None


def pytest_collection_finish() -> None:
    """What was imported and collected stays until the end: the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()
