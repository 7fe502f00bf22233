"""What the tests of `gas dlq` share."""

from __future__ import annotations

import pytest

from shared.core.clock import utc_now
from tests.unit.cli.operator_terminal import Terminal
from tests.unit.inbox.dead_letters_world import DeadLetterWorld


@pytest.fixture
def terminal() -> Terminal:
    return Terminal("dlq")


@pytest.fixture
def world(terminal: Terminal) -> DeadLetterWorld:
    terminal.world.time = utc_now()  # what is said of an age is of now
    return terminal.world
