"""The simulated days of docs/scaling.md: nothing is lost in them, and what they stand on is what the code and AWS say."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta

import pytest

from bench.simulation.capacity import BYTES_OF_A_DUE_ENTRY, Index, indexes, size, write_units
from bench.simulation.clock import Clock, Sleeper
from bench.simulation.fleet import Fleet, sample
from bench.simulation.load import Job, notification
from bench.simulation.policy import TargetTracking
from bench.simulation.server import LEASE
from shared.aws.inbox_items import to_item
from tests.factories import NOON


def jobs(count: int, *, every: float, seconds: float) -> Iterator[Job]:
    """One after the other."""
    dice = random.Random(1)
    for number in range(count):
        yield Job(number * every, notification(f"person-{number % 5}", dice), seconds, is_batch=False)


def test_code_that_waits_lets_the_others_go_on_and_can_be_woken_early() -> None:
    clock, happened, sleepers = Clock(), [], list[Sleeper]()

    def long() -> None:
        clock.sleep(100, hand_over=sleepers.append)
        happened.append(("long", clock.now))

    def short() -> None:
        clock.sleep(5)
        happened.append(("short", clock.now))
        sleepers[0].wake()

    clock.spawn(long)
    clock.spawn(short)
    clock.run(1000)
    assert happened == [("short", 5), ("long", 5)]


def test_a_job_that_finds_a_free_slot_starts_at_once() -> None:
    day = Fleet(1, 1, jobs=jobs(20, every=60, seconds=10)).run(3600)
    assert len(day.waits) == 20
    assert max(day.waits) < 0.1


def test_jobs_beyond_the_slots_are_done_by_more_annotators_and_none_is_lost_or_done_twice() -> None:
    fleet = Fleet(4, 1, jobs=jobs(600, every=5, seconds=30))  # six slots' work
    day = fleet.run(3600)
    assert max(minute.servers for minute in day.minutes) > 2
    assert (day.never_done, day.done_twice, len(day.waits)) == (0, 0, 600)


def test_what_an_annotator_that_is_taken_away_worked_on_is_given_back_and_done_by_another() -> None:
    fleet = Fleet(2, 1, jobs=jobs(400, every=5, seconds=15))
    fleet.clock.at(1000, lambda: fleet._scale_in(1))
    day = fleet.run(3600)
    assert day.scaled_in
    assert (day.never_done, day.done_twice) == (0, 0)


def test_what_an_annotator_that_died_worked_on_is_done_when_its_leases_have_run_out() -> None:
    fleet = Fleet(2, 1, jobs=jobs(30, every=1, seconds=50))
    fleet.clock.at(20, lambda: fleet._fail(fleet._servers[0]))
    day = fleet.run(3600)
    assert day.failures
    assert day.restarts
    assert (day.never_done, day.done_twice) == (0, 0)


def test_pushes_beyond_the_bound_come_again_by_the_delivery_policy_and_then_are_dead_letters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("bench.simulation.server", fromlist=["DEFAULTS"]).DEFAULTS, "max_backlog", 10)
    day = Fleet(1, 1, jobs=jobs(100, every=0.1, seconds=200)).run(3600)
    assert day.refused
    assert day.dead_letters
    assert len(day.waits) + day.dead_letters == 100


def tracking() -> TargetTracking:
    return TargetTracking(0.75, 300, least=1, most=100)


def test_three_minutes_above_the_target_bring_as_many_instances_as_are_needed() -> None:
    policy = tracking()
    seen = []
    for minute in range(4):
        policy.datum(3.0, 10, minute * 60)
        seen.append(policy.desired)
    assert seen == [1, 1, 40, 40]


def test_a_lull_of_a_few_minutes_takes_no_instance_away_and_a_quarter_of_an_hour_does() -> None:
    policy = tracking()
    policy.desired = 10
    seen = []
    for minute in range(15):
        policy.datum(0.3, 10, minute * 60)
        seen.append(policy.desired)
    assert seen == [10] * 14 + [4]


def test_a_write_takes_a_unit_for_each_kilobyte_and_an_index_two_when_its_key_changes() -> None:
    by_due = Index("by-due", ("shard", "due_at"), frozenset({"id", "shard", "due_at"}))
    old = {"id": {"S": "a"}, "shard": {"S": "0"}, "due_at": {"N": "1"}, "envelope": {"S": "x" * 1500}}
    assert write_units(None, old, [by_due]) == {"table": 2, "by-due": 1}
    assert write_units(old, {**old, "due_at": {"N": "2"}}, [by_due]) == {"table": 2, "by-due": 2}
    assert write_units(old, {**old, "envelope": {"S": "y"}}, [by_due]) == {"table": 2}
    assert write_units(old, {"id": {"S": "a"}}, [by_due]) == {"table": 2, "by-due": 1}


def test_an_entry_that_is_due_is_as_large_as_the_limits_are_computed_with() -> None:
    entry = sample(Clock())
    claimed = entry.claimed(holder="ip-10-0-1-234:1234", now=NOON + timedelta(days=1), lease=LEASE)
    (by_due,) = (index.part(to_item(claimed)) for index in indexes("Inbox") if index.name == "by-due")
    assert by_due is not None
    assert size(by_due) == pytest.approx(BYTES_OF_A_DUE_ENTRY, abs=20)
