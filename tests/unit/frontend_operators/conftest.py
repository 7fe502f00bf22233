"""Each test has a frontend of its own."""

from __future__ import annotations

import pytest

from tests.client import Browser
from tests.unit.frontend_operators.world import OperatorsWorld


@pytest.fixture
def world() -> OperatorsWorld:
    return OperatorsWorld()


@pytest.fixture
def operator(world: OperatorsWorld) -> Browser:
    """The operator's browser, signed in."""
    return world.browser(world.operator)
