"""The jobs table: every transition, legal and illegal, on the fake and on DynamoDB."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.core.errors import AlreadyExists, NotFound, Permanent
from shared.core.jobs import (
    IllegalTransition,
    JobError,
    JobState,
    Ledger,
    PackQuestion,
    Progress,
    StoredFile,
    new_job_id,
    sources_of,
)
from shared.core.ports import Jobs, MailClaim, Work
from tests.factories import NOON, a_job

ALICE, BOB = "alice", "bob"
OURS, NEXT, OTHERS = Work("job-requests#1", 1), Work("job-requests#1", 2), Work("job-requests#2", 9)
LATER = NOON + timedelta(seconds=5, microseconds=1)
WHY = JobError("columns", "Line 7 has 6 columns.", "Use tabs.", 7)


def stored(jobs: Jobs, **fields: Any) -> str:
    job = a_job(**fields)
    jobs.create(job)
    return job.job_id


def running(jobs: Jobs, **fields: Any) -> str:
    job_id = stored(jobs, state=JobState.QUEUED, **fields)
    jobs.start(job_id, run=1, work=OURS, now=NOON)
    return job_id


def test_a_job_comes_back_as_it_was_stored(jobs: Jobs) -> None:
    job = a_job(
        state=JobState.FAILED,
        name="naïve <b>试验</b>.vcf",
        queued_at=NOON,
        started_at=NOON + timedelta(microseconds=1),
        finished_at=LATER,
        progress=Progress("annotating", 3, 4),
        ledger=Ledger(4, 3, {"symbolic": 1}),
        summary={"ts": 8, "seconds": {"checking": 0.125}, "genes": [{"symbol": "MT-ND4"}], "none": None, "empty": ""},
        results={"log": StoredFile("a/b/log.txt", 12)},
        error=WHY,
        mailed_run=1,
        mail_state="SENT",
        mail_at=LATER,
    )
    jobs.create(job)
    assert jobs.get(job.job_id) == job


def test_a_job_is_created_once(jobs: Jobs) -> None:
    job = a_job()
    jobs.create(job)
    with pytest.raises(AlreadyExists):
        jobs.create(replace(job, name="other.vcf"))
    assert jobs.get(job.job_id).name == job.name


def test_an_unknown_job_is_not_found(jobs: Jobs) -> None:
    unknown = new_job_id()
    with pytest.raises(NotFound):
        jobs.get(unknown)
    with pytest.raises(NotFound):
        jobs.submit(unknown, pack="rcrs", why="", size=1, request_id="", now=NOON)
    with pytest.raises(NotFound):
        jobs.start(unknown, run=1, work=OURS, now=NOON)
    with pytest.raises(NotFound):
        jobs.cancel(unknown, now=NOON)
    with pytest.raises(NotFound):
        jobs.claim_mail(unknown, run=1, now=NOON, lapsed=timedelta(minutes=2))


def test_submitting_queues_the_job_with_its_size(jobs: Jobs) -> None:
    job_id = stored(jobs)
    answered = jobs.submit(job_id, pack="rcrs", why="", size=77, request_id="r", now=LATER)
    assert answered == jobs.get(job_id)
    assert (answered.state, answered.input.size, answered.request_id) == (JobState.QUEUED, 77, "r")
    assert (answered.queued_at, answered.updated_at) == (LATER, LATER)


def test_submitting_says_which_pack_and_why(jobs: Jobs) -> None:
    job_id = stored(jobs, pack="")
    jobs.submit(job_id, pack="grch38", why="Its chr1 is as long.", size=1, request_id="", now=NOON)
    assert (jobs.get(job_id).pack, jobs.get(job_id).pack_why) == ("grch38", "Its chr1 is as long.")


def test_a_question_is_asked_until_the_job_is_submitted(jobs: Jobs) -> None:
    job_id, question = stored(jobs, pack=""), PackQuestion("Nothing says which.", ("grch37", "grch38"))
    asked = jobs.ask(job_id, size=77, question=question, now=LATER)
    assert asked == jobs.get(job_id)
    assert (asked.state, asked.input.size, asked.pack_question) == (JobState.CREATED, 77, question)
    assert jobs.unannounced(before=LATER + timedelta(days=1)) == []
    jobs.submit(job_id, pack="grch37", why="", size=77, request_id="", now=LATER)
    assert jobs.get(job_id).pack_question is None


@pytest.mark.parametrize("state", [state for state in JobState if state is not JobState.CREATED])
def test_nothing_is_asked_about_a_job_that_is_further_on(jobs: Jobs, state: JobState) -> None:
    job_id = stored(jobs, state=state)
    with pytest.raises(IllegalTransition):
        jobs.ask(job_id, size=1, question=PackQuestion("?"), now=NOON)
    assert jobs.get(job_id).pack_question is None


def test_a_submitted_job_waits_to_be_announced_until_it_was(jobs: Jobs) -> None:
    job_id = stored(jobs)
    jobs.submit(job_id, pack="rcrs", why="", size=1, request_id="", now=NOON)
    assert jobs.unannounced(before=NOON) == []
    assert [job.job_id for job in jobs.unannounced(before=LATER)] == [job_id]
    jobs.announced(job_id, run=1)
    jobs.announced(job_id, run=1)
    assert jobs.unannounced(before=LATER) == []


def test_a_late_announcement_does_not_stand_for_the_next_run(jobs: Jobs) -> None:
    job_id = stored(jobs, state=JobState.COMPLETED)
    jobs.run_again(job_id, run=1, request_id="", now=NOON)
    jobs.announced(job_id, run=1)
    assert [job.run for job in jobs.unannounced(before=LATER)] == [2]


def test_announcing_an_unknown_job_is_harmless(jobs: Jobs) -> None:
    jobs.announced(new_job_id(), run=1)


def test_the_longest_waiting_is_announced_first(jobs: Jobs) -> None:
    waiting = [stored(jobs) for _ in range(3)]
    for place, job_id in enumerate(reversed(waiting)):
        jobs.submit(job_id, pack="rcrs", why="", size=1, request_id="", now=NOON + timedelta(milliseconds=place))
    assert [job.job_id for job in jobs.unannounced(before=LATER, limit=2)] == [waiting[2], waiting[1]]


@pytest.mark.parametrize("end", ["start", "cancel", "give_up", "delete"])
def test_a_job_that_went_on_is_not_announced_again(jobs: Jobs, end: str) -> None:
    job_id = stored(jobs)
    jobs.submit(job_id, pack="rcrs", why="", size=1, request_id="", now=NOON)
    match end:
        case "start":
            jobs.start(job_id, run=1, work=OURS, now=NOON)
        case "cancel":
            jobs.cancel(job_id, now=NOON)
        case "give_up":
            jobs.give_up(job_id, run=1, error=WHY, now=NOON)
        case "delete":
            jobs.delete(job_id)
    assert jobs.unannounced(before=LATER) == []


def test_starting_a_job_says_who_works_on_it(jobs: Jobs) -> None:
    job_id = stored(jobs, state=JobState.QUEUED)
    job = jobs.start(job_id, run=1, work=OURS, now=LATER)
    assert job == jobs.get(job_id)
    assert (job.state, job.worker, job.fence, job.started_at) == (JobState.RUNNING, OURS.entry_id, 1, LATER)


def test_the_same_entry_with_a_higher_fence_takes_over_and_the_run_stays_as_old(jobs: Jobs) -> None:
    job_id = running(jobs)
    job = jobs.start(job_id, run=1, work=NEXT, now=LATER)
    assert (job.fence, job.started_at) == (2, NOON)


@pytest.mark.parametrize("work", [OURS, OTHERS])
def test_a_running_job_is_not_started_by_another_entry_or_without_a_higher_fence(jobs: Jobs, work: Work) -> None:
    job_id = running(jobs)
    with pytest.raises(IllegalTransition) as caught:
        jobs.start(job_id, run=1, work=work, now=NOON)
    assert caught.value.present is JobState.RUNNING


def test_another_run_is_not_started(jobs: Jobs) -> None:
    job_id = stored(jobs, state=JobState.QUEUED, run=2)
    with pytest.raises(IllegalTransition):
        jobs.start(job_id, run=1, work=OURS, now=NOON)


def test_progress_is_stored_for_its_worker_alone(jobs: Jobs) -> None:
    job_id = running(jobs)
    jobs.report(job_id, run=1, work=OURS, progress=Progress("annotating", 3))
    assert jobs.get(job_id).progress == Progress("annotating", 3)
    for work, run in ((NEXT, 1), (OTHERS, 1), (OURS, 2)):
        with pytest.raises(IllegalTransition):
            jobs.report(job_id, run=run, work=work, progress=Progress("writing"))
    assert jobs.get(job_id).progress == Progress("annotating", 3)


def test_finishing_stores_the_outcome(jobs: Jobs) -> None:
    job_id = running(jobs)
    job = jobs.finish(
        job_id,
        run=1,
        work=OURS,
        state=JobState.COMPLETED,
        now=LATER,
        ledger=Ledger(4, 3, {"symbolic": 1}),
        summary={"rate": 0.1, "classes": {"SNV": 3}},
        results={"vcf": StoredFile("k", 5)},
    )
    assert job == jobs.get(job_id)
    assert (job.state, job.finished_at, job.seconds) == (JobState.COMPLETED, LATER, 5.000001)
    assert (job.ledger, job.summary["rate"], job.results["vcf"].size) == (Ledger(4, 3, {"symbolic": 1}), 0.1, 5)


def test_a_failed_job_keeps_why(jobs: Jobs) -> None:
    job_id = running(jobs)
    assert jobs.finish(job_id, run=1, work=OURS, state=JobState.FAILED, now=LATER, error=WHY).error == WHY


@pytest.mark.parametrize("work", [NEXT, OTHERS])
def test_only_its_worker_finishes_a_job(jobs: Jobs, work: Work) -> None:
    job_id = running(jobs)
    with pytest.raises(IllegalTransition):
        jobs.finish(job_id, run=1, work=work, state=JobState.COMPLETED, now=NOON)
    assert jobs.get(job_id).state is JobState.RUNNING


def test_a_job_is_finished_once(jobs: Jobs) -> None:
    job_id = running(jobs)
    jobs.finish(job_id, run=1, work=OURS, state=JobState.COMPLETED, now=NOON)
    with pytest.raises(IllegalTransition):
        jobs.finish(job_id, run=1, work=OURS, state=JobState.FAILED, now=NOON, error=WHY)
    assert jobs.get(job_id).error is None


def test_running_again_clears_the_last_run_and_keeps_what_was_mailed(jobs: Jobs) -> None:
    job_id = running(jobs)
    jobs.finish(
        job_id,
        run=1,
        work=OURS,
        state=JobState.FAILED,
        now=NOON,
        ledger=Ledger(1, 1),
        summary={"a": 1},
        results={"log": StoredFile("k", 5)},
        error=WHY,
    )
    jobs.mailed(job_id, run=1, now=NOON)
    job = jobs.run_again(job_id, run=1, request_id="again", now=LATER)
    assert job == jobs.get(job_id)
    assert (job.state, job.run, job.request_id, job.queued_at) == (JobState.QUEUED, 2, "again", LATER)
    assert (job.started_at, job.finished_at, job.progress, job.ledger, job.error) == (None, None, None, None, None)
    assert (job.summary, job.results, job.worker, job.fence) == ({}, {}, "", 0)
    assert (job.mailed_run, job.mail_state) == (1, "SENT")


def test_a_run_is_run_again_once(jobs: Jobs) -> None:
    job_id = stored(jobs, state=JobState.COMPLETED)
    jobs.run_again(job_id, run=1, request_id="", now=NOON)
    with pytest.raises(IllegalTransition):
        jobs.run_again(job_id, run=1, request_id="", now=NOON)
    assert jobs.get(job_id).run == 2


@pytest.mark.parametrize("state", list(JobState))
def test_each_transition_is_legal_from_exactly_the_states_that_the_domain_names(jobs: Jobs, state: JobState) -> None:
    attempts: dict[JobState, Any] = {
        JobState.CANCELLED: lambda job_id: jobs.cancel(job_id, now=NOON),
        JobState.FAILED: lambda job_id: jobs.give_up(job_id, run=1, error=WHY, now=NOON, work=OURS),
    }
    for target, attempt in attempts.items():
        job_id = stored(jobs, state=state, worker=OURS.entry_id, fence=OURS.fence)
        if state in sources_of(target):
            assert attempt(job_id).state is target
            assert jobs.get(job_id).finished_at == NOON
        else:
            with pytest.raises(IllegalTransition):
                attempt(job_id)
            assert jobs.get(job_id).state is state
    again, first = stored(jobs, state=state), stored(jobs, state=state)
    for legal, attempt in (
        (state.is_final, lambda: jobs.run_again(again, run=1, request_id="", now=NOON)),
        (state is JobState.CREATED, lambda: jobs.submit(first, pack="rcrs", why="", size=1, request_id="", now=NOON)),
    ):
        if legal:
            assert attempt().state is JobState.QUEUED
        else:
            with pytest.raises(IllegalTransition):
                attempt()


def test_giving_up_a_stale_run_does_not_touch_the_present_one(jobs: Jobs) -> None:
    job_id = stored(jobs, state=JobState.QUEUED, run=2)
    with pytest.raises(IllegalTransition):
        jobs.give_up(job_id, run=1, error=WHY, now=NOON)
    assert jobs.get(job_id).state is JobState.QUEUED


@pytest.mark.parametrize("work", [OURS, NEXT])
def test_a_running_job_is_given_up_by_the_entry_that_runs_it(jobs: Jobs, work: Work) -> None:
    job_id = running(jobs)
    job = jobs.give_up(job_id, run=1, error=WHY, now=LATER, work=work)
    assert job == jobs.get(job_id)
    assert (job.state, job.error, job.finished_at) == (JobState.FAILED, WHY, LATER)


@pytest.mark.parametrize("work", [None, OTHERS, Work(OURS.entry_id, 0)])
def test_a_running_job_is_not_given_up_by_another_entry_an_earlier_claim_or_nobody(
    jobs: Jobs, work: Work | None
) -> None:
    job_id = running(jobs)
    with pytest.raises(IllegalTransition):
        jobs.give_up(job_id, run=1, error=WHY, now=LATER, work=work)
    assert (jobs.get(job_id).state, jobs.get(job_id).error) == (JobState.RUNNING, None)


@pytest.mark.parametrize("work", [None, OTHERS])
def test_a_job_that_nobody_runs_is_given_up_by_whoever_wants_to(jobs: Jobs, work: Work | None) -> None:
    job_id = stored(jobs, state=JobState.QUEUED)
    assert jobs.give_up(job_id, run=1, error=WHY, now=NOON, work=work).state is JobState.FAILED


def test_deleting_is_harmless_when_repeated(jobs: Jobs) -> None:
    job_id = stored(jobs)
    jobs.delete(job_id)
    jobs.delete(job_id)
    with pytest.raises(NotFound):
        jobs.get(job_id)


def test_an_owner_lists_their_own_jobs_newest_first_page_by_page(jobs: Jobs) -> None:
    mine = [stored(jobs, user_id=ALICE) for _ in range(5)]
    stored(jobs, user_id=BOB)
    first = jobs.by_owner(ALICE, limit=2)
    second = jobs.by_owner(ALICE, limit=2, start=first.next)
    third = jobs.by_owner(ALICE, limit=2, start=second.next)
    assert [job.job_id for page in (first, second, third) for job in page.jobs] == mine[::-1]
    assert third.next is None


def test_a_full_last_page_has_no_next(jobs: Jobs) -> None:
    for _ in range(2):
        stored(jobs, user_id=ALICE)
    assert jobs.by_owner(ALICE, limit=2).next is None
    assert jobs.by_owner(BOB, limit=2).jobs == []


def test_a_new_job_does_not_shift_the_next_page(jobs: Jobs) -> None:
    mine = [stored(jobs, user_id=ALICE) for _ in range(3)]
    first = jobs.by_owner(ALICE, limit=2)
    stored(jobs, user_id=ALICE)
    assert [job.job_id for job in jobs.by_owner(ALICE, limit=2, start=first.next).jobs] == [mine[0]]


def test_the_next_page_of_alice_is_of_no_use_to_bob(jobs: Jobs) -> None:
    for _ in range(3):
        stored(jobs, user_id=ALICE)
        stored(jobs, user_id=BOB)
    with pytest.raises(Permanent):
        jobs.by_owner(BOB, limit=1, start=jobs.by_owner(ALICE, limit=1).next)


@pytest.mark.parametrize("garbage", ["", "x", "====", "ä", "AAAA", "e30", "a" * 5000, "\x00", "' OR 1=1"])
def test_garbage_is_no_page(jobs: Jobs, garbage: str) -> None:
    with pytest.raises(Permanent):
        jobs.by_owner(ALICE, limit=1, start=garbage)


class TestMail:
    LAPSED = timedelta(minutes=2)

    def claim(self, jobs: Jobs, job_id: str, *, run: int = 1, seconds: float = 0) -> MailClaim:
        return jobs.claim_mail(job_id, run=run, now=NOON + timedelta(seconds=seconds), lapsed=self.LAPSED)

    def test_the_first_to_claim_an_email_may_send_it_and_the_second_waits(self, jobs: Jobs) -> None:
        job_id = stored(jobs)
        assert self.claim(jobs, job_id) == MailClaim(granted=True)
        assert self.claim(jobs, job_id, seconds=119) == MailClaim(pending=True)

    def test_a_claim_of_which_nothing_was_heard_is_taken_over_once(self, jobs: Jobs) -> None:
        job_id = stored(jobs)
        self.claim(jobs, job_id)
        assert self.claim(jobs, job_id, seconds=120) == MailClaim(granted=True)
        assert self.claim(jobs, job_id, seconds=121) == MailClaim(pending=True)

    def test_a_sent_email_is_never_claimed_again(self, jobs: Jobs) -> None:
        job_id = stored(jobs)
        self.claim(jobs, job_id)
        jobs.mailed(job_id, run=1, now=LATER)
        jobs.mailed(job_id, run=1, now=LATER + timedelta(seconds=1))
        assert self.claim(jobs, job_id, seconds=9999) == MailClaim(sent=True)
        assert jobs.get(job_id).mail_at == LATER

    def test_each_run_is_claimed_by_itself_and_an_earlier_one_no_more(self, jobs: Jobs) -> None:
        job_id = stored(jobs)
        jobs.mailed(job_id, run=1, now=NOON)
        assert self.claim(jobs, job_id, run=2) == MailClaim(granted=True)
        assert self.claim(jobs, job_id, run=1) == MailClaim(sent=True)

    def test_late_news_of_an_earlier_run_does_not_touch_a_later_runs_claim(self, jobs: Jobs) -> None:
        job_id = stored(jobs)
        self.claim(jobs, job_id, run=2)
        jobs.mailed(job_id, run=1, now=NOON)
        assert self.claim(jobs, job_id, run=2) == MailClaim(pending=True)

    def test_news_about_a_deleted_job_brings_nothing_back(self, jobs: Jobs) -> None:
        job_id = new_job_id()
        jobs.mailed(job_id, run=1, now=NOON)
        with pytest.raises(NotFound):
            jobs.get(job_id)
