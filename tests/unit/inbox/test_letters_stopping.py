"""However a replay is interrupted, nothing is lost or doubled, and what was not reported is still in the queue."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from shared.core.errors import Unavailable
from shared.inbox.letters import Result, Stopped
from shared.inbox.scan import HOLD
from tests.unit.inbox.dead_letters_world import (
    ENDPOINT,
    DeadLetterWorld,
    after,
    everything,
    only,
    until_stopped,
    verdicts,
)

AWAY = Unavailable("DynamoDB could not be reached (ConnectTimeoutError).")


@pytest.fixture
def world() -> DeadLetterWorld:
    return DeadLetterWorld()


def many(world: DeadLetterWorld, count: int = 40) -> list[str]:
    return [world.undelivered(f"job-{number}") for number in range(count)]


def start(world: DeadLetterWorld, **options: Any) -> Any:
    return world.office.replay(everything(), who="olga", why="Mended.", dry_run=False, **options)


def is_whole(world: DeadLetterWorld, letters: list[str]) -> None:
    """Each message is in the queue, where anybody may get it, or in the inbox; a second replay brings the rest."""
    assert world.left() + len(world.inbox.entries) == len(letters)
    assert world.queues.held(world.url()) == []
    world.replay()
    assert len(world.inbox.entries) == len(letters)
    assert world.left() == 0


def test_an_endpoint_that_is_not_ready_stops_it_before_anything_happens(world: DeadLetterWorld) -> None:
    letters = many(world)
    world.readiness.reasons[ENDPOINT] = "https://annotator.example.org/readyz cannot be reached (ConnectionError)."
    with pytest.raises(
        Stopped, match=r"job-requests is not ready: .* Nothing was replayed; the rest is still in the queue"
    ):
        world.replay()
    assert world.inbox.entries == {}
    world.readiness.reasons.clear()
    is_whole(world, letters)


def test_an_endpoint_that_goes_away_half_way_stops_it(world: DeadLetterWorld) -> None:
    letters, results = many(world), list[Result]()

    def drain_after_20() -> None:
        if len(results) == 20:
            world.readiness.reasons[ENDPOINT] = "It is draining."
            world.time += timedelta(seconds=2)

    with pytest.raises(Stopped, match="20 were replayed; the rest is still in the queue"):
        until_stopped(start(world), results, drain_after_20)
    assert len(world.inbox.entries) == len(results) == 20
    world.readiness.reasons.clear()
    is_whole(world, letters)


def test_the_endpoint_is_asked_at_most_once_a_second(world: DeadLetterWorld) -> None:
    many(world)
    world.replay()
    assert world.readiness.asked == [ENDPOINT]


def test_without_a_subscription_nothing_is_replayed(world: DeadLetterWorld) -> None:
    letters = many(world, 3)
    topics, world.subscriptions.topics = (
        world.subscriptions.topics,
        {channel.topic_arn: [] for channel in world.channels},
    )
    with pytest.raises(Stopped, match="No endpoint is subscribed to job-requests"):
        world.replay()
    world.subscriptions.topics = topics
    is_whole(world, letters)


def test_an_inbox_that_is_away_stops_it(world: DeadLetterWorld) -> None:
    letters, results = many(world), list[Result]()

    def fail_after_10() -> None:
        if len(results) == 10:
            world.inbox.fail_with = AWAY

    with pytest.raises(Stopped, match=r"ConnectTimeoutError.*10 were replayed"):
        until_stopped(start(world), results, fail_after_10)
    world.inbox.fail_with = None
    assert set(verdicts(results).values()) == {"replayed"}
    is_whole(world, letters)


def test_what_could_be_replayed_beside_a_failure_is_reported(world: DeadLetterWorld) -> None:
    letters = many(world, 5)
    accept, calls = world.inbox.accept, []

    def fails_once(entry: Any) -> Any:
        calls.append(entry)
        if len(calls) == 3:
            raise AWAY
        return accept(entry)

    world.inbox.accept = fails_once  # type: ignore[method-assign]  # a double's method, for this test
    results: list[Result] = []
    with pytest.raises(Stopped, match="4 were replayed"):
        until_stopped(start(world), results)
    assert len(results) == len(world.inbox.entries) == 4
    is_whole(world, letters)


def test_an_audit_log_that_is_away_leaves_the_letter_for_the_next_time(world: DeadLetterWorld) -> None:
    letter = world.undelivered()
    world.audit.fail_with = AWAY
    with pytest.raises(Stopped, match="Nothing was replayed"):
        world.replay()
    assert world.left() == 1
    assert world.inbox.entries == {}  # nothing is done that nobody could be asked about
    world.audit.fail_with = None
    assert verdicts(world.replay()) == {letter: "replayed"}
    assert len(world.inbox.entries) == 1
    assert world.left() == 0


def test_letters_that_cannot_be_deleted_are_duplicates_the_next_time(world: DeadLetterWorld) -> None:
    letters = many(world, 3)
    delete = world.queues.delete

    def fail(queue_url: str, letters: Any) -> None:
        raise Unavailable("SQS did not delete 3 of 3 messages (InternalError).")

    world.queues.delete = fail  # type: ignore[method-assign]  # a double's method, for this test
    results: list[Result] = []
    with pytest.raises(Stopped, match="SQS did not delete"):
        until_stopped(start(world), results)
    assert verdicts(results) == dict.fromkeys(letters, "replayed")
    world.queues.delete = delete  # type: ignore[method-assign]  # a double's method, for this test
    assert verdicts(world.replay()) == dict.fromkeys(letters, "duplicate")
    assert len(world.inbox.entries) == 3


def test_a_queue_that_is_away_stops_it(world: DeadLetterWorld) -> None:
    world.queues.fail_with = Unavailable("SQS could not be reached.")
    with pytest.raises(Stopped, match="SQS could not be reached"):
        world.replay()


def test_it_stops_when_it_is_told_to(world: DeadLetterWorld) -> None:
    letters, stop = many(world), threading.Event()
    results = after(15, stop, start(world, stop=stop))
    assert len(results) == len(world.inbox.entries) == 20
    is_whole(world, letters)


def test_it_stops_while_it_looks_for_letters_that_are_not_there(world: DeadLetterWorld) -> None:
    many(world)
    stop = threading.Event()
    receive = world.queues.receive

    def receive_and_stop(*given: Any, **options: Any) -> Any:
        if world.queues.received == 2:
            stop.set()
        return receive(*given, **options)

    world.queues.receive = receive_and_stop  # type: ignore[method-assign]  # a double's method, for this test
    chosen = everything(error="nothing has this reason")
    assert world.replay(chosen, stop=stop) == []
    assert world.queues.received == 3
    assert world.office.list(chosen, limit=50, stop=stop) == []
    assert world.queues.received == 3
    assert world.queues.held(world.url()) == []


@pytest.mark.parametrize("missed", range(1, 6))
def test_no_letter_is_missed_because_sqs_missed_it(world: DeadLetterWorld, missed: int) -> None:
    """Its short polls ask some of its servers."""
    letters = many(world, 10 * missed)
    world.queues.misses = missed / 5
    assert verdicts(world.replay()) == dict.fromkeys(letters, "replayed")


def test_a_queue_that_is_not_there_keeps_no_other_from_being_replayed(world: DeadLetterWorld) -> None:
    letters = [world.undelivered(), world.raw("?", queue="object-restored")]
    del world.queues.queues[world.url("job-results")]
    results: list[Result] = []
    with pytest.raises(Stopped, match=r"no dead-letter queue of job-results\. 1 was replayed"):
        until_stopped(start(world), results)
    assert verdicts(results) == {letters[0]: "replayed", letters[1]: "invalid"}


def test_a_dry_run_of_a_long_queue_sees_its_end_although_its_holds_end(world: DeadLetterWorld) -> None:
    many(world, 400)
    receive = world.queues.receive

    def receive_slowly(*given: Any, **options: Any) -> Any:
        world.time += timedelta(seconds=2.5)
        return receive(*given, **options)

    world.queues.receive = receive_slowly  # type: ignore[method-assign]  # a double's method, for this test
    assert len(verdicts(world.replay(dry_run=True))) == 400
    assert world.queues.received < 150


def test_results_do_not_pile_up_bodies(world: DeadLetterWorld) -> None:
    world.raw("x" * 1024 * 1024)
    world.undelivered()
    for results in (world.replay(dry_run=True), world.discard(dry_run=True), world.replay(), world.discard()):
        assert {result.letter.body for result in results} == {""}


def test_a_dry_run_that_dies_holds_letters_for_about_a_minute_only(world: DeadLetterWorld) -> None:
    letters = many(world, 5)
    world.queues.release = lambda *_: None  # type: ignore[method-assign]  # a double's method, for this test
    world.office.list(everything(), limit=50)
    world.time += timedelta(seconds=70)
    assert len(world.replay(dry_run=True)) == 5
    assert len(world.queues.held(world.url())) == 5
    world.time += timedelta(seconds=70)
    assert len(verdicts(world.replay())) == len(letters)


def test_what_is_meant_is_written_down_before_it_is_done(world: DeadLetterWorld) -> None:
    world.unhandled("job-7")
    accept, seen = world.inbox.accept, []

    def look(entry: Any) -> Any:
        seen.extend(world.audit.entries)
        return accept(entry)

    world.inbox.accept = look  # type: ignore[method-assign]  # a double's method, for this test
    world.replay(who="olga", why="Mended.")
    assert [(line.who, line.why, line.what) for line in seen] == [("olga", "Mended.", "Replayed the dead letter.")]
    assert world.audit.entries == seen


def test_what_failed_in_the_inbox_is_not_left_as_done_in_the_audit_log(world: DeadLetterWorld) -> None:
    world.undelivered()

    def fail(entry: Any) -> Any:
        raise AWAY

    world.inbox.accept = fail  # type: ignore[method-assign]  # a double's method, for this test
    with pytest.raises(Stopped, match="Nothing was replayed"):
        world.replay()
    assert "Replaying the dead letter failed" in world.audit.entries[-1].what


def test_it_stops_while_it_waits_for_its_pace(world: DeadLetterWorld) -> None:
    letters, stop = many(world, 5), threading.Event()
    results = after(1, stop, start(world, per_second=0.01, stop=stop))
    assert len(results) == 1
    assert world.slept == 0
    is_whole(world, letters)


def test_whoever_stops_reading_leaves_nothing_held(world: DeadLetterWorld) -> None:
    letters, run = many(world), start(world)
    next(run)
    run.close()
    is_whole(world, letters)


def test_an_error_of_ours_keeps_its_letter_and_holds_up_no_other(world: DeadLetterWorld) -> None:
    letters = many(world, 5)
    accept = world.inbox.accept

    def crash(entry: Any) -> Any:
        if entry.about.job_id == "job-2":
            raise ZeroDivisionError
        return accept(entry)

    world.inbox.accept = crash  # type: ignore[method-assign]  # a double's method, for this test
    expected = {**dict.fromkeys(letters, "replayed"), letters[2]: "undecided"}
    results = world.replay()
    assert verdicts(results) == expected
    assert "ZeroDivisionError" in next(result.detail for result in results if result.letter.letter_id == letters[2])
    lines = [line.what for line in world.audit.entries if line.subject.endswith(letters[2])]
    assert lines[-1] == "Replaying the dead letter failed: it is still in the queue."
    assert world.left() == 1
    world.inbox.accept = accept  # type: ignore[method-assign]  # a double's method, for this test
    is_whole(world, letters)


def test_what_dies_without_giving_back_holds_letters_for_a_while_only(world: DeadLetterWorld) -> None:
    letters = many(world, 5)
    world.queues.release = lambda *_: None  # type: ignore[method-assign]  # a double's method, for this test
    run = start(world, limit=1)
    next(run)
    run.close()
    assert world.replay() == []
    world.time += HOLD
    assert len(verdicts(world.replay())) == len(letters) - 1


def test_letters_whose_hold_ends_during_a_slow_replay_are_not_met_twice(world: DeadLetterWorld) -> None:
    chosen, rest = [world.undelivered(), world.undelivered()], [world.unhandled() for _ in range(30)]
    results = []
    for result in world.office.replay(everything(error="undelivered"), who="olga", why="Mended.", dry_run=False):
        results.append(result)
        world.time += HOLD
    assert verdicts(results) == dict.fromkeys(chosen, "replayed")
    assert world.left() == len(rest)
    assert world.queues.held(world.url()) == []


@pytest.mark.parametrize("per_second", [0.5, 3.0, 50.0])
def test_no_more_are_replayed_in_a_second_than_was_said(world: DeadLetterWorld, per_second: float) -> None:
    many(world, 40)
    began = world.time
    world.replay(per_second=per_second)
    seconds = (world.time - began).total_seconds()
    assert 40 / per_second - 10 / min(per_second, 10) <= seconds <= 40 / per_second


def test_at_most_so_many_are_dealt_with_as_was_said(world: DeadLetterWorld) -> None:
    many(world)
    assert len(world.replay(limit=7)) == len(world.inbox.entries) == 7
    assert len(world.replay(limit=7, dry_run=True)) == 7
    assert world.left() == 33


def test_it_ends_when_it_has_what_it_was_asked_for(world: DeadLetterWorld) -> None:
    letters = many(world)
    world.queues.misses = 0
    world.replay(only(letters[3]))
    assert world.queues.received == 1
