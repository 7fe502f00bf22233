"""A local Stripe for each test."""

from __future__ import annotations

import pytest

from tests.unit.deploy.stripe.world import World


@pytest.fixture
def world() -> World:
    return World()
