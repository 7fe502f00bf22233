"""What becomes of a job whose announcement was lost."""

from __future__ import annotations

from typing import Any

import pytest

from frontend import announcer
from frontend.announcer import Announcer, announce
from shared.core.errors import Unavailable
from shared.core.jobs import JobState
from tests.unit.frontend_jobs.world import VCF, JobsWorld
from tests.whole import wait_for


@pytest.fixture
def lost(world: JobsWorld) -> str:
    """The id of a job that was queued while SNS was away."""
    job = world.job()
    world.inputs.write(job.input.key, VCF, content_type="text/plain")
    world.jobs.submit(job.job_id, pack="rcrs", why="", size=len(VCF), request_id="request-7", now=world.time)
    return job.job_id


def test_a_job_is_announced_with_its_run_its_owner_and_the_request_that_began_it(world: JobsWorld, lost: str) -> None:
    assert announce(world.stored(lost), world.services)
    owner = world.stored(lost).user_id
    assert [(message.job_id, message.run, message.user_id, message.request_id) for message in world.announced] == [
        (lost, 1, owner, "request-7")
    ]


def test_an_announced_job_is_not_announced_again(world: JobsWorld, lost: str) -> None:
    announce(world.stored(lost), world.services)
    world.later(minutes=1)
    assert Announcer(world.services).sweep() == 0


def test_a_failed_announcement_is_no_failure_of_the_request(world: JobsWorld, lost: str) -> None:
    world.topics.fail_with = Unavailable("SNS is away.")
    assert not announce(world.stored(lost), world.services)
    assert world.stored(lost).state is JobState.QUEUED


def test_a_job_left_unannounced_is_announced_after_ten_seconds(world: JobsWorld, lost: str) -> None:
    world.later(seconds=9)
    assert Announcer(world.services).sweep() == 0
    world.later(seconds=2)
    assert Announcer(world.services).sweep() == 1
    assert [message.job_id for message in world.announced] == [lost]


def test_a_job_whose_mark_could_not_be_removed_is_announced_again(world: JobsWorld, lost: str) -> None:
    world.jobs.fail_with = Unavailable("DynamoDB is away.")
    assert not announce(a_copy := world.jobs.jobs[lost], world.services)
    world.jobs.fail_with = None
    world.later(seconds=11)
    assert Announcer(world.services).sweep() == 1
    assert [message.job_id for message in world.announced] == [a_copy.job_id] * 2


def test_jobs_of_later_runs_are_announced_as_such(world: JobsWorld) -> None:
    job = world.job(JobState.FAILED)
    world.jobs.run_again(job.job_id, run=1, request_id="", now=world.time)
    world.later(seconds=11)
    Announcer(world.services).sweep()
    assert [message.run for message in world.announced] == [2]


def test_the_sweep_goes_on_after_a_store_was_away(world: JobsWorld, lost: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcer, "SWEEP_SECONDS", 0.001)
    world.later(seconds=11)
    looked: list[None] = []
    unannounced = world.jobs.unannounced

    def look(**asked: Any) -> Any:
        looked.append(None)
        return unannounced(**asked)

    monkeypatch.setattr(world.jobs, "unannounced", look)
    world.jobs.fail_with = Unavailable("DynamoDB is away.")
    sweeping = Announcer(world.services)
    sweeping.start()
    try:
        wait_for("a few looks in vain", lambda: len(looked) > 2, seconds=10, pause=0.001)
        assert world.announced == []
        world.jobs.fail_with = None
        wait_for("the announcement", lambda: world.announced, seconds=10, pause=0.001)
    finally:
        sweeping.stop(10)
    assert [message.job_id for message in world.announced] == [lost]


def test_stopping_ends_the_thread(world: JobsWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcer, "SWEEP_SECONDS", 3600.0)
    sweeping = Announcer(world.services)
    sweeping.start()
    assert sweeping.is_running
    sweeping.stop(10)
    assert not sweeping.is_running


def test_an_announcer_that_was_never_started_can_be_stopped(world: JobsWorld) -> None:
    Announcer(world.services).stop(1)
