"""What becomes of an accepted message: handled, tried again, buried, or left to whoever has it now."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.core.errors import Conflict, Permanent, Retryable, TooLarge, Unavailable
from shared.core.inbox import KEPT, EntryState
from shared.core.messages import JobRequested
from shared.inbox.attempts import LONGEST_DELAY, delay
from shared.inbox.route import Lease
from tests.factories import NOON
from tests.unit.inbox.world import LEASE, MAX_ATTEMPTS, QUEUE, World

SECOND = timedelta(seconds=1)


@pytest.fixture
def world() -> World:
    return World()


def test_an_entry_is_handled_with_its_message_and_its_lease_and_done(world: World) -> None:
    entry_id = world.accept()
    world.attempts.run(entry_id)
    [(message, lease)] = world.handled
    assert (message.job_id, lease.entry_id, lease.fence) == ("job", entry_id, 1)
    assert world.entry(entry_id).state is EntryState.DONE


def test_the_moment_at_which_the_handler_was_called_is_stored(world: World) -> None:
    entry_id = world.accept()
    world.time += SECOND

    def work(message: JobRequested, lease: Lease) -> None:
        world.time += 5 * SECOND

    world.handler = work
    world.attempts.run(entry_id)
    assert (world.entry(entry_id).started_at, world.entry(entry_id).finished_at) == (NOON + SECOND, NOON + 6 * SECOND)


def test_an_entry_is_handled_once(world: World) -> None:
    entry_id = world.accept()
    world.attempts.run(entry_id)
    world.attempts.run(entry_id)
    assert len(world.handled) == 1


def test_an_entry_is_run_with_what_its_acceptor_knew_of_it_or_not_at_all(world: World) -> None:
    entry_id = world.accept()
    known = world.entry(entry_id)
    for _ in range(2):
        world.attempts.run(entry_id, known)
    assert len(world.handled) == 1
    assert world.entry(entry_id).state is EntryState.DONE


def test_an_entry_that_is_not_due_yet_is_left_alone(world: World) -> None:
    entry_id = world.accept()
    world.fail_with(Retryable("away"))
    for _ in range(3):
        world.attempts.run(entry_id)
    assert len(world.handled) == 1


def test_an_entry_that_does_not_exist_is_no_harm(world: World) -> None:
    world.attempts.run("job-requests#unknown")


def test_an_entry_that_another_instance_has_is_left_alone(world: World) -> None:
    entry_id = world.accept()
    world.claim(entry_id)
    world.attempts.run(entry_id)
    assert world.handled == []


def test_a_retryable_failure_is_tried_again_later_with_its_reason_stored(world: World) -> None:
    entry_id = world.accept()
    world.fail_with(Retryable("SNS is away."))
    world.attempts.run(entry_id)
    entry = world.entry(entry_id)
    assert (entry.state, entry.error, entry.due_at) == (EntryState.RECEIVED, "SNS is away.", NOON + SECOND)
    world.succeed()
    world.run_until_settled(entry_id)
    assert (world.entry(entry_id).state, world.entry(entry_id).error) == (EntryState.DONE, "")


def test_who_raises_retryable_may_say_how_long_to_wait_at_least(world: World) -> None:
    entry_id = world.accept()
    world.fail_with(Retryable("later", after=timedelta(minutes=2)))
    world.attempts.run(entry_id)
    assert world.entry(entry_id).due_at == NOON + timedelta(minutes=2)


def test_delays_double_up_to_a_bound_and_half_of_each_is_chance() -> None:
    assert [delay(n, None, lambda: 1.0) / SECOND for n in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert delay(3, None, lambda: 0.0) == 2 * SECOND
    assert delay(10_000, None, lambda: 1.0) == LONGEST_DELAY
    assert delay(9, SECOND, lambda: 1.0) == 256 * SECOND


def test_attempts_are_bounded_and_then_the_message_is_buried_with_its_last_reason(world: World) -> None:
    entry_id = world.accept()
    world.fail_with(Retryable("SNS is away."))
    for _ in range(MAX_ATTEMPTS):
        world.time = world.entry(entry_id).due_at or world.time
        world.attempts.run(entry_id)
    assert len(world.handled) == MAX_ATTEMPTS
    [buried] = world.dead_letters.buried
    assert "SNS is away." in buried.reason
    assert world.entry(entry_id).state is EntryState.DEAD


def test_a_permanent_failure_is_abandoned_and_buried_at_once_verbatim_and_with_its_reason(world: World) -> None:
    entry_id = world.accept()
    world.fail_with(Permanent("The pack is damaged."))
    world.attempts.run(entry_id)
    assert [(message.job_id, reason) for message, reason in world.abandoned] == [("job", "The pack is damaged.")]
    [buried] = world.dead_letters.buried
    assert (buried.queue_url, buried.envelope) == (QUEUE, world.entry(entry_id).envelope)
    assert buried.reason == "The pack is damaged."
    assert buried.attributes["message_id"] == world.entry(entry_id).message_id
    assert (world.entry(entry_id).state, world.entry(entry_id).error) == (EntryState.DEAD, "The pack is damaged.")


def test_a_bug_in_a_handler_is_tried_again_and_bounded(world: World) -> None:
    entry_id = world.accept()
    world.fail_with(ZeroDivisionError("division by zero"))
    world.run_until_settled(entry_id)
    assert len(world.handled) == MAX_ATTEMPTS
    assert "ZeroDivisionError" in world.dead_letters.buried[0].reason


@pytest.mark.parametrize("text", ["", "not json", '{"job_id": 1}', "[" * 10_000])
def test_what_is_not_a_message_is_buried_at_once_and_nothing_is_abandoned(world: World, text: str) -> None:
    entry_id = world.accept(text)
    world.attempts.run(entry_id)
    assert (world.handled, world.abandoned) == ([], [])
    assert len(world.dead_letters.buried) == 1
    assert world.entry(entry_id).state is EntryState.DEAD


def test_a_parser_that_fails_as_nobody_thought_of_does_not_keep_the_message_for_ever(world: World) -> None:
    entry_id = world.accept()

    def parse(text: str) -> JobRequested:
        raise RecursionError("too deep")

    object.__setattr__(world.route, "parse", parse)
    world.attempts.run(entry_id)
    assert "RecursionError" in world.dead_letters.buried[0].reason


def test_what_kills_its_server_each_time_is_given_up_without_another_try(world: World) -> None:
    entry_id = world.accept()
    for _ in range(MAX_ATTEMPTS):  # each instance claims it and dies
        world.time += LEASE
        world.claim(entry_id)
    world.time += LEASE
    world.attempts.run(entry_id)
    assert world.handled == []
    assert len(world.abandoned) == len(world.dead_letters.buried) == 1
    assert world.entry(entry_id).state is EntryState.DEAD


def test_a_burial_that_fails_is_done_later_and_the_message_is_not_lost(world: World) -> None:
    entry_id = world.accept()
    world.fail_with(Permanent("no"))
    world.dead_letters.fail_with = Unavailable("SQS is away.")
    world.attempts.run(entry_id)
    assert world.entry(entry_id).state is EntryState.RECEIVED
    world.dead_letters.fail_with = None
    world.run_until_settled(entry_id)
    assert len(world.dead_letters.buried) == 1
    assert world.entry(entry_id).state is EntryState.DEAD


def test_a_burial_that_fails_when_all_attempts_are_used_up_does_not_run_the_handler_again(world: World) -> None:
    entry_id = world.accept()
    world.fail_with(Retryable("SNS is away."))
    world.dead_letters.fail_with = Unavailable("SQS is away.")
    for _ in range(10):
        world.time = world.entry(entry_id).due_at or world.time
        world.attempts.run(entry_id)
    assert len(world.handled) == MAX_ATTEMPTS
    assert world.entry(entry_id).state is EntryState.RECEIVED
    world.dead_letters.fail_with = None
    world.run_until_settled(entry_id)
    assert world.entry(entry_id).state is EntryState.DEAD


def test_a_crash_between_burial_and_dead_buries_again_rather_than_never(world: World) -> None:
    entry_id = world.accept()
    world.fail_with(Permanent("no"))
    settle = world.inbox.settle
    world.inbox.settle = _raise(Unavailable("DynamoDB is away."))  # type: ignore[method-assign]
    world.attempts.run(entry_id)
    assert world.entry(entry_id).state is EntryState.RUNNING
    world.inbox.settle = settle  # type: ignore[method-assign]
    world.run_until_settled(entry_id)
    assert len(world.dead_letters.buried) == 2
    assert world.entry(entry_id).state is EntryState.DEAD


def test_abandoning_that_fails_for_now_is_done_again_before_the_burial(world: World) -> None:
    entry_id = world.accept()
    world.fail_with(Permanent("no"))
    world.on_abandon = _raise(Unavailable("DynamoDB is away."))
    world.attempts.run(entry_id)
    assert world.dead_letters.buried == []
    world.on_abandon = lambda *_: None
    world.run_until_settled(entry_id)
    assert len(world.abandoned) == 2
    assert world.entry(entry_id).state is EntryState.DEAD


def test_a_bug_in_abandoning_does_not_keep_a_message_from_the_dead_letters(world: World) -> None:
    entry_id = world.accept()
    world.fail_with(Permanent("no"))
    world.on_abandon = _raise(KeyError("x"))
    world.attempts.run(entry_id)
    assert len(world.dead_letters.buried) == 1


def test_a_message_that_the_queue_cannot_hold_is_kept_in_the_inbox_for_good(world: World) -> None:
    entry_id = world.accept()
    world.fail_with(Permanent("no"))
    world.dead_letters.fail_with = TooLarge("SQS cannot hold it.")
    world.attempts.run(entry_id)
    assert (world.entry(entry_id).state, world.entry(entry_id).forget_at) == (EntryState.DEAD, None)


def test_a_message_that_was_buried_is_forgotten_in_time(world: World) -> None:
    entry_id = world.accept()
    world.fail_with(Permanent("no"))
    world.attempts.run(entry_id)
    assert world.entry(entry_id).forget_at == NOON + KEPT


def test_an_outcome_that_cannot_be_stored_leaves_the_entry_to_a_later_attempt(world: World) -> None:
    entry_id = world.accept()

    def work(message: JobRequested, lease: Lease) -> None:
        world.inbox.fail_with = Unavailable("DynamoDB is away.")

    world.handler = work
    world.attempts.run(entry_id)
    world.inbox.fail_with = None
    world.succeed()
    assert world.entry(entry_id).state is EntryState.RUNNING
    world.run_until_settled(entry_id)
    assert world.entry(entry_id).state is EntryState.DONE


def test_a_claim_that_fails_leaves_the_entry_as_it_is(world: World) -> None:
    entry_id = world.accept()
    world.inbox.fail_with = Unavailable("DynamoDB is away.")
    world.attempts.run(entry_id)
    world.inbox.fail_with = None
    assert world.entry(entry_id).attempts == 0


@pytest.mark.parametrize("end", [None, Retryable("stopped"), Permanent("stopped"), ValueError("stopped")])
def test_whatever_a_handler_says_whose_lease_was_lost_does_not_count(world: World, end: Exception | None) -> None:
    """The server stops: the lease is still its own, but the handler did not do its work."""
    entry_id = world.accept()

    def work(message: JobRequested, lease: Lease) -> None:
        lease.lost.set()
        if end is not None:
            raise end

    world.handler = work
    world.attempts.run(entry_id)
    entry = world.entry(entry_id)
    assert (entry.state, entry.attempts, entry.due_at) == (EntryState.RECEIVED, 0, NOON)
    assert world.dead_letters.buried == []


@pytest.mark.parametrize("end", [None, Retryable("x"), Permanent("x"), ValueError("x")])
def test_an_attempt_that_was_overtaken_changes_nothing(world: World, end: Exception | None) -> None:
    entry_id = world.accept()

    def slow(message: JobRequested, lease: Lease) -> None:
        world.time += LEASE
        world.claim(entry_id)
        if end is not None:
            raise end

    world.handler = slow
    world.attempts.run(entry_id)
    entry = world.entry(entry_id)
    assert (entry.state, entry.holder, entry.fence) == (EntryState.RUNNING, "there", 2)


def test_a_lease_is_kept_alive_until_the_outcome_is_stored_and_not_longer(world: World) -> None:
    entry_id = world.accept()
    held = []
    world.handler = lambda *_: held.extend(world.leases.held())
    world.attempts.run(entry_id)
    assert [lease.entry_id for lease in held] == [entry_id]
    assert world.leases.held() == []


def test_a_death_in_the_handler_leaves_the_lease_to_run_out(world: World) -> None:
    entry_id = world.accept()
    world.fail_with(SystemExit("killed"))
    with pytest.raises(SystemExit):
        world.attempts.run(entry_id)
    assert world.leases.held() == []
    world.succeed()
    world.run_until_settled(entry_id)
    assert world.entry(entry_id).state is EntryState.DONE


def test_a_conflict_within_a_handler_is_its_own_failure_and_not_a_lost_lease(world: World) -> None:
    entry_id = world.accept()
    world.fail_with(Conflict("Somebody else was quicker."))
    world.attempts.run(entry_id)
    assert world.dead_letters.buried[0].reason == "Somebody else was quicker."


def test_an_endless_error_is_stored_shortened(world: World) -> None:
    entry_id = world.accept()
    world.fail_with(Retryable("x" * 1_000_000))
    world.attempts.run(entry_id)
    assert len(world.entry(entry_id).error) < 5000


def test_the_backlog_shrinks_with_every_finished_entry(world: World) -> None:
    done, dead = world.accept(), world.accept("not a message")
    world.backlog.bound = 2
    assert world.backlog.is_full
    world.attempts.run(done)
    world.backlog.bound = 1
    assert world.backlog.is_full
    world.attempts.run(dead)
    assert not world.backlog.is_full


def test_an_envelope_that_no_longer_reads_is_buried(world: World) -> None:
    entry_id = world.accept()
    world.inbox.entries[entry_id] = replace(world.entry(entry_id), envelope="{}")
    world.attempts.run(entry_id)
    assert world.entry(entry_id).state is EntryState.DEAD


def _raise(error: Exception):  # type: ignore[no-untyped-def]  # stands in for functions of several shapes
    def fail(*_args: object, **_named: object) -> None:
        raise error

    return fail
