"""What becomes of a job when its request arrives once, twice, late, or half-way through a disaster."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from annotator_hook.handlers import job_requested
from annotator_hook.pipeline.job import InputRejected, Ledger, Limits, PackProblem, Progress, Result, Spec, Stopped
from annotator_hook.services import BUILT_IN_PACKS, Services
from shared.core.errors import Permanent, Unavailable
from shared.core.jobs import JobState, input_key
from shared.core.messages import JobFinished, JobRequested
from shared.inbox.route import Lease
from tests.factories import a_job
from tests.fakes import FakeJobs, FakeObjects, FakeTopics

NOON = datetime(2026, 3, 6, 12, 0, tzinfo=UTC)
TOPIC = "arn:aws:sns:us-east-1:123456789012:job-results"
REQUESTS = "arn:aws:sns:us-east-1:123456789012:job-requests"


class World:
    """The annotator's surroundings; the engine is replaced by what the test says of it."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.jobs, self.inputs, self.results, self.topics = FakeJobs(), FakeObjects(), FakeObjects(), FakeTopics()
        self.job = a_job(state=JobState.QUEUED)
        self.job = replace(
            self.job, input=replace(self.job.input, key=input_key(self.job.user_id, self.job.job_id), size=5)
        )
        self.jobs.create(self.job)
        self.inputs.write(self.job.input.key, b"##vcf", content_type="text/plain")
        self.work_dir = tmp_path / "work"
        self.services = Services(
            jobs=self.jobs,
            inputs=self.inputs,
            results=self.results,
            topics=self.topics,
            job_requests_topic=REQUESTS,
            job_results_topic=TOPIC,
            packs=(BUILT_IN_PACKS,),
            work_dir=self.work_dir,
            limits=Limits(memory_bytes=2**31, seconds=60, output_bytes=2**30),
            now=lambda: NOON,
        )
        self.engine: Any = self.annotate
        self.limits: Limits | None = None
        """What the engine was told."""
        monkeypatch.setattr(job_requested, "run", self.run_engine)

    def run_engine(self, spec: Spec, **callbacks: Any) -> Result:
        self.limits = spec.limits
        result: Result = self.engine(spec, **callbacks)
        return result

    @staticmethod
    def annotate(spec: Spec, *, on_progress: Any, should_stop: Any) -> Result:
        on_progress(Progress("annotating", 3, 4))
        if should_stop():
            raise Stopped
        vcf = spec.output_dir / "annotated.vcf.gz"
        vcf.write_bytes(b"result of " + spec.input.read_bytes())
        return Result(
            ledger=Ledger(4, 3, {"symbolic": 1}), summary={"impact": {"HIGH": 1}}, files={"vcf": vcf}, warnings=[]
        )

    def deliver(self, fence: int = 1, entry: str = "job-requests#1", run: int = 1, replays: int = 0) -> None:
        message = JobRequested(job_id=self.job.job_id, run=run, user_id=self.job.user_id)
        job_requested.handle(message, Lease(entry, fence, replays), self.services)

    def abandon(self, fence: int = 1, entry: str = "job-requests#1") -> None:
        """The entry's message is given up."""
        message = JobRequested(job_id=self.job.job_id, run=1, user_id=self.job.user_id)
        job_requested.abandon(message, "It cannot be done.", Lease(entry, fence), self.services)

    @property
    def stored(self) -> Any:
        return self.jobs.get(self.job.job_id)

    @property
    def announced(self) -> list[JobFinished]:
        return [JobFinished.from_json(text) for topic, text in self.topics.published if topic == TOPIC]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def test_the_outcome_is_announced_with_the_job_its_owner_and_the_request_that_began_it(world: World) -> None:
    world.deliver()
    told = {"job_id": world.job.job_id, "user_id": world.job.user_id, "request_id": world.job.request_id}
    assert [message.model_dump(include=set(told)) for message in world.announced] == [told]


def test_a_requested_job_is_completed_with_its_ledger_and_files_and_announced(world: World) -> None:
    world.deliver()
    job = world.stored
    assert job.state is JobState.COMPLETED
    assert (job.ledger.records_in, job.ledger.annotated, dict(job.ledger.skipped)) == (4, 3, {"symbolic": 1})
    assert world.results.read(job.results["vcf"].key, limit=100) == b"result of ##vcf"
    assert [(message.job_id, message.outcome) for message in world.announced] == [(job.job_id, "COMPLETED")]


GIB = 1024**3


@pytest.mark.parametrize(
    ("size", "seconds", "output"), [(5, 60, GIB), (GIB, 60, 600 * GIB), (20 * GIB + 1, 21 * 60, 600 * (20 * GIB + 1))]
)
def test_a_large_upload_may_take_longer_and_make_larger_files(
    world: World, size: int, seconds: float, output: int
) -> None:
    world.jobs.jobs[world.job.job_id] = replace(world.job, input=replace(world.job.input, size=size))
    world.deliver()
    assert world.limits == Limits(memory_bytes=2 * GIB, seconds=seconds, output_bytes=output)


def test_a_request_delivered_twice_runs_the_job_once(world: World) -> None:
    world.deliver()
    world.engine = None  # a second run would fail
    world.deliver(fence=2)
    assert world.stored.state is JobState.COMPLETED


def test_a_crash_between_the_last_transition_and_the_announcement_loses_no_announcement(world: World) -> None:
    world.topics.fail_with = Unavailable("SNS is away.")
    with pytest.raises(Unavailable):
        world.deliver()
    world.topics.fail_with = None
    world.deliver(fence=2)
    assert [message.outcome for message in world.announced] == ["COMPLETED"]


def test_a_job_whose_worker_died_is_taken_over_by_the_same_entry(world: World) -> None:
    world.jobs.start(world.job.job_id, run=1, work=Lease("job-requests#1", 1).work, now=NOON)
    world.deliver(fence=2)
    assert world.stored.state is JobState.COMPLETED


def test_a_second_announcement_leaves_a_running_job_to_the_one_who_runs_it(world: World) -> None:
    world.jobs.start(world.job.job_id, run=1, work=Lease("job-requests#1", 1).work, now=NOON)
    world.deliver(entry="job-requests#2")
    assert world.stored.state is JobState.RUNNING
    assert world.stored.worker == "job-requests#1"


def test_a_stale_request_does_not_touch_a_later_run(world: World) -> None:
    world.deliver()
    world.jobs.run_again(world.job.job_id, run=1, request_id="", now=NOON)
    world.deliver(run=1, entry="job-requests#9")
    assert world.stored.state is JobState.QUEUED


def test_a_refused_file_fails_the_job_with_its_sentence_line_and_log(world: World) -> None:
    def refuse(spec: Spec, **_: Any) -> Result:
        (spec.output_dir / "log.txt").write_text("why")
        raise InputRejected("columns", "Line 7 has 6 columns.", "Use tabs.", 7)

    world.engine = refuse
    world.deliver()
    job = world.stored
    assert job.state is JobState.FAILED
    assert (job.error.code, job.error.message, job.error.hint, job.error.line) == (
        "columns",
        "Line 7 has 6 columns.",
        "Use tabs.",
        7,
    )
    assert world.results.read(job.results["log"].key, limit=10) == b"why"
    assert [message.outcome for message in world.announced] == ["FAILED"]


def test_a_job_cancelled_while_it_runs_stops_and_leaves_no_files(world: World) -> None:
    def cancelled_meanwhile(spec: Spec, **callbacks: Any) -> Result:
        world.jobs.cancel(world.job.job_id, now=NOON)
        return world.annotate(spec, **callbacks)

    world.engine = cancelled_meanwhile
    world.deliver()
    assert world.stored.state is JobState.CANCELLED
    assert world.results.objects == {}
    assert world.announced == []


def test_a_job_cancelled_while_its_results_are_stored_leaves_no_files(world: World) -> None:
    def cancelled_at_the_end(spec: Spec, **callbacks: Any) -> Result:
        result = world.annotate(spec, **callbacks)
        world.jobs.cancel(world.job.job_id, now=NOON)
        return result

    world.engine = cancelled_at_the_end
    world.deliver()
    assert world.stored.state is JobState.CANCELLED
    assert world.results.objects == {}


def test_a_deleted_job_is_forgotten_without_a_sound(world: World) -> None:
    world.jobs.delete(world.job.job_id)
    world.deliver()
    assert world.announced == []


def test_results_stored_after_their_job_was_deleted_do_not_stay_although_s3_was_away(world: World) -> None:
    def delete_at_the_end(spec: Spec, **callbacks: Any) -> Result:
        result = world.annotate(spec, **callbacks)
        world.jobs.delete(world.job.job_id)
        return result

    def away(prefix: str) -> None:
        raise Unavailable("S3 is away.")

    clear, world.results.delete_under = world.results.delete_under, away  # type: ignore[method-assign]  # a double's method, for this test
    world.engine = delete_at_the_end
    with pytest.raises(Unavailable):
        world.deliver()
    assert world.results.objects != {}
    world.results.delete_under = clear  # type: ignore[method-assign]  # a double's method, for this test
    world.results.objects["somebody/else/annotated.vcf.gz"] = b""
    world.deliver(fence=2)
    assert list(world.results.objects) == ["somebody/else/annotated.vcf.gz"]


def test_a_request_that_does_not_name_the_owner_of_a_deleted_job_clears_nothing_away(world: World) -> None:
    world.jobs.delete(world.job.job_id)
    world.results.objects["somebody/else/annotated.vcf.gz"] = b""
    older = JobRequested(job_id=world.job.job_id, run=1)
    job_requested.handle(older, Lease("job-requests#1", 1), world.services)
    assert list(world.results.objects) == ["somebody/else/annotated.vcf.gz"]


def test_a_missing_input_fails_the_job_and_says_to_upload_again(world: World) -> None:
    world.inputs.delete_under(f"{world.job.user_id}/")
    world.deliver()
    assert world.stored.state is JobState.FAILED
    assert "Upload it again" in world.stored.error.hint


def test_progress_is_stored_while_the_job_runs(world: World) -> None:
    seen = []

    def look(spec: Spec, **callbacks: Any) -> Result:
        result = world.annotate(spec, **callbacks)
        seen.append(world.stored.progress)
        return result

    world.engine = look
    world.deliver()
    assert (seen[0].stage, seen[0].done, seen[0].total) == ("annotating", 3, 4)


def test_an_attempt_that_lost_its_lease_stops_without_touching_its_successors_files(world: World) -> None:
    def slow(spec: Spec, **callbacks: Any) -> Result:
        result = world.annotate(spec, **callbacks)
        world.engine = world.annotate
        world.deliver(fence=2)  # another server takes over, and finishes first
        return result

    world.engine = slow
    world.deliver(fence=1)
    job = world.stored
    assert job.state is JobState.COMPLETED
    assert set(world.results.objects) == {job.results["vcf"].key}


def test_a_message_that_is_given_up_fails_the_job_in_words_for_its_owner(world: World) -> None:
    def crash(spec: Spec, **_: Any) -> Result:
        raise Permanent("pack rcrs is damaged")

    world.engine = crash
    with pytest.raises(Permanent):
        world.deliver()
    world.abandon()
    world.abandon(fence=2)
    assert world.stored.state is JobState.FAILED
    assert "on our side" in world.stored.error.message
    assert {message.outcome for message in world.announced} == {"FAILED"}


def test_a_message_that_is_given_up_leaves_the_job_to_another_message_that_runs_it(world: World) -> None:
    """A run may be announced twice: the second message finds the job running."""

    def meanwhile(spec: Spec, **callbacks: Any) -> Result:
        world.abandon(entry="job-requests#2", fence=9)
        assert (world.stored.state, world.announced) == (JobState.RUNNING, [])
        return world.annotate(spec, **callbacks)

    world.engine = meanwhile
    world.deliver()
    assert world.stored.state is JobState.COMPLETED
    assert [message.outcome for message in world.announced] == ["COMPLETED"]


def test_a_job_whose_pack_is_damaged_fails_with_the_packs_name_and_operators_hear_of_it(world: World) -> None:
    sentence = "The reference pack rcrs is damaged: x. Look at it with: gas packs verify rcrs"

    def damaged(spec: Spec, **_: Any) -> Result:
        raise PackProblem(sentence)

    world.engine = damaged
    with pytest.raises(Permanent):  # what dead-letters the message
        world.deliver()
    world.abandon()
    error = world.stored.error
    assert (world.stored.state, error.code, error.message) == (JobState.FAILED, "pack", sentence)
    assert [message.outcome for message in world.announced] == ["FAILED"]


def test_nothing_is_left_in_the_work_folder(world: World) -> None:
    world.deliver()
    assert list(world.work_dir.iterdir()) == []


def test_a_job_that_was_given_up_is_run_again_when_an_operator_replays_its_message(world: World) -> None:
    world.abandon()
    world.deliver(fence=2)
    assert world.stored.state is JobState.FAILED  # SNS delivered it twice: nobody mended anything
    world.deliver(fence=3, replays=1)
    assert (world.stored.state, world.stored.run, world.stored.error) == (JobState.QUEUED, 2, None)
    assert [topic for topic, _ in world.topics.published if topic == REQUESTS] == [REQUESTS]
    world.deliver(fence=4, replays=1)
    assert (world.stored.state, world.stored.run) == (JobState.QUEUED, 2)


def test_a_job_that_failed_for_its_file_is_not_run_again_by_a_replay(world: World) -> None:
    def refuse(*_: Any, **__: Any) -> Result:
        raise InputRejected("columns", "Line 7 has 6 columns.", "Use tabs.", 7)

    world.engine = refuse
    world.deliver()
    world.deliver(fence=2, replays=1)
    assert (world.stored.state, world.stored.run) == (JobState.FAILED, 1)
