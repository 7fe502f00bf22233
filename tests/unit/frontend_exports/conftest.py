"""Each test has a frontend of its own, with a job of alice whose variants can be exported."""

from __future__ import annotations

from pathlib import Path

import pytest

from frontend.results import index
from shared.core.jobs import Job
from tests.client import Browser
from tests.unit.frontend_exports.world import ExportsWorld
from tests.unit.frontend_results.world import index_once


@pytest.fixture(autouse=True)
def indexes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same results are indexed once a run."""
    monkeypatch.setattr(index, "build", index_once)


@pytest.fixture
def world(tmp_path: Path) -> ExportsWorld:
    """Alice and Bob have accounts."""
    return ExportsWorld(tmp_path)


@pytest.fixture
def alice(world: ExportsWorld) -> Browser:
    """Alice, signed in."""
    return world.browser(world.alice)


@pytest.fixture
def job(world: ExportsWorld) -> Job:
    """The family's variants."""
    return world.exported()
