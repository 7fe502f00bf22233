"""The inbox table, on the fake and on DynamoDB."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.core.errors import Conflict
from shared.core.inbox import Entry, EntryState, Inbox, Pause, Survey, Waiting
from shared.core.ports import Work
from tests.factories import NOON

LEASE = timedelta(seconds=20)
SECOND = timedelta(seconds=1)
GRACE = timedelta(seconds=2)


def an_entry(number: int = 1, route: str = "job-requests", **fields: object) -> Entry:
    entry = Entry(
        entry_id=f"{route}#{number}",
        route=route,
        message_id=str(number),
        topic_arn="arn:aws:sns:us-east-1:123456789012:job-requests",
        envelope='{"Message": "naïve\\u0000"}',
        digest="d",
        received_at=NOON,
        accepted_at=NOON,
        due_at=NOON + GRACE,
    )
    return replace(entry, **fields)  # type: ignore[arg-type]  # a test names its fields rightly


def test_several_entries_are_read_at_once_as_they_are_now(inbox: Inbox) -> None:
    first, second = claimed(inbox, an_entry(1)), an_entry(2)
    inbox.accept(second)
    asked = [first.entry_id, second.entry_id, second.entry_id, "job-requests#3", "nobody", f"job-requests#{'x' * 3000}"]
    assert inbox.get_all(asked) == {first.entry_id: first, second.entry_id: second}
    assert inbox.get_all([]) == {}


def claimed(inbox: Inbox, entry: Entry | None = None, **claim: Any) -> Entry:
    """The entry as its holder has it, after it was accepted (unless it is there already) and claimed."""
    entry = entry or an_entry()
    present = inbox.accept(entry) or entry
    held = present.claimed(**{"holder": "a", "now": NOON, "lease": LEASE, **claim})
    inbox.claim(present, held)
    return held


def test_an_entry_is_accepted_once_and_then_comes_back_as_stored(inbox: Inbox) -> None:
    entry = an_entry()
    assert inbox.accept(entry) is None
    assert inbox.accept(replace(entry, envelope="other", digest="e")) == entry
    assert inbox.get(entry.entry_id) == entry


def test_an_unknown_entry_is_none(inbox: Inbox) -> None:
    assert inbox.get("job-requests#unknown") is None


def test_the_largest_legal_message_is_held_whatever_is_in_it(inbox: Inbox) -> None:
    dice = random.Random(1)
    for number, alphabet in enumerate((32, 96, 128), 1):
        text = "".join(chr(dice.randrange(alphabet)) for _ in range(256 * 1024))
        entry = an_entry(number, envelope=json.dumps({"Message": text}))
        assert inbox.accept(entry) is None
        assert inbox.get(entry.entry_id) == entry


def test_every_field_of_a_settled_entry_comes_back(inbox: Inbox) -> None:
    for number in (1, 2):
        held = replace(claimed(inbox, an_entry(number)), started_at=NOON + SECOND / 2)
        settled = held.completed(NOON + SECOND) if number == 1 else held.dead(NOON + SECOND, "naïve", is_buried=True)
        inbox.settle(held, settled)
        assert inbox.get(held.entry_id) == settled


def test_of_two_who_claim_the_same_entry_one_wins(inbox: Inbox) -> None:
    entry = an_entry()
    inbox.accept(entry)
    here, there = (entry.claimed(holder=name, now=NOON, lease=LEASE) for name in ("here", "there"))
    inbox.claim(entry, here)
    with pytest.raises(Conflict):
        inbox.claim(entry, there)
    assert inbox.get(entry.entry_id) == here


def test_an_entry_whose_lease_was_prolonged_meanwhile_is_not_claimed(inbox: Inbox) -> None:
    held = claimed(inbox)
    inbox.beat(held.work, until=NOON + 2 * LEASE)
    with pytest.raises(Conflict):
        inbox.claim(held, held.claimed(holder="b", now=NOON + LEASE, lease=LEASE))
    stored = inbox.get(held.entry_id)
    assert stored is not None
    assert (stored.fence, stored.due_at) == (1, NOON + 2 * LEASE)


def test_an_entry_that_is_gone_or_finished_is_not_claimed(inbox: Inbox) -> None:
    entry = an_entry()
    with pytest.raises(Conflict):
        inbox.claim(entry, entry.claimed(holder="a", now=NOON, lease=LEASE))
    inbox.settle(held := claimed(inbox), done := held.completed(NOON))
    with pytest.raises(Conflict):
        inbox.claim(entry, entry.claimed(holder="a", now=NOON, lease=LEASE))
    with pytest.raises(Conflict):
        inbox.claim(done, replace(done, fence=2))
    assert inbox.get(entry.entry_id) == done


def test_a_heartbeat_does_not_keep_the_holder_from_settling(inbox: Inbox) -> None:
    held = claimed(inbox)
    inbox.beat(held.work, until=NOON + 2 * LEASE)
    inbox.settle(held, held.completed(NOON))
    stored = inbox.get(held.entry_id)
    assert stored is not None
    assert stored.state is EntryState.DONE


def test_nothing_is_done_under_a_stale_fence(inbox: Inbox) -> None:
    stale = claimed(inbox)
    latest = stale.claimed(holder="b", now=NOON + LEASE, lease=LEASE)
    inbox.claim(stale, latest)
    with pytest.raises(Conflict):
        inbox.beat(stale.work, until=NOON)
    with pytest.raises(Conflict):
        inbox.settle(stale, stale.completed(NOON))
    assert inbox.get(stale.entry_id) == latest


def test_nothing_is_done_to_an_entry_that_is_not_running(inbox: Inbox) -> None:
    held = claimed(inbox)
    waiting = held.postponed(NOON, NOON, "away")
    inbox.settle(held, waiting)
    with pytest.raises(Conflict):
        inbox.settle(held, held.completed(NOON))
    with pytest.raises(Conflict):
        inbox.beat(held.work, until=NOON)
    with pytest.raises(Conflict):
        inbox.beat(Work("job-requests#unknown", 1), until=NOON)
    assert inbox.get(held.entry_id) == waiting


def survey(inbox: Inbox, route: str = "job-requests", *, at: float = 0, due: int = 99, unfinished: int = 99) -> Survey:
    return inbox.survey(route, now=NOON + at * SECOND, due=due, unfinished=unfinished)


def due_ids(inbox: Inbox, *, at: float, due: int = 99) -> list[str]:
    return [waiting.entry_id for waiting in survey(inbox, at=at, due=due).due]


def test_due_are_waiting_entries_and_lapsed_leases_longest_first(inbox: Inbox) -> None:
    entries = {number: an_entry(number, due_at=NOON + number * SECOND) for number in range(1, 8)}
    for entry in entries.values():
        inbox.accept(entry)
    claimed(inbox, entries[7], lease=SECOND / 2)
    claimed(inbox, entries[1])
    inbox.settle(done := claimed(inbox, entries[3]), done.completed(NOON))
    due = due_ids(inbox, at=5)
    assert due == [f"job-requests#{number}" for number in (7, 2, 4, 5)]
    assert due_ids(inbox, at=5, due=2) == due[:2]


def test_a_heartbeat_moves_when_an_entry_is_due(inbox: Inbox) -> None:
    held = claimed(inbox)
    inbox.beat(held.work, until=NOON + 2 * LEASE)
    assert due_ids(inbox, at=30) == []
    assert due_ids(inbox, at=40) == [held.entry_id]


def test_another_routes_entries_are_neither_due_nor_counted_here(inbox: Inbox) -> None:
    inbox.accept(an_entry(1, route="job-results", due_at=NOON))
    assert survey(inbox) == Survey([], 0)
    assert survey(inbox, "job-results") == Survey([Waiting("job-results#1", "")], 1)


def test_unfinished_are_counted_whether_due_or_not_up_to_a_bound(inbox: Inbox) -> None:
    for number in range(1, 33):
        inbox.accept(an_entry(number))
    claimed(inbox, an_entry(1))
    inbox.settle(done := claimed(inbox, an_entry(2)), done.completed(NOON))
    inbox.settle(dead := claimed(inbox, an_entry(3)), dead.dead(NOON, "no", is_buried=True))
    assert survey(inbox, due=3).unfinished == 30
    assert survey(inbox, due=3, unfinished=20).unfinished == 20


def test_an_operators_change_takes_the_place_of_what_is_stored(inbox: Inbox) -> None:
    held = claimed(inbox)
    inbox.settle(held, dead := held.dead(NOON, "no", is_buried=True))
    inbox.change(dead, replayed := dead.replayed(NOON + SECOND))
    assert inbox.get(held.entry_id) == replayed
    inbox.change(replayed, hurried := replayed.hurried(NOON))
    assert inbox.get(held.entry_id) == hurried


def test_of_two_operators_who_change_the_same_entry_one_wins(inbox: Inbox) -> None:
    held = claimed(inbox)
    inbox.settle(held, dead := held.dead(NOON, "no", is_buried=True))
    first, second = dead.replayed(NOON), dead.replayed(NOON + SECOND)
    inbox.change(dead, first)
    with pytest.raises(Conflict):
        inbox.change(dead, second)
    assert inbox.get(held.entry_id) == first


def test_what_was_claimed_or_forgotten_meanwhile_is_not_changed(inbox: Inbox) -> None:
    entry = an_entry()
    with pytest.raises(Conflict):
        inbox.change(entry, entry.hurried(NOON))
    held = claimed(inbox, entry)
    with pytest.raises(Conflict):
        inbox.change(entry, entry.hurried(NOON))
    assert inbox.get(entry.entry_id) == held


def a_pause(route: str = "job-requests", who: str = "alice@example.org") -> Pause:
    return Pause(route, who, "The database is being moved.", NOON)


def test_a_paused_route_says_who_paused_it_until_it_is_resumed(inbox: Inbox) -> None:
    assert inbox.pauses() == {}
    inbox.pause(a_pause())
    inbox.pause(a_pause("daily"))
    assert inbox.pauses() == {"job-requests": a_pause(), "daily": a_pause("daily")}
    inbox.resume("job-requests")
    assert inbox.pauses() == {"daily": a_pause("daily")}


def test_pausing_and_resuming_twice_is_harmless_and_keeps_who_was_first(inbox: Inbox) -> None:
    inbox.resume("job-requests")
    inbox.pause(a_pause())
    inbox.pause(a_pause(who="bob@example.org"))
    assert inbox.pauses() == {"job-requests": a_pause()}
    for _ in range(2):
        inbox.resume("job-requests")
    assert inbox.pauses() == {}


def test_a_pause_is_no_entry(inbox: Inbox) -> None:
    inbox.pause(a_pause())
    for name in ("pauses", "job-requests", "pause#job-requests", ""):
        assert inbox.get(name) is None
    assert survey(inbox) == Survey([], 0)
