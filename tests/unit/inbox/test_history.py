"""An entry remembers its attempts: who made each, when, and how it ended."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.core.errors import Permanent, Retryable
from shared.core.inbox import Attempt, Outcome
from shared.core.messages import JobRequested
from shared.inbox.route import Lease
from tests.factories import NOON
from tests.unit.inbox.world import LEASE, World

SECOND = timedelta(seconds=1)


@pytest.fixture
def world() -> World:
    return World()


def test_each_attempt_is_remembered_with_who_made_it_when_and_how_it_ended(world: World) -> None:
    entry_id = world.accept()

    def work(message: JobRequested, lease: Lease) -> None:
        world.time += 5 * SECOND
        if lease.fence == 1:
            raise Retryable("SNS is away.")

    world.handler = work
    world.attempts.run(entry_id)
    world.run_until_settled(entry_id)
    first, second = world.entry(entry_id).history
    assert first == Attempt("here", NOON, NOON, NOON + 5 * SECOND, Outcome.RETRY, "SNS is away.")
    assert (second.outcome, second.started_at, second.error) == (Outcome.DONE, NOON + 6 * SECOND, "")


def test_an_attempt_that_was_given_back_is_remembered_as_such(world: World) -> None:
    entry_id = world.accept()
    world.handler = lambda _, lease: lease.lost.set()
    world.attempts.run(entry_id)
    [attempt] = world.entry(entry_id).history
    assert (attempt.outcome, attempt.started_at) == (Outcome.RELEASED, NOON)


def test_an_attempt_of_which_nothing_was_heard_is_remembered_as_lost(world: World) -> None:
    entry_id = world.accept()
    world.claim(entry_id)
    world.run_until_settled(entry_id)
    lost, done = world.entry(entry_id).history
    assert (lost.holder, lost.outcome, lost.ended_at) == ("there", Outcome.LOST, NOON + LEASE)
    assert (done.holder, done.outcome) == ("here", Outcome.DONE)


def test_why_a_message_was_given_up_is_remembered_also_after_a_replay(world: World) -> None:
    entry_id = world.accept()
    world.fail_with(Permanent("The pack is damaged."))
    world.attempts.run(entry_id)
    dead = world.entry(entry_id)
    world.inbox.change(dead, dead.replayed(world.time))
    world.succeed()
    world.run_until_settled(entry_id)
    outcomes = [(attempt.outcome, attempt.error) for attempt in world.entry(entry_id).history]
    assert outcomes == [(Outcome.DEAD, "The pack is damaged."), (Outcome.DONE, "")]
