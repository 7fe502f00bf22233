"""Where the files of jobs are: every step of retention, archive and restoration, on the fake and on DynamoDB."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.core.errors import NotFound
from shared.core.jobs import FilesAway, IllegalTransition, Job, JobState, new_job_id
from shared.core.ports import Jobs
from shared.core.retention import FILE_TRANSITIONS, FilesState
from tests.factories import NOON, a_completed_job

ALICE, BOB = "alice", "bob"
LATER, DUE = NOON + timedelta(seconds=5, microseconds=1), NOON + timedelta(days=7)
NOT_FINAL = [state for state in JobState if not state.is_final]
AWAY = [FilesState.ARCHIVING, FilesState.ARCHIVED, FilesState.RESTORING]


def stored(jobs: Jobs, files: FilesState = FilesState.AVAILABLE, **fields: Any) -> str:
    """A completed job of alice in its third wait, files there since noon."""
    job = a_completed_job(**{"user_id": ALICE, "wait": 3, **fields})
    if files is not FilesState.AVAILABLE:
        job = replace(job, files=files, files_at=NOON)
    jobs.create(job)
    return job.job_id


def away(jobs: Jobs, files: FilesState, user_id: str = ALICE) -> list[str]:
    return [job.job_id for job in jobs.away(user_id, files, limit=10)]


def steps(jobs: Jobs, job_id: str) -> dict[FilesState, Callable[[], Job]]:
    """The step that leads to each state."""
    return {
        FilesState.ARCHIVING: lambda: jobs.begin_archive(job_id, wait=3, now=LATER),
        FilesState.ARCHIVED: lambda: jobs.archived(job_id, wait=3, now=LATER),
        FilesState.RESTORING: lambda: jobs.begin_restore(job_id, epoch=1, now=LATER),
        FilesState.AVAILABLE: lambda: jobs.restored(job_id, now=LATER),
    }


def test_where_files_are_comes_back_as_it_was_stored(jobs: Jobs) -> None:
    job = a_completed_job(files=FilesState.RESTORING, files_at=LATER, wait=7, archive_at=DUE, restore_epoch=2)
    jobs.create(job)
    assert jobs.get(job.job_id) == job


@pytest.mark.parametrize("target", list(FilesState))
@pytest.mark.parametrize("present", list(FilesState))
def test_each_step_is_legal_from_exactly_the_states_that_the_domain_names(
    jobs: Jobs, present: FilesState, target: FilesState
) -> None:
    job_id = stored(jobs, present)
    before = jobs.get(job_id)
    repeated = present is target and target in {FilesState.ARCHIVING, FilesState.RESTORING}
    step = steps(jobs, job_id)[target]
    if target in FILE_TRANSITIONS[present]:
        job = step()
        assert (job.files, job.files_at) == (target, LATER)
        assert job == jobs.get(job_id)
    elif repeated:
        assert (step().files, step().files_at, step().wait) == (target, NOON, 3)
    else:
        with pytest.raises(FilesAway) as caught:
            step()
        assert caught.value.present is present
        assert jobs.get(job_id) == before


def test_a_job_that_is_not_there_has_no_files(jobs: Jobs) -> None:
    unknown = new_job_id()
    for step in steps(jobs, unknown).values():
        with pytest.raises(NotFound):
            step()
    with pytest.raises(NotFound):
        jobs.begin_wait(unknown, run=1, until=DUE)
    with pytest.raises(NotFound):
        jobs.end_wait(unknown)


class TestWaiting:
    def test_a_wait_gets_a_number_and_an_end(self, jobs: Jobs) -> None:
        job_id = stored(jobs)
        job = jobs.begin_wait(job_id, run=1, until=DUE)
        assert (job.wait, job.archive_at, job.files) == (4, DUE, FilesState.AVAILABLE)
        assert job == jobs.get(job_id)

    def test_a_job_that_waits_keeps_its_wait(self, jobs: Jobs) -> None:
        job_id = stored(jobs)
        first = jobs.begin_wait(job_id, run=1, until=DUE)
        assert jobs.begin_wait(job_id, run=1, until=DUE + timedelta(days=1)) == first == jobs.get(job_id)

    @pytest.mark.parametrize("state", NOT_FINAL)
    def test_only_what_is_final_waits(self, jobs: Jobs, state: JobState) -> None:
        job_id = stored(jobs, state=state)
        with pytest.raises(IllegalTransition):
            jobs.begin_wait(job_id, run=1, until=DUE)
        assert jobs.get(job_id).archive_at is None

    @pytest.mark.parametrize("files", list(FilesState))
    def test_another_run_does_not_wait(self, jobs: Jobs, files: FilesState) -> None:
        job_id = stored(jobs, files, run=2)
        with pytest.raises(IllegalTransition):
            jobs.begin_wait(job_id, run=1, until=DUE)
        assert jobs.get(job_id).archive_at is None

    @pytest.mark.parametrize("files", AWAY)
    def test_what_is_away_does_not_wait(self, jobs: Jobs, files: FilesState) -> None:
        job_id = stored(jobs, files)
        with pytest.raises(FilesAway):
            jobs.begin_wait(job_id, run=1, until=DUE)
        with pytest.raises(FilesAway):
            jobs.end_wait(job_id)
        assert (jobs.get(job_id).wait, jobs.get(job_id).archive_at) == (3, None)

    def test_an_ended_wait_counts_no_more(self, jobs: Jobs) -> None:
        job_id = stored(jobs)
        waiting = jobs.begin_wait(job_id, run=1, until=DUE)
        job = jobs.end_wait(job_id)
        assert (job.wait, job.archive_at) == (5, None)
        with pytest.raises(FilesAway):
            jobs.begin_archive(job_id, wait=waiting.wait, now=DUE)
        assert jobs.get(job_id) == job


class TestArchiving:
    def test_what_is_being_archived_waits_no_more(self, jobs: Jobs) -> None:
        job_id = stored(jobs)
        wait = jobs.begin_wait(job_id, run=1, until=DUE).wait
        job = jobs.begin_archive(job_id, wait=wait, now=DUE)
        assert (job.wait, job.archive_at) == (wait, None)

    @pytest.mark.parametrize("state", NOT_FINAL)
    def test_only_what_is_final_is_archived(self, jobs: Jobs, state: JobState) -> None:
        job_id = stored(jobs, state=state)
        with pytest.raises(FilesAway):
            jobs.begin_archive(job_id, wait=3, now=NOON)
        assert jobs.get(job_id).files is FilesState.AVAILABLE

    @pytest.mark.parametrize("files", [FilesState.AVAILABLE, FilesState.ARCHIVING])
    def test_another_wait_archives_nothing(self, jobs: Jobs, files: FilesState) -> None:
        job_id = stored(jobs, files)
        for wait in (2, 4):
            with pytest.raises(FilesAway):
                jobs.begin_archive(job_id, wait=wait, now=LATER)
            with pytest.raises(FilesAway):
                jobs.archived(job_id, wait=wait, now=LATER)
        assert jobs.get(job_id).files is files


class TestRestoring:
    @pytest.mark.parametrize("files", [FilesState.AVAILABLE, FilesState.ARCHIVING, FilesState.ARCHIVED])
    def test_what_was_waited_for_counts_no_more_once_files_are_asked_back(self, jobs: Jobs, files: FilesState) -> None:
        job_id = stored(jobs, files, archive_at=DUE, restore_epoch=1)
        job = jobs.begin_restore(job_id, epoch=2, now=LATER)
        assert (job.wait, job.archive_at, job.restore_epoch) == (4, None, 2)

    def test_the_latest_who_asked_is_remembered(self, jobs: Jobs) -> None:
        job_id = stored(jobs, FilesState.ARCHIVED)
        for epoch, remembered in ((2, 2), (5, 5), (4, 5), (5, 5)):
            job = jobs.begin_restore(job_id, epoch=epoch, now=LATER)
            assert (job.restore_epoch, job.wait) == (remembered, 4)
            assert job == jobs.get(job_id)

    @pytest.mark.parametrize("state", NOT_FINAL)
    def test_only_what_is_final_is_asked_back(self, jobs: Jobs, state: JobState) -> None:
        job_id = stored(jobs, state=state)
        with pytest.raises(IllegalTransition):
            jobs.begin_restore(job_id, epoch=1, now=NOON)
        assert jobs.get(job_id).files is FilesState.AVAILABLE

    def test_archiving_that_ends_after_files_were_asked_back_changes_nothing(self, jobs: Jobs) -> None:
        job_id = stored(jobs)
        jobs.begin_archive(job_id, wait=3, now=NOON)
        jobs.begin_restore(job_id, epoch=1, now=NOON)
        with pytest.raises(FilesAway):
            jobs.archived(job_id, wait=3, now=LATER)
        assert jobs.get(job_id).files is FilesState.RESTORING


class TestRunningAgain:
    def test_a_rerun_ends_the_wait(self, jobs: Jobs) -> None:
        job_id = stored(jobs)
        wait = jobs.begin_wait(job_id, run=1, until=DUE).wait
        job = jobs.run_again(job_id, run=1, request_id="", now=NOON)
        assert (job.wait, job.archive_at) == (wait + 1, None)
        assert job == jobs.get(job_id)

    @pytest.mark.parametrize("files", AWAY)
    def test_what_is_away_is_not_run_again(self, jobs: Jobs, files: FilesState) -> None:
        job_id = stored(jobs, files)
        before = jobs.get(job_id)
        with pytest.raises(FilesAway) as caught:
            jobs.run_again(job_id, run=1, request_id="", now=NOON)
        assert caught.value.present is files
        assert jobs.get(job_id) == before
        assert jobs.unannounced(before=LATER) == []


class TestAway:
    def test_a_job_is_found_where_its_files_are(self, jobs: Jobs) -> None:
        job_id = stored(jobs)
        assert [away(jobs, files) for files in AWAY] == [[], [], []]
        for target in AWAY:
            steps(jobs, job_id)[target]()
            assert {files: away(jobs, files) for files in AWAY if away(jobs, files)} == {target: [job_id]}
        jobs.restored(job_id, now=LATER)
        assert [away(jobs, files) for files in AWAY] == [[], [], []]

    def test_a_job_that_was_made_with_files_away_is_found(self, jobs: Jobs) -> None:
        job_id = stored(jobs, FilesState.ARCHIVED)
        assert away(jobs, FilesState.ARCHIVED) == [job_id]

    def test_others_and_deleted_jobs_are_not_found(self, jobs: Jobs) -> None:
        stored(jobs, FilesState.ARCHIVED, user_id=BOB)
        jobs.delete(stored(jobs, FilesState.ARCHIVED))
        assert away(jobs, FilesState.ARCHIVED) == []
        assert len(away(jobs, FilesState.ARCHIVED, BOB)) == 1

    def test_no_more_are_answered_than_were_asked_for(self, jobs: Jobs) -> None:
        for _ in range(3):
            stored(jobs, FilesState.ARCHIVED)
        assert len(jobs.away(ALICE, FilesState.ARCHIVED, limit=2)) == 2
