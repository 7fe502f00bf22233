"""What one sweep over several routes offers and counts, whatever becomes of one of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.core.errors import Unavailable
from shared.core.inbox import Survey
from shared.inbox.sweeper import PAGE, Sweeper
from tests.fakes import FakeInbox
from tests.unit.inbox.world import World


class Inbox(FakeInbox):
    """An inbox in which single routes cannot be surveyed."""

    def __init__(self) -> None:
        super().__init__()
        self.failures: dict[str, Exception] = {}

    def survey(self, route: str, *, now: datetime, due: int, unfinished: int) -> Survey:
        if route in self.failures:
            raise self.failures[route]
        return super().survey(route, now=now, due=due, unfinished=unfinished)


class Sweeping:
    """One sweeper over two routes, and what it offered."""

    def __init__(self) -> None:
        self.inbox = Inbox()
        self.world = World(self.inbox)
        self.offered: list[str] = []
        self.sweeper = Sweeper(
            self.inbox,
            ["job-results", "job-requests"],
            self.world.backlog,
            offer=lambda entry_id, _: self.offered.append(entry_id),
            now=self.world.now,
        )

    def accept(self, route: str) -> str:
        """An entry that nobody started and that is due now."""
        entry = self.inbox.entries.pop(self.world.accept())
        entry_id = f"{route}#{entry.message_id}"
        self.inbox.entries[entry_id] = replace(entry, entry_id=entry_id, route=route)
        self.world.time += timedelta(seconds=10)
        return entry_id


@pytest.mark.parametrize("failure", [Unavailable("DynamoDB throttles."), KeyError("due_at")])
def test_a_route_that_cannot_be_surveyed_keeps_no_later_one_from_being_swept(failure: Exception) -> None:
    sweeping = Sweeping()
    entry_id = sweeping.accept("job-requests")
    sweeping.inbox.failures["job-results"] = failure
    with pytest.raises(type(failure)) as caught:  # and who asks whether DynamoDB is reached hears of it
        sweeping.sweeper.sweep()
    assert caught.value is failure
    assert sweeping.offered == [entry_id]


def test_a_route_that_cannot_be_surveyed_counts_as_at_the_last_time() -> None:
    sweeping = Sweeping()
    for route in ("job-results", "job-results", "job-requests"):
        sweeping.accept(route)
    sweeping.sweeper.sweep()
    assert sweeping.world.backlog.unfinished == 3
    sweeping.inbox.failures["job-results"] = Unavailable("DynamoDB throttles.")
    sweeping.accept("job-requests")
    for _ in range(2):
        with pytest.raises(Unavailable):
            sweeping.sweeper.sweep()
    assert sweeping.world.backlog.unfinished == 4


def test_a_full_page_of_any_route_says_that_more_is_due() -> None:
    sweeping = Sweeping()
    for _ in range(PAGE):
        sweeping.accept("job-results")
    sweeping.accept("job-requests")
    assert sweeping.sweeper.sweep()
    assert len(sweeping.offered) == PAGE + 1
