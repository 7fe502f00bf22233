"""Each test has a Stripe of its own."""

from __future__ import annotations

import pytest

from tests.unit.billing.world import BillingWorld


@pytest.fixture
def world() -> BillingWorld:
    """Alice is a customer of Stripe, Bob never was."""
    return BillingWorld()
