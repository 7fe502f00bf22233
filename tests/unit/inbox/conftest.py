"""Engines and hook servers that are ended with their test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.inbox.running import PATIENCE, Running, eventually
from tests.unit.inbox.site import Site


@pytest.fixture
def running() -> Iterator[Running]:
    running = Running()
    running.engine.start()
    yield running
    running.go_on.set()
    running.engine.stop(PATIENCE)


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def started(site: Site) -> Iterator[Site]:
    site.gas.start()
    eventually(lambda: site.browser.get("/readyz").status_code == 200)
    yield site
    site.gas.stop(PATIENCE)
