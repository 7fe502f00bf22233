"""Each test has a frontend of its own; alice is signed in and bob is somebody else."""

from __future__ import annotations

import pytest

from tests.client import Browser
from tests.unit.frontend_jobs.world import JobsWorld


@pytest.fixture
def world() -> JobsWorld:
    return JobsWorld()


@pytest.fixture
def alice(world: JobsWorld) -> Browser:
    """Alice's browser, signed in."""
    return world.browser(world.alice)


@pytest.fixture
def bob(world: JobsWorld) -> Browser:
    """Bob's browser, signed in."""
    return world.browser(world.bob)
