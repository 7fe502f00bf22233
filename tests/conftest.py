"""How the tests of whole servers are shared out among processes, and what makes all tests cheaper."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # xdist has no types

GROUPS = {"functional": "servers", "browser": "browser", "chaos": "browser"}
"""Folder → process: each of these folders starts servers of its own once, and both processes are busy equally long."""


class ByFolder(LoadScopeScheduling):  # type: ignore[misc]  # likewise
    """Gives each group of folders to one process, in the order in which its tests are written."""

    def _split_scope(self, nodeid: str) -> str:
        folder = Path(nodeid.partition("::")[0]).parts[1]
        return GROUPS.get(folder, folder)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    """With ``--dist loadscope``; else xdist's own."""
    return ByFolder(config, log) if config.getoption("dist") == "loadscope" else None


def pytest_collection_finish() -> None:
    """What was imported and collected stays until the end: the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()
