"""How the tests of whole servers are shared out among processes, what makes all tests cheaper, and what none may leave
behind for the next."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # xdist has no types

STACKS = ("test_persistence", "test_two_of_each", "test_up")
"""Beginnings of files in `functional` that start all of GAS themselves, again and again."""
APART = ("test_backup", "test_certificate_", "test_drain_", "test_drift", "test_local_", "test_packs_", "test_patient_")
"""Beginnings of those that need no servers but single ones that they start themselves."""


_OUR_LOGGERS = ("__main__", "annotator_hook", "frontend", "shared", "util_hook")
"""Whose level `shared.core.logs.configure` sets."""


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


@pytest.fixture(autouse=True)
def logs_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a server or a command that is made in this process says of logs ends with its test. Loggers keep nothing of
    it: one that did could not be read by a later test."""
    configure, before = structlog.configure, structlog.get_config()
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    monkeypatch.setattr(structlog, "configure", lambda **how: configure(**{**how, "cache_logger_on_first_use": False}))
    yield
    configure(**before)
    root.handlers = handlers
    root.setLevel(level)
    for name in _OUR_LOGGERS:
        logging.getLogger(name).setLevel(logging.NOTSET)
