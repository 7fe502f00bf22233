"""Operators have messages tried, pause topics, and see all of it at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest

from shared.core.channels import ChannelTotals
from shared.core.errors import Conflict, GasError, NotFound, Permanent
from shared.core.inbox import Entry, EntryState
from shared.inbox import desk
from tests.factories import NOON
from tests.unit.inbox.dead_letters_world import DeadLetterWorld

SECOND = timedelta(seconds=1)
BY = {"who": "olga", "why": "The disk was full."}


@pytest.fixture
def world() -> DeadLetterWorld:
    return DeadLetterWorld()


def entry(world: DeadLetterWorld, state: EntryState = EntryState.RECEIVED, **changes: Any) -> Entry:
    """One more message; ``changes`` are its fields as stored."""
    accepted = world.accept(world.envelope())
    if state is not EntryState.RECEIVED:
        world.settle(accepted.entry_id, state)
    stored = replace(world.inbox.entries[accepted.entry_id], **changes)
    world.inbox.entries[accepted.entry_id] = stored
    return stored


def test_a_message_that_waits_for_its_next_attempt_is_due_at_once(world: DeadLetterWorld) -> None:
    waiting = entry(world, due_at=NOON + timedelta(minutes=15), attempts=3)
    retried = world.desk.retry(waiting.entry_id, **BY)
    assert world.inbox.entries[waiting.entry_id] == retried == replace(waiting, due_at=NOON)


def test_a_dead_message_is_handled_anew(world: DeadLetterWorld) -> None:
    dead = entry(world, EntryState.DEAD)
    retried = world.desk.retry(dead.entry_id, **BY)
    assert (retried.state, retried.attempts, retried.replays) == (EntryState.RECEIVED, 0, 1)
    assert world.inbox.entries[dead.entry_id] == retried


@pytest.mark.parametrize(
    ("state", "words"), [(EntryState.DONE, "was handled"), (EntryState.RUNNING, "is being handled by host:2")]
)
def test_what_is_done_or_under_way_is_not_tried_again(world: DeadLetterWorld, state: EntryState, words: str) -> None:
    known = entry(world, state)
    with pytest.raises(Conflict, match=words):
        world.desk.retry(known.entry_id, **BY)
    assert world.inbox.entries[known.entry_id] == known
    assert world.audit.entries == []


def test_who_is_too_late_is_told(world: DeadLetterWorld) -> None:
    dead = entry(world, EntryState.DEAD)
    world.desk.retry(dead.entry_id, **BY)
    world.inbox.get = Mock(return_value=dead)  # type: ignore[method-assign]  # as it was a moment ago
    with pytest.raises(Conflict, match="look at it again"):
        world.desk.retry(dead.entry_id, **BY)
    assert world.inbox.entries[dead.entry_id].replays == 1


def test_an_unknown_message_is_not_found(world: DeadLetterWorld) -> None:
    with pytest.raises(NotFound, match="no message job-requests#1"):
        world.desk.retry("job-requests#1", **BY)


def test_a_topic_is_paused_and_resumed(world: DeadLetterWorld) -> None:
    world.desk.pause("job-requests", **BY)
    (pause,) = world.inbox.pauses().values()
    assert (pause.route, pause.who, pause.why, pause.at) == ("job-requests", "olga", "The disk was full.", NOON)
    world.desk.resume("job-requests", **BY)
    assert world.inbox.pauses() == {}


@pytest.mark.parametrize(("topic", "words"), [("jobs", "no topic jobs"), ("object-restored", "pushed to a function")])
def test_what_no_server_takes_cannot_be_paused(world: DeadLetterWorld, topic: str, words: str) -> None:
    for act in (world.desk.pause, world.desk.resume):
        with pytest.raises(GasError, match=words):
            act(topic, **BY)
    assert world.inbox.pauses() == {}


def test_everything_is_written_to_the_audit_log(world: DeadLetterWorld) -> None:
    waiting = entry(world)
    world.desk.retry(waiting.entry_id, **BY)
    world.desk.pause("job-requests", **BY)
    world.desk.resume("job-requests", **BY)
    assert [line.subject for line in world.audit.entries] == [
        f"message#{waiting.entry_id}",
        "subscription#job-requests",
        "subscription#job-requests",
    ]
    assert {(line.who, line.why, line.at) for line in world.audit.entries} == {("olga", "The disk was full.", NOON)}


@pytest.mark.parametrize(("who", "why"), [("", "A reason."), ("olga", " ")])
def test_nothing_is_changed_without_a_name_and_a_reason(world: DeadLetterWorld, who: str, why: str) -> None:
    waiting = entry(world, due_at=NOON + SECOND)
    for act, what in (
        (world.desk.retry, waiting.entry_id),
        (world.desk.pause, "job-requests"),
        (world.desk.resume, "job-requests"),
    ):
        with pytest.raises(Permanent, match="why you do this"):
            act(what, who=who, why=why)
    assert world.inbox.entries[waiting.entry_id] == waiting
    assert world.inbox.pauses() == {}


def overview(world: DeadLetterWorld, since: datetime = NOON - timedelta(hours=3)) -> desk.Overview:
    return world.desk.overview(since=since, until=NOON, step=timedelta(hours=1))


def test_messages_are_counted_where_they_were_accepted_without_gaps(world: DeadLetterWorld) -> None:
    entry(world, EntryState.DONE, accepted_at=NOON - timedelta(hours=3))
    entry(world, EntryState.DONE, accepted_at=NOON - timedelta(hours=2) - SECOND, attempts=2)
    entry(world, EntryState.DEAD, accepted_at=NOON - SECOND)
    entry(world, accepted_at=NOON - SECOND, replays=1)
    entry(world, EntryState.DONE, accepted_at=NOON - timedelta(hours=4))
    found = overview(world)
    assert found.totals["job-requests"] == [
        ChannelTotals(NOON - timedelta(hours=3), received=2, handled=2, retried=1, dead=0),
        ChannelTotals(NOON - timedelta(hours=2)),
        ChannelTotals(NOON - timedelta(hours=1), received=2, handled=0, retried=1, dead=1),
    ]
    assert found.totals["job-results"] == [ChannelTotals(NOON - timedelta(hours=3 - number)) for number in range(3)]
    assert "object-restored" not in found.totals
    assert not found.is_cut


def test_a_step_that_does_not_divide_the_time_covers_all_of_it(world: DeadLetterWorld) -> None:
    entry(world, accepted_at=NOON - SECOND)
    found = world.desk.overview(since=NOON - timedelta(minutes=90), until=NOON, step=timedelta(hours=1))
    assert [total.received for total in found.totals["job-requests"]] == [0, 1]


def test_how_long_messages_take_is_told_stage_by_stage(world: DeadLetterWorld) -> None:
    begin = NOON - timedelta(hours=1)
    for number in range(1, 101):
        entry(
            world,
            EntryState.DONE,
            received_at=begin,
            accepted_at=begin + SECOND,
            started_at=begin + SECOND * 2,
            finished_at=begin + SECOND * (2 + number),
        )
    entry(world, received_at=begin, accepted_at=begin + SECOND)
    timings = overview(world).timings["job-requests"]
    assert timings.accepting == desk.Percentiles(101, SECOND, SECOND, SECOND)
    assert timings.waiting == desk.Percentiles(100, SECOND, SECOND, SECOND)
    assert timings.working == desk.Percentiles(100, SECOND * 50, SECOND * 95, SECOND * 99)
    assert timings.whole == desk.Percentiles(100, SECOND * 52, SECOND * 97, SECOND * 101)


def test_what_has_not_come_so_far_has_no_timing(world: DeadLetterWorld) -> None:
    entry(world, accepted_at=NOON - SECOND)
    timings = overview(world).timings
    assert list(timings) == ["job-requests"]
    assert timings["job-requests"].waiting is timings["job-requests"].working is timings["job-requests"].whole is None


def test_clocks_that_differ_make_no_negative_time(world: DeadLetterWorld) -> None:
    entry(world, received_at=NOON, accepted_at=NOON - SECOND)
    accepting = overview(world).timings["job-requests"].accepting
    assert accepting == desk.Percentiles(1, timedelta(), timedelta(), timedelta())


def test_the_oldest_unfinished_message_is_known_however_old_it_is(world: DeadLetterWorld) -> None:
    entry(world, EntryState.RUNNING, accepted_at=NOON - timedelta(days=2))
    entry(world, accepted_at=NOON - timedelta(hours=1))
    entry(world, EntryState.DONE, accepted_at=NOON - timedelta(days=9))
    assert overview(world).oldest == {"job-requests": NOON - timedelta(days=2)}


def test_of_very_many_messages_the_latest_are_told_and_it_says_so(
    world: DeadLetterWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "MOST_HEADS", 25)
    for number in range(30):
        entry(world, EntryState.DONE, accepted_at=NOON - SECOND * (number + 1))
    found = overview(world)
    assert found.is_cut
    assert sum(total.received for total in found.totals["job-requests"]) == 25
