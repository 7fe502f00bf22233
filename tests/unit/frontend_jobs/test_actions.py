"""Cancel, run again, delete: each may be repeated, and may come too late."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.core.errors import Unavailable
from shared.core.jobs import Job, JobState
from shared.core.messages import RestoreRequested
from tests.client import Browser, Page
from tests.unit.frontend_jobs.world import VCF, JobsWorld

MOVING = [JobState.CREATED, JobState.QUEUED, JobState.RUNNING]
FINAL = [JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED]


def job_page(browser: Browser, job: Job) -> Page:
    return browser.get(f"/jobs/{job.job_id}")


# ---- cancel ----


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
def test_a_moving_job_can_be_cancelled(world: JobsWorld, alice: Browser, state: JobState) -> None:
    job = world.job(state)
    page = alice.follow(alice.submit(job_page(alice, job), "Cancel the job"))
    assert world.stored(job).state is JobState.CANCELLED
    assert "You cancelled this job." in page.words


def test_a_cancelled_job_is_looked_at_so_that_its_file_waits_for_the_archive(world: JobsWorld, alice: Browser) -> None:
    job = world.job(JobState.RUNNING)
    page = alice.follow(alice.submit(job_page(alice, job), "Cancel the job"))
    topic, text = world.topics.published[-1]
    assert topic == world.settings.restore_requests_topic
    assert RestoreRequested.from_json(text).job_id == job.job_id
    assert "Its files are archived" in page.words


def test_cancelling_works_while_sns_is_away(world: JobsWorld, alice: Browser) -> None:
    job = world.job(JobState.RUNNING)
    page = job_page(alice, job)
    world.topics.fail_with = Unavailable("SNS is away.")
    assert "You cancelled this job." in alice.follow(alice.submit(page, "Cancel the job")).words


def test_cancelling_twice_is_harmless(world: JobsWorld, alice: Browser) -> None:
    job = world.job(JobState.RUNNING)
    page = job_page(alice, job)
    alice.submit(page, "Cancel the job")
    again = alice.follow(alice.submit(page, "Cancel the job"))
    assert again.status == 200
    assert "nothing left to cancel" not in again.words


@pytest.mark.parametrize("state", [JobState.COMPLETED, JobState.FAILED])
def test_cancelling_too_late_is_told_kindly(world: JobsWorld, alice: Browser, state: JobState) -> None:
    job = world.job(JobState.RUNNING)
    page = job_page(alice, job)
    world.jobs.jobs[job.job_id] = replace(job, state=state)
    again = alice.follow(alice.submit(page, "Cancel the job"))
    assert world.stored(job).state is state
    assert "There was nothing left to cancel" in again.words


@pytest.mark.parametrize("state", FINAL)
def test_a_final_job_offers_no_cancelling(world: JobsWorld, alice: Browser, state: JobState) -> None:
    assert "Cancel the job" not in job_page(alice, world.job(state)).words


# ---- run again ----


@pytest.mark.parametrize("state", FINAL)
def test_a_final_job_can_be_run_again(world: JobsWorld, alice: Browser, state: JobState) -> None:
    job = world.job(state)
    answer = alice.submit(job_page(alice, job), "Run again")
    assert answer.location == f"/jobs/{job.job_id}"
    again = world.stored(job)
    assert (again.state, again.run, again.error, dict(again.results)) == (JobState.QUEUED, 2, None, {})
    [message] = world.announced
    assert (message.job_id, message.run, message.request_id) == (job.job_id, 2, answer.headers["X-Request-Id"])


def test_a_second_click_runs_the_job_once(world: JobsWorld, alice: Browser) -> None:
    job = world.job(JobState.FAILED)
    page = job_page(alice, job)
    alice.submit(page, "Run again")
    second = alice.follow(alice.submit(page, "Run again"))
    assert world.stored(job).run == 2
    assert len(world.announced) == 1
    assert "is being run again already" in second.words


def test_a_file_that_the_plan_does_not_take_any_more_is_not_run_again(world: JobsWorld, alice: Browser) -> None:
    job = world.job(JobState.COMPLETED)
    world.jobs.jobs[job.job_id] = replace(world.stored(job), input=replace(job.input, size=60 * 1024 * 1024))
    answer = alice.submit(job_page(alice, job), "Run again")
    assert answer.status == 413
    assert "at most 50 MiB are accepted on the free plan" in answer.words
    assert (world.stored(job).run, world.announced) == (1, [])
    world.change(world.alice, plan="premium")
    alice.submit(job_page(alice, job), "Run again")
    assert world.stored(job).run == 2


def test_a_click_on_a_page_of_an_earlier_run_starts_nothing(world: JobsWorld, alice: Browser) -> None:
    job = world.job(JobState.FAILED)
    page = job_page(alice, job)
    world.jobs.jobs[job.job_id] = replace(job, run=3)
    alice.submit(page, "Run again")
    assert world.stored(job).run == 3
    assert world.announced == []


@pytest.mark.parametrize("run", ["", "x", "-1", "99", "1e3", "9" * 5000])
def test_a_nonsense_run_starts_nothing(world: JobsWorld, alice: Browser, run: str) -> None:
    job = world.job(JobState.FAILED)
    assert alice.submit(job_page(alice, job), "Run again", run=run).status == 303
    assert world.stored(job).state is JobState.FAILED


def test_the_results_of_the_earlier_run_are_cleared_away_and_the_input_is_kept(
    world: JobsWorld, alice: Browser
) -> None:
    job, other = world.job(JobState.COMPLETED), world.job(JobState.COMPLETED)
    alice.submit(job_page(alice, job), "Run again")
    assert not [key for key in world.results.objects if job.job_id in key]
    assert [key for key in world.results.objects if other.job_id in key]
    assert world.inputs.objects[job.input.key] == VCF


def test_results_that_cannot_be_cleared_now_do_not_stop_the_run(world: JobsWorld, alice: Browser) -> None:
    job = world.job(JobState.COMPLETED)
    page = job_page(alice, job)
    world.results.fail_with = Unavailable("S3 is away.")
    assert alice.submit(page, "Run again").status == 303
    assert world.stored(job).state is JobState.QUEUED


def test_a_run_that_cannot_be_announced_now_is_queued_all_the_same(world: JobsWorld, alice: Browser) -> None:
    job = world.job(JobState.FAILED)
    page = job_page(alice, job)
    world.topics.fail_with = Unavailable("SNS is away.")
    assert "Queued" in alice.follow(alice.submit(page, "Run again")).words
    world.later(seconds=11)
    assert [waiting.run for waiting in world.jobs.unannounced(before=world.time)] == [2]


def test_a_job_without_a_file_is_not_offered_another_run(world: JobsWorld, alice: Browser) -> None:
    job = world.job()
    world.jobs.cancel(job.job_id, now=world.time)
    page = job_page(alice, job)
    assert "Run again" not in page.words
    token = page.all("input", name="csrf_token")[0].get("value")
    told = alice.follow(alice.post(f"/jobs/{job.job_id}/run", {"csrf_token": token, "run": "1"}))
    assert "There is no file to run again" in told.words
    assert world.stored(job).state is JobState.CANCELLED


# ---- delete ----


@pytest.mark.parametrize("state", list(JobState))
def test_a_deleted_job_is_gone_with_its_files_and_its_owner_is_asked_first(
    world: JobsWorld, alice: Browser, state: JobState
) -> None:
    job, other = world.job(state), world.job(JobState.COMPLETED)
    asked = alice.get(f"/jobs/{job.job_id}/delete")
    assert job.job_id in world.jobs.jobs
    page = alice.follow(alice.submit(asked, "Delete for good"))
    assert "“exome.vcf” and its files are deleted." in page.words
    assert set(world.jobs.jobs) == {other.job_id}
    assert {key.split("/")[1] for key in [*world.inputs.objects, *world.results.objects]} == {other.job_id}


@pytest.mark.parametrize("state", [JobState.CREATED, *FINAL])
def test_the_jobs_page_leads_to_the_question(world: JobsWorld, alice: Browser, state: JobState) -> None:
    job = world.job(state)
    assert f"/jobs/{job.job_id}/delete" in [link.get("href") for link in job_page(alice, job).all("a")]


@pytest.mark.parametrize("state", MOVING)
def test_a_moving_job_is_stopped_before_its_files_go(
    world: JobsWorld, alice: Browser, state: JobState, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = world.job(state)
    states: list[JobState] = []
    delete_under = world.results.delete_under

    def look(prefix: str) -> None:
        if job.job_id in world.jobs.jobs:
            states.append(world.stored(job).state)
        delete_under(prefix)

    monkeypatch.setattr(world.results, "delete_under", look)
    alice.submit(alice.get(f"/jobs/{job.job_id}/delete"), "Delete for good")
    assert states[0] is JobState.CANCELLED


def test_what_a_copy_that_was_under_way_brings_back_is_deleted_too(world: JobsWorld, alice: Browser) -> None:
    job = world.job(JobState.COMPLETED)
    delete = world.jobs.delete

    def late(job_id: str) -> None:
        world.inputs.write(job.input.key, VCF, content_type="text/plain")  # its object was deleted before it ended
        delete(job_id)

    world.jobs.delete = late  # type: ignore[method-assign]  # a double's method, for this test
    alice.submit(alice.get(f"/jobs/{job.job_id}/delete"), "Delete for good")
    assert world.inputs.objects == {}


def test_an_upload_in_parts_that_goes_on_cannot_be_completed_after_its_job_is_deleted(
    world: JobsWorld, alice: Browser
) -> None:
    job = world.job(JobState.CREATED)
    world.inputs.start_parts(job.input.key)
    alice.submit(alice.get(f"/jobs/{job.job_id}/delete"), "Delete for good")
    assert world.inputs.uploads == {}


def test_a_job_whose_files_cannot_be_deleted_now_stays_to_be_deleted_again(world: JobsWorld, alice: Browser) -> None:
    job = world.job(JobState.COMPLETED)
    page = alice.get(f"/jobs/{job.job_id}/delete")
    world.results.fail_with = Unavailable("S3 is away.")
    assert alice.submit(page, "Delete for good").status == 503
    world.results.fail_with = None
    alice.submit(page, "Delete for good")
    assert world.jobs.jobs == {}


def test_deleting_twice_is_a_kind_404(world: JobsWorld, alice: Browser) -> None:
    page = alice.get(f"/jobs/{world.job(JobState.COMPLETED).job_id}/delete")
    alice.submit(page, "Delete for good")
    assert alice.submit(page, "Delete for good").status == 404


# ---- when the outside is away ----


@pytest.mark.parametrize("path", ["/jobs", "/jobs/{job_id}", "/jobs/{job_id}/log"])
def test_a_page_says_when_the_store_is_away(world: JobsWorld, alice: Browser, path: str) -> None:
    job = world.job(JobState.COMPLETED)
    world.jobs.fail_with = Unavailable("DynamoDB is away.")
    page = alice.get(path.format(job_id=job.job_id))
    assert page.status == 503
    assert "Your data is safe" in page.words
