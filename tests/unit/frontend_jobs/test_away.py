"""Jobs whose files are archived, or about to be, or on their way back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from frontend.jobs import away
from shared.core.errors import Unavailable
from shared.core.jobs import Job, JobState, StoredFile
from shared.core.messages import RestoreRequested
from shared.core.retention import FilesState
from tests.client import Browser
from tests.unit.frontend_jobs.world import JobsWorld, call

AWAY = [FilesState.ARCHIVING, FilesState.ARCHIVED, FilesState.RESTORING]
FINAL = [JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED]


def a_job(world: JobsWorld, files: FilesState, state: JobState = JobState.COMPLETED, **fields: Any) -> Job:
    """With every kind of result, so that nothing is refused for another reason."""
    job = world.job(state, files=files, files_at=world.time, **fields)
    if state is JobState.COMPLETED:
        more = {
            kind: StoredFile(f"{job.user_id}/{job.job_id}/run-1.1/{kind}", 4) for kind in ("variants", "consequences")
        }
        world.jobs.jobs[job.job_id] = job = replace(job, results={**job.results, **more})
    return job


def premium(world: JobsWorld) -> None:
    world.change(world.alice, plan="premium", plan_epoch=3)


def asked(world: JobsWorld) -> list[RestoreRequested]:
    topic = world.settings.restore_requests_topic
    return [RestoreRequested.from_json(text) for arn, text in world.topics.published if arn == topic]


# ---- what needs the files ----


@pytest.mark.parametrize("files", AWAY)
@pytest.mark.parametrize(
    "path", ["files/vcf", "files/log", "log", "variants", "variants/1", "genome", "genome/sizes", "export.tsv"]
)
def test_what_needs_the_files_is_refused_with_a_page_that_says_why(
    world: JobsWorld, alice: Browser, files: FilesState, path: str
) -> None:
    job = a_job(world, files)
    page = alice.get(f"/jobs/{job.job_id}/{path}")
    assert page.status == 409
    assert page.h1 == "This needs the job’s files"
    assert "Its files are" in page.words
    assert page.all("a", href=f"/jobs/{job.job_id}")


def test_a_part_of_a_page_is_refused_with_a_sentence(world: JobsWorld, alice: Browser) -> None:
    job = a_job(world, FilesState.ARCHIVED)
    answer = alice.get(f"/jobs/{job.job_id}/variants", headers={"HX-Request": "true"})
    assert answer.status == 409
    assert not answer.is_whole
    assert "Its files are archived: upgrade to restore them." in answer.words


def test_a_script_is_refused_with_a_sentence(world: JobsWorld, alice: Browser) -> None:
    job = a_job(world, FilesState.ARCHIVED)
    answer: Any = alice.get(f"/jobs/{job.job_id}/files/vcf", headers={"Accept": "application/json"}).response
    assert answer.status_code == 409
    assert answer.json["error"] == "Its files are archived: upgrade to restore them."


def test_the_page_knows_when_the_files_came_back_meanwhile(
    world: JobsWorld, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = a_job(world, FilesState.RESTORING)
    get, seen = world.jobs.get, iter([job])
    monkeypatch.setattr(world.jobs, "get", lambda job_id: next(seen, None) or get(job_id))
    world.jobs.jobs[job.job_id] = replace(job, files=FilesState.AVAILABLE)
    assert alice.get(f"/jobs/{job.job_id}/files/vcf").h1 == "The files are here again"


@pytest.mark.parametrize("files", AWAY)
def test_files_that_are_away_are_not_fetched_ahead(
    world: JobsWorld, alice: Browser, files: FilesState, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = a_job(world, files)
    fetched: list[str] = []
    monkeypatch.setattr(world.results, "download", lambda key, _: fetched.append(key))
    alice.get(f"/jobs/{job.job_id}")
    world.app.extensions["gas_results"].finish_preparing()
    assert fetched == []


@pytest.mark.parametrize("files", AWAY)
@pytest.mark.parametrize("state", FINAL)
def test_the_page_offers_nothing_that_would_be_refused(
    world: JobsWorld, alice: Browser, state: JobState, files: FilesState
) -> None:
    job = a_job(world, files, state)
    page = alice.get(f"/jobs/{job.job_id}")
    links = [link.get("href", "") for link in page.all("a")]
    assert not [
        link for link in links if any(part in link for part in ("/files/", "/log", "/variants", "/genome", "/export"))
    ]
    assert "Run again" not in page.words
    assert page.all("a", href=f"/jobs/{job.job_id}/delete")


@pytest.mark.parametrize("files", AWAY)
def test_the_summary_stays_readable(world: JobsWorld, alice: Browser, files: FilesState) -> None:
    page = alice.get(f"/jobs/{a_job(world, files).job_id}")
    assert "12 records in = 11 annotated + 1 skipped" in page.words
    assert "Leber optic atrophy" in page.words


# ---- actions ----


@pytest.mark.parametrize("files", AWAY)
def test_a_job_without_its_files_is_not_run_again(world: JobsWorld, alice: Browser, files: FilesState) -> None:
    job = a_job(world, FilesState.AVAILABLE)
    page = alice.get(f"/jobs/{job.job_id}")
    world.jobs.jobs[job.job_id] = replace(job, files=files)
    answer = alice.submit(page, "Run again")
    assert answer.status == 409
    assert "This needs the job’s files" in answer.words
    assert (world.stored(job).run, world.announced) == (1, [])


@pytest.mark.parametrize("files", AWAY)
def test_a_job_is_deleted_wherever_its_files_are(world: JobsWorld, alice: Browser, files: FilesState) -> None:
    job = a_job(world, files)
    page = alice.get(f"/jobs/{job.job_id}/delete")
    assert "in the archive too" in page.words
    alice.submit(page, "Delete for good")
    assert (world.jobs.jobs, world.inputs.objects, world.results.objects) == ({}, {}, {})


# ---- countdown, archive, restoration on the page and the list ----


@pytest.mark.parametrize("path", ["/jobs", "/jobs/{job_id}"])
def test_a_free_job_counts_down(world: JobsWorld, alice: Browser, path: str) -> None:
    until = world.time + timedelta(days=6)
    job = a_job(world, FilesState.AVAILABLE, archive_at=until)
    page = alice.get(path.format(job_id=job.job_id))
    [time] = [item for item in page.all("time") if item.get("data-style") == "countdown"]
    assert time.get("datetime") == until.isoformat(timespec="milliseconds")
    assert time.text == "on 12 Mar 2026, 12:00 UTC"


@pytest.mark.parametrize("path", ["/jobs", "/jobs/{job_id}"])
def test_a_paying_owner_sees_no_countdown(world: JobsWorld, alice: Browser, path: str) -> None:
    premium(world)
    job = a_job(world, FilesState.AVAILABLE, archive_at=world.time + timedelta(days=6))
    page = alice.get(path.format(job_id=job.job_id))
    assert not page.all("time", **{"data-style": "countdown"})


def test_an_archived_job_says_how_it_comes_back(world: JobsWorld, alice: Browser) -> None:
    page = alice.get(f"/jobs/{a_job(world, FilesState.ARCHIVED).job_id}")
    assert "Its files are archived: upgrade to restore them" in page.words
    assert page.all("a", href="/account#plan")
    assert "Ask again" not in page.words


def test_a_restoration_says_about_when_it_is_done(world: JobsWorld, alice: Browser) -> None:
    premium(world)
    job = a_job(world, FilesState.RESTORING)
    page = alice.get(f"/jobs/{job.job_id}")
    assert "Its files are being restored, ready by about 12:10 UTC" in page.words
    assert "Restoring by about 12:10 UTC" in alice.get("/jobs").words


@pytest.mark.parametrize(
    ("files", "word"),
    [(FilesState.ARCHIVING, "Being archived"), (FilesState.ARCHIVED, "Archived"), (FilesState.RESTORING, "Restoring")],
)
def test_the_list_says_it_in_a_word(world: JobsWorld, alice: Browser, files: FilesState, word: str) -> None:
    a_job(world, files)
    assert word in alice.get("/jobs").words


@pytest.mark.parametrize("path", ["/jobs", "/jobs/{job_id}"])
def test_pages_follow_files_that_move_and_leave_alone_those_that_do_not(
    world: JobsWorld, alice: Browser, path: str
) -> None:
    job = a_job(world, FilesState.RESTORING)
    path = path.format(job_id=job.job_id)
    [part] = [item for item in alice.get(path).root.iter() if item.get("hx-get")]
    known = {"If-None-Match": part.get("hx-headers", "").split('": "')[1].rsplit('"', 1)[0].replace("\\", "")}
    assert alice.get(part.get("hx-get", ""), headers=known).status == 304
    world.jobs.jobs[job.job_id] = replace(job, files=FilesState.AVAILABLE)
    changed = alice.get(part.get("hx-get", ""), headers=known)
    assert changed.status == 200
    assert not [item for item in changed.root.iter() if item.get("hx-get")]


# ---- ask again ----


@pytest.mark.parametrize("files", AWAY)
def test_a_paying_owner_may_ask_for_the_files(world: JobsWorld, alice: Browser, files: FilesState) -> None:
    premium(world)
    job = a_job(world, files)
    answer = alice.submit(alice.get(f"/jobs/{job.job_id}"), "Ask again")
    assert "We have asked for the files again" in alice.follow(answer).words
    [message] = asked(world)
    assert (message.job_id, message.user_id, message.epoch) == (job.job_id, world.alice.user_id, 3)
    assert message.request_id == answer.headers["X-Request-Id"]


def test_a_restoration_may_be_asked_for_again_on_any_plan(world: JobsWorld, alice: Browser) -> None:
    job = a_job(world, FilesState.RESTORING)
    alice.submit(alice.get(f"/jobs/{job.job_id}"), "Ask again")
    assert len(asked(world)) == 1


def restore(browser: Browser, job: Job) -> Any:
    return call(browser, f"/jobs/{job.job_id}/restore")


@pytest.mark.parametrize("files", [FilesState.ARCHIVING, FilesState.ARCHIVED])
def test_archived_files_are_not_restored_on_the_free_plan(world: JobsWorld, alice: Browser, files: FilesState) -> None:
    assert restore(alice, a_job(world, files)).status == 409
    assert asked(world) == []


def test_what_is_not_archived_is_not_restored(world: JobsWorld, alice: Browser) -> None:
    premium(world)
    job = a_job(world, FilesState.AVAILABLE)
    answer = restore(alice, job)
    assert answer.status == 303
    assert "There is nothing to restore" in alice.follow(answer).words
    assert asked(world) == []


def test_nobody_restores_another_s_files(world: JobsWorld, bob: Browser) -> None:
    world.change(world.bob, plan="premium")
    assert restore(bob, a_job(world, FilesState.ARCHIVED)).status == 404
    assert asked(world) == []


def test_asking_all_the_time_is_slowed_down(world: JobsWorld, alice: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(away, "ASKED_AT_MOST", 2)
    premium(world)
    job = a_job(world, FilesState.RESTORING)
    assert [restore(alice, job).status for _ in range(3)] == [303, 303, 429]
    assert len(asked(world)) == 2


def test_asking_while_sns_is_away_is_answered_with_try_again(world: JobsWorld, alice: Browser) -> None:
    premium(world)
    job = a_job(world, FilesState.RESTORING)
    world.topics.fail_with = Unavailable("SNS does not answer.")
    assert restore(alice, job).status == 503


@pytest.mark.parametrize("files", [FilesState.AVAILABLE, FilesState.ARCHIVED])
def test_a_failure_stands_before_all_that_is_said_of_the_jobs_files(
    world: JobsWorld, alice: Browser, files: FilesState
) -> None:
    job = world.job(JobState.FAILED, files=files, archive_at=world.time + timedelta(minutes=9))
    words = alice.get(f"/jobs/{job.job_id}").words
    assert words.index("This file could not be annotated") < words.index("Uploaded") < words.index("Its files are")
