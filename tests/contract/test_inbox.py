"""The inbox table, on the fake and on DynamoDB."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.core.errors import Conflict
from shared.core.inbox import Ended, Entry, EntryState, Inbox
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


def claimed(inbox: Inbox, entry: Entry | None = None) -> Work:
    entry = entry or an_entry()
    inbox.accept(entry)
    return Work(entry.entry_id, inbox.claim(entry.entry_id, holder="a", now=NOON, lease=LEASE).fence)


def look(inbox: Inbox, entry: Entry | None = None) -> Entry:
    """What is stored under the entry's id: accepting it again tells."""
    found = inbox.accept(entry or an_entry())
    assert found is not None
    return found


def test_an_entry_is_accepted_once_and_then_comes_back_as_stored(inbox: Inbox) -> None:
    entry = an_entry()
    assert inbox.accept(entry) is None
    assert inbox.accept(replace(entry, envelope="other", digest="e")) == entry
    assert look(inbox) == entry


def test_the_largest_legal_message_is_held_whatever_is_in_it(inbox: Inbox) -> None:
    dice = random.Random(1)
    for number, alphabet in enumerate((32, 96, 128), 1):
        text = "".join(chr(dice.randrange(alphabet)) for _ in range(256 * 1024))
        entry = an_entry(number, envelope=json.dumps({"Message": text}))
        assert inbox.accept(entry) is None
        assert look(inbox, entry).envelope == entry.envelope


def test_a_fresh_entry_is_claimed_at_once(inbox: Inbox) -> None:
    inbox.accept(an_entry())
    entry = inbox.claim("job-requests#1", holder="a", now=NOON, lease=LEASE)
    assert entry == look(inbox)
    assert (entry.state, entry.attempts, entry.fence, entry.holder) == (EntryState.RUNNING, 1, 1, "a")
    assert (entry.claimed_at, entry.due_at) == (NOON, NOON + LEASE)


def test_a_claimed_entry_is_not_claimed_until_its_lease_is_over(inbox: Inbox) -> None:
    claimed(inbox)
    with pytest.raises(Conflict):
        inbox.claim("job-requests#1", holder="b", now=NOON + LEASE - timedelta(milliseconds=1), lease=LEASE)
    entry = inbox.claim("job-requests#1", holder="b", now=NOON + LEASE, lease=LEASE)
    assert (entry.attempts, entry.fence, entry.holder) == (2, 2, "b")


def test_an_unknown_entry_is_not_claimed(inbox: Inbox) -> None:
    with pytest.raises(Conflict):
        inbox.claim("job-requests#1", holder="a", now=NOON, lease=LEASE)


def test_a_heartbeat_prolongs_the_lease(inbox: Inbox) -> None:
    work = claimed(inbox)
    inbox.beat(work, now=NOON + 19 * SECOND, lease=LEASE)
    with pytest.raises(Conflict):
        inbox.claim(work.entry_id, holder="b", now=NOON + LEASE, lease=LEASE)
    assert look(inbox).due_at == NOON + 39 * SECOND


def test_a_completed_entry_is_done_for_good(inbox: Inbox) -> None:
    work = claimed(inbox)
    inbox.complete(work, Ended(now=NOON + SECOND, started_at=NOON + SECOND / 2))
    entry = look(inbox)
    assert (entry.state, entry.due_at, entry.error) == (EntryState.DONE, None, "")
    assert (entry.started_at, entry.finished_at) == (NOON + SECOND / 2, NOON + SECOND)
    with pytest.raises(Conflict):
        inbox.claim(work.entry_id, holder="b", now=NOON + timedelta(days=1), lease=LEASE)


def test_an_entry_to_be_tried_again_waits_until_it_is_due(inbox: Inbox) -> None:
    work = claimed(inbox)
    inbox.retry(work, Ended(now=NOON, started_at=NOON, error="SNS is away."), due=NOON + 5 * SECOND)
    assert (look(inbox).state, look(inbox).error) == (EntryState.RECEIVED, "SNS is away.")
    with pytest.raises(Conflict):
        inbox.claim(work.entry_id, holder="a", now=NOON + 4 * SECOND, lease=LEASE)
    entry = inbox.claim(work.entry_id, holder="a", now=NOON + 5 * SECOND, lease=LEASE)
    assert (entry.attempts, entry.fence) == (2, 2)


def test_a_released_entry_is_free_at_once_and_the_attempt_does_not_count(inbox: Inbox) -> None:
    work = claimed(inbox)
    inbox.release(work, now=NOON)
    assert inbox.due("job-requests", now=NOON, limit=9) == [work.entry_id]
    entry = inbox.claim(work.entry_id, holder="b", now=NOON, lease=LEASE)
    assert (entry.attempts, entry.fence) == (1, 2)


def test_a_dead_entry_keeps_why(inbox: Inbox) -> None:
    work = claimed(inbox)
    inbox.dead(work, Ended(now=NOON + SECOND, error="It is not a message."), forget=True)
    entry = look(inbox)
    assert (entry.state, entry.error, entry.finished_at) == (EntryState.DEAD, "It is not a message.", NOON + SECOND)
    with pytest.raises(Conflict):
        inbox.claim(work.entry_id, holder="b", now=NOON + timedelta(days=1), lease=LEASE)


def test_nothing_is_done_under_a_stale_fence(inbox: Inbox) -> None:
    stale = claimed(inbox)
    inbox.claim(stale.entry_id, holder="b", now=NOON + LEASE, lease=LEASE)
    before = look(inbox)
    ended = Ended(now=NOON + LEASE)
    acts: list[Callable[[], object]] = [
        lambda: inbox.beat(stale, now=NOON, lease=LEASE),
        lambda: inbox.complete(stale, ended),
        lambda: inbox.retry(stale, ended, due=NOON),
        lambda: inbox.release(stale, now=NOON),
        lambda: inbox.dead(stale, ended, forget=True),
    ]
    for act in acts:
        with pytest.raises(Conflict):
            act()
    assert look(inbox) == before


def test_nothing_is_done_to_an_entry_that_is_not_running(inbox: Inbox) -> None:
    work = claimed(inbox)
    inbox.retry(work, Ended(now=NOON), due=NOON)
    with pytest.raises(Conflict):
        inbox.complete(work, Ended(now=NOON))
    with pytest.raises(Conflict):
        inbox.complete(Work("job-requests#unknown", 1), Ended(now=NOON))
    assert look(inbox).state is EntryState.RECEIVED


def test_due_are_waiting_entries_and_lapsed_leases_longest_first(inbox: Inbox) -> None:
    for number in range(1, 8):
        inbox.accept(an_entry(number, due_at=NOON + number * SECOND))
    inbox.claim("job-requests#7", holder="a", now=NOON, lease=SECOND / 2)
    done = Work("job-requests#3", inbox.claim("job-requests#3", holder="a", now=NOON, lease=LEASE).fence)
    inbox.complete(done, Ended(now=NOON))
    inbox.claim("job-requests#1", holder="a", now=NOON, lease=LEASE)
    due = inbox.due("job-requests", now=NOON + 5 * SECOND, limit=9)
    assert list(due) == ["job-requests#7", "job-requests#2", "job-requests#4", "job-requests#5"]
    assert list(inbox.due("job-requests", now=NOON + 5 * SECOND, limit=2)) == list(due[:2])


def test_another_routes_entries_are_neither_due_nor_counted_here(inbox: Inbox) -> None:
    inbox.accept(an_entry(1, route="job-results", due_at=NOON))
    assert list(inbox.due("job-requests", now=NOON, limit=9)) == []
    assert inbox.backlog("job-requests", limit=9) == 0
    assert inbox.backlog("job-results", limit=9) == 1


def test_the_backlog_counts_what_is_not_finished_and_stops_at_its_limit(inbox: Inbox) -> None:
    for number in range(1, 13):
        inbox.accept(an_entry(number))
    claimed(inbox, an_entry(1))
    inbox.complete(claimed(inbox, an_entry(2)), Ended(now=NOON))
    inbox.dead(claimed(inbox, an_entry(3)), Ended(now=NOON), forget=True)
    assert inbox.backlog("job-requests", limit=100) == 10
    assert inbox.backlog("job-requests", limit=4) == 4
