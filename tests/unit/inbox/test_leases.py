"""A lease is prolonged while its holder lives, and its handler hears of it when it is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.core.errors import Conflict, Unavailable
from shared.inbox.route import Lease
from tests.factories import NOON
from tests.unit.inbox.world import LEASE, World


@pytest.fixture
def world() -> World:
    return World()


def hold(world: World) -> Lease:
    entry_id = world.accept()
    return world.leases.hold(world.claim(entry_id))


def test_a_heartbeat_keeps_the_entry_from_others(world: World) -> None:
    lease = hold(world)
    for _ in range(10):
        world.time += LEASE / 3
        world.leases.beat()
    assert not lease.lost.is_set()
    with pytest.raises(Conflict):
        world.claim(lease.entry_id)


def test_a_lease_that_somebody_else_took_is_lost(world: World) -> None:
    lease = hold(world)
    world.time += LEASE
    world.claim(lease.entry_id)
    world.leases.beat()
    assert lease.lost.is_set()


def test_heartbeats_that_fail_do_not_lose_a_lease_before_it_is_over(world: World) -> None:
    lease = hold(world)
    world.inbox.fail_with = Unavailable("DynamoDB is away.")
    world.time += LEASE - timedelta(seconds=1)
    world.leases.beat()
    assert not lease.lost.is_set()
    world.time = NOON + LEASE
    world.leases.beat()
    assert lease.lost.is_set()


def test_a_heartbeat_that_comes_through_again_saves_the_lease(world: World) -> None:
    lease = hold(world)
    world.inbox.fail_with = Unavailable("DynamoDB is away.")
    world.time += LEASE / 2
    world.leases.beat()
    world.inbox.fail_with = None
    world.leases.beat()
    world.time += LEASE - timedelta(seconds=1)
    world.leases.beat()
    assert not lease.lost.is_set()


def test_a_slow_heartbeat_of_one_does_not_hide_that_another_ran_out(world: World) -> None:
    first, second = hold(world), hold(world)
    beat = world.inbox.beat
    lost_meanwhile = []

    def slow(*arguments: object, **named: object) -> None:
        world.time += LEASE
        lost_meanwhile.append(second.lost.is_set())
        raise Unavailable("DynamoDB is away.")

    world.inbox.beat = slow  # type: ignore[method-assign]  # a double's method, for this test
    world.leases.beat()
    world.inbox.beat = beat  # type: ignore[method-assign]  # a double's method, for this test
    assert first.lost.is_set()
    assert second.lost.is_set()
    assert len(lost_meanwhile) == 1  # none is beaten that is lost already


def test_a_heartbeat_that_takes_longer_than_its_own_lease_loses_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = hold(world)

    def slow(*_arguments: object, **_named: object) -> None:
        world.time += LEASE
        raise Unavailable("DynamoDB is away.")

    monkeypatch.setattr(world.inbox, "beat", slow)
    world.leases.beat()
    assert lease.lost.is_set()


def test_one_lost_lease_does_not_keep_the_others_from_their_heartbeat(world: World) -> None:
    gone, kept = hold(world), hold(world)
    del world.inbox.entries[gone.entry_id]
    world.time += LEASE / 2
    world.leases.beat()
    assert (gone.lost.is_set(), kept.lost.is_set()) == (True, False)
    assert world.entry(kept.entry_id).due_at == world.time + LEASE


def test_a_dropped_lease_is_not_prolonged(world: World) -> None:
    lease = hold(world)
    world.leases.drop(lease)
    world.time += LEASE / 2
    world.leases.beat()
    assert world.entry(lease.entry_id).due_at == NOON + LEASE


def test_two_leases_of_one_entry_are_told_apart(world: World) -> None:
    """This process lost the first while its handler still runs, and then claimed the entry again."""
    first = hold(world)
    world.time += LEASE
    second = world.leases.hold(world.claim(first.entry_id))
    world.leases.beat()
    world.leases.drop(first)
    assert (first.lost.is_set(), second.lost.is_set()) == (True, False)
    assert [entry.work for entry in world.leases.held()] == [second.work]


def test_losing_all_tells_every_handler(world: World) -> None:
    leases = [hold(world), hold(world)]
    world.leases.lose_all()
    assert all(lease.lost.is_set() for lease in leases)
