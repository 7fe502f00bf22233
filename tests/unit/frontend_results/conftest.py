"""Each test has a frontend and a folder of kept results of its own; alice has a job with nine variants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from frontend.results import index
from shared.core.jobs import Job
from tests.client import Browser
from tests.unit.frontend_results.world import ResultsWorld, index_of, index_once

Ask = Callable[..., list[int]]


@pytest.fixture(autouse=True)
def indexes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same results are indexed once a run."""
    monkeypatch.setattr(index, "build", index_once)


@pytest.fixture
def world(tmp_path: Path) -> ResultsWorld:
    return ResultsWorld(tmp_path)


@pytest.fixture
def alice(world: ResultsWorld) -> Browser:
    """Alice's browser, signed in."""
    return world.browser(world.alice)


@pytest.fixture
def job(world: ResultsWorld) -> Job:
    return world.explored()


@pytest.fixture(scope="session")
def family_index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The index over `tests.results_world.family`."""
    with index_of(tmp_path_factory.mktemp("family")) as connection:
        yield connection
