"""The real servers on the local cloud, started once for all functional tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import calls
from tests.person import Person
from tests.whole import Gas, running_gas


@pytest.fixture(scope="session")
def gas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gas]:
    with running_gas(tmp_path_factory.mktemp("gas"), {"GAS_METRICS_NAMESPACE": "GAS/gas"}) as running:
        yield running
        calls.check(running)


@pytest.fixture(scope="session")
def demo(gas: Gas) -> Person:
    """The demo account, signed in."""
    return Person(gas).sign_in()


@pytest.fixture(scope="session")
def alice(gas: Gas) -> Person:
    """Signed up through the pages."""
    return Person(gas).join("alice@example.org")


@pytest.fixture(scope="session")
def bob(gas: Gas) -> Person:
    return Person(gas).join("bob@example.org", name="Bob")
