"""What operators find in the inbox, on the fake and on DynamoDB."""

from __future__ import annotations

import random
from dataclasses import fields, replace
from datetime import timedelta

import pytest

from shared.core.errors import Permanent
from shared.core.inbox import About, Entry, EntryState, Head, Inbox, Query
from tests.contract.test_inbox import an_entry, claimed
from tests.factories import NOON

ROUTES = ("job-requests", "job-results")
DONE, DEAD, RUNNING, RECEIVED = EntryState.DONE, EntryState.DEAD, EntryState.RUNNING, EntryState.RECEIVED
MINUTE = timedelta(minutes=1)


def stored(inbox: Inbox, number: int, state: EntryState = RECEIVED, route: str = ROUTES[0], **about: str) -> Entry:
    """An entry in this state, accepted in the ``number``-th minute."""
    entry = an_entry(number, route=route, accepted_at=NOON + number * MINUTE, about=About(**about))
    if state is RECEIVED:
        inbox.accept(entry)
        return entry
    held = claimed(inbox, entry)
    if state is RUNNING:
        return held
    settled = held.completed(NOON) if state is DONE else held.dead(NOON, "The File is Gone.", is_buried=True)
    inbox.settle(held, settled)
    return settled


def found(inbox: Inbox, query: Query, limit: int = 50) -> list[str]:
    """The ids of everything there is, page by page; no page is longer than asked for."""
    ids: list[str] = []
    start = None
    while True:
        page = inbox.find(query, limit=limit, start=start)
        assert len(page.heads) <= limit
        ids += [head.entry_id for head in page.heads]
        if page.next is None:
            return ids
        start = page.next


def ids(*entries: Entry) -> list[str]:
    return [entry.entry_id for entry in entries]


def test_a_head_says_what_the_entry_says(inbox: Inbox) -> None:
    about = {"job_id": "j1", "user_id": "alice", "request_id": "r1"}
    for number, state in enumerate(EntryState):
        entry = stored(inbox, number, state, **about)
        [head] = inbox.find(Query(ROUTES, states=frozenset({state})), limit=5).heads
        assert head == Head(**{each.name: getattr(entry, each.name) for each in fields(Head)})


@pytest.mark.parametrize("limit", [1, 2, 7, 50])
def test_routes_are_merged_latest_accepted_first(inbox: Inbox, limit: int) -> None:
    entries = [stored(inbox, number, list(EntryState)[number % 4], ROUTES[number % 2]) for number in range(12)]
    stored(inbox, 99, route="mail-feedback")
    assert found(inbox, Query(ROUTES), limit) == ids(*reversed(entries))
    assert found(inbox, Query(ROUTES[:1]), limit) == ids(*reversed(entries[::2]))


def test_what_was_accepted_in_one_moment_is_found_once_each(inbox: Inbox) -> None:
    numbers = list(range(20))
    random.Random(1).shuffle(numbers)
    for number in numbers:
        inbox.accept(an_entry(number, route=ROUTES[number % 2]))
    everything = found(inbox, Query(ROUTES), limit=3)
    assert sorted(everything) == sorted(f"{ROUTES[number % 2]}#{number}" for number in numbers)


@pytest.mark.parametrize("states", [{DONE}, {DEAD}, {RECEIVED, RUNNING}, {DEAD, RECEIVED}, set()])
def test_only_the_states_that_are_asked_for_are_found(inbox: Inbox, states: set[EntryState]) -> None:
    entries = [stored(inbox, number, list(EntryState)[number % 4]) for number in range(8)]
    wanted = [entry for entry in reversed(entries) if entry.state in states]
    assert found(inbox, Query(ROUTES, states=frozenset(states)), limit=3) == ids(*wanted)


def test_an_entry_is_found_in_its_latest_state_alone(inbox: Inbox) -> None:
    dead = stored(inbox, 1, DEAD)
    inbox.change(dead, dead.replayed(NOON))
    assert found(inbox, Query(ROUTES, states=frozenset({DEAD}))) == []
    assert found(inbox, Query(ROUTES, states=frozenset({RECEIVED}))) == [dead.entry_id]


def test_messages_are_found_by_job_and_by_user(inbox: Inbox) -> None:
    first = stored(inbox, 1, DONE, job_id="j1", user_id="alice")
    second = stored(inbox, 2, DEAD, ROUTES[1], job_id="j1", user_id="alice")
    third = stored(inbox, 3, DONE, job_id="j2", user_id="alice")
    stored(inbox, 4, DONE, job_id="j3", user_id="bob")
    stored(inbox, 5, DONE)
    assert found(inbox, Query(ROUTES, job_id="j1")) == ids(second, first)
    assert found(inbox, Query(ROUTES, user_id="alice")) == ids(third, second, first)
    assert found(inbox, Query(ROUTES, user_id="alice", job_id="j2")) == ids(third)
    assert found(inbox, Query(ROUTES[:1], user_id="alice", states=frozenset({DONE}))) == ids(third, first)
    assert found(inbox, Query(ROUTES, user_id="alice", states=frozenset({DEAD}))) == ids(second)
    assert found(inbox, Query(ROUTES, user_id="bob", job_id="j1")) == []


@pytest.mark.parametrize("unknown", ["nobody", "x" * 5000, "#", "naïve"])
def test_what_nobody_has_is_not_found(inbox: Inbox, unknown: str) -> None:
    stored(inbox, 1, DONE, job_id="j1", user_id="alice")
    assert found(inbox, Query(ROUTES, job_id=unknown)) == []
    assert found(inbox, Query(ROUTES, user_id=unknown)) == []
    assert found(inbox, Query([unknown])) == []
    assert inbox.get(unknown) is None


@pytest.mark.parametrize("job_id", ["", "j1"])
def test_a_stretch_of_time_begins_with_since_and_ends_before_until(inbox: Inbox, job_id: str) -> None:
    entries = [stored(inbox, number, DONE, job_id="j1") for number in range(6)]
    since, until = NOON + MINUTE, NOON + 4 * MINUTE
    assert found(inbox, Query(ROUTES, since=since, job_id=job_id), limit=2) == ids(*entries[:0:-1])
    assert found(inbox, Query(ROUTES, until=until, job_id=job_id), limit=2) == ids(*entries[3::-1])
    assert found(inbox, Query(ROUTES, since=since, until=until, job_id=job_id), limit=2) == ids(*entries[3:0:-1])
    assert found(inbox, Query(ROUTES, since=until, until=since, job_id=job_id)) == []
    assert found(inbox, Query(ROUTES, since=since, until=since, job_id=job_id)) == []


def test_part_of_the_latest_error_is_looked_for_in_upper_or_lower_case(inbox: Inbox) -> None:
    dead = stored(inbox, 1, DEAD)
    stored(inbox, 2, DONE)
    held = claimed(inbox, an_entry(3))
    inbox.settle(held, held.postponed(NOON, NOON, "The database is away."))
    assert found(inbox, Query(ROUTES, error="file is GONE")) == ids(dead)
    assert found(inbox, Query(ROUTES, error="the")) == ids(dead, held)
    assert found(inbox, Query(ROUTES, error="nothing")) == []


def test_only_a_place_of_the_same_query_is_gone_on_from(inbox: Inbox) -> None:
    for number in range(3):
        stored(inbox, number)
    query = Query(ROUTES)
    start = inbox.find(query, limit=1).next
    assert start is not None
    assert inbox.find(Query(ROUTES, states=frozenset(reversed(EntryState))), limit=1, start=start).heads
    others = Query(ROUTES[:1]), Query(ROUTES, error="x"), Query(ROUTES, job_id="j1"), Query(ROUTES, since=NOON)
    for other in others:
        with pytest.raises(Permanent):
            inbox.find(other, limit=1, start=start)
    for wrong in ("", "x", "e30", "naïve", start[:-2], "A" * 9999):
        with pytest.raises(Permanent):
            inbox.find(query, limit=1, start=wrong)


def test_what_arrives_while_pages_are_read_neither_repeats_nor_hides_anything(inbox: Inbox) -> None:
    entries = [stored(inbox, number, DONE, ROUTES[number % 2]) for number in range(6)]
    first = inbox.find(Query(ROUTES), limit=3)
    stored(inbox, 9)
    rest = inbox.find(Query(ROUTES), limit=9, start=first.next)
    assert [head.entry_id for head in (*first.heads, *rest.heads)] == ids(*reversed(entries))


class TestTurns:
    def a_line(self, inbox: Inbox) -> None:
        """Of alice five, of bob two, of nobody one; alice's first, but for bob's second."""
        order = ["bob", *["alice"] * 5, "bob", ""]
        numbered = list(enumerate(order))
        random.Random(1).shuffle(numbered)
        for number, owner in numbered:
            about = About(user_id=owner)
            inbox.accept(an_entry(number, due_at=NOON + timedelta(seconds=number), about=about))

    def test_owners_of_what_is_due_take_turns(self, inbox: Inbox) -> None:
        self.a_line(inbox)
        due = inbox.survey("job-requests", now=NOON + MINUTE, due=99, unfinished=99).due
        assert [waiting.user_id for waiting in due] == ["bob", "alice", "", "alice", "bob", "alice", "alice", "alice"]
        assert [waiting.entry_id[-1] for waiting in due] == ["0", "1", "7", "2", "6", "3", "4", "5"]
        some = inbox.survey("job-requests", now=NOON + MINUTE, due=3, unfinished=99).due
        assert some == due[:3]

    def test_the_line_has_what_waits_in_that_order_and_counts_what_runs(self, inbox: Inbox) -> None:
        self.a_line(inbox)
        inbox.accept(an_entry(20, route="job-results"))
        for number in (30, 31):
            claimed(inbox, an_entry(number, about=About(user_id="charlie")))
        stored(inbox, 40, DONE)
        stored(inbox, 41, DEAD)
        line = inbox.line("job-requests", limit=99)
        assert line.running == 2
        assert [waiting.entry_id[-1] for waiting in line.waiting] == ["0", "1", "7", "2", "6", "3", "4", "5"]
        assert inbox.line("job-requests", limit=5).waiting == line.waiting[:3]

    def test_nobody_waits_in_an_empty_line(self, inbox: Inbox) -> None:
        line = inbox.line("job-requests", limit=99)
        assert (list(line.waiting), line.running) == ([], 0)


def test_the_history_and_whom_it_is_about_come_back(inbox: Inbox) -> None:
    about = About("j1", "alice", "r1")
    held = claimed(inbox, an_entry(about=about))
    again = replace(held, started_at=NOON).postponed(NOON + MINUTE, NOON + 2 * MINUTE, "naïve \x00")
    inbox.settle(held, again)
    assert inbox.get(held.entry_id) == again
    second = claimed(inbox, again, holder="b", now=NOON + 2 * MINUTE)
    dead = second.dead(NOON + 3 * MINUTE, "no", is_buried=True)
    inbox.settle(second, dead)
    replayed = dead.replayed(NOON + 4 * MINUTE)
    inbox.change(dead, replayed)
    assert inbox.get(held.entry_id) == replayed
    assert len(replayed.history) == 2
