"""What is said of where a job's files are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from frontend.jobs import whereabouts as module
from frontend.jobs.whereabouts import Whereabouts, ready_by
from shared.core.jobs import Job, JobState, StoredFile
from shared.core.retention import FilesState
from shared.core.users import Plan, User
from tests.factories import a_job, a_user

NOW = datetime(2026, 3, 6, 13, 52, tzinfo=UTC)
RETENTION = timedelta(days=7)
FREE, PREMIUM = a_user(), a_user(plan="premium")


def whereabouts(job: Job, owner: User, now: datetime) -> Whereabouts | None:
    return module.whereabouts(job, owner, now, RETENTION)


def a_done_job(files: FilesState, **fields: object) -> Job:
    return a_job(**{"state": JobState.COMPLETED, "input": StoredFile("input", 100), "files": files, **fields})


@pytest.mark.parametrize(
    ("files", "plan", "upgrade", "ask", "moves"),
    [
        (FilesState.ARCHIVING, "free", True, False, True),
        (FilesState.ARCHIVED, "free", True, False, False),
        (FilesState.RESTORING, "free", False, True, True),
        (FilesState.ARCHIVING, "premium", False, True, True),
        (FilesState.ARCHIVED, "premium", False, True, True),
        (FilesState.RESTORING, "premium", False, True, True),
    ],
)
def test_every_way_out_is_offered(files: FilesState, plan: Plan, upgrade: bool, ask: bool, moves: bool) -> None:
    where = whereabouts(a_done_job(files), a_user(plan=plan), NOW)
    assert where is not None
    assert (where.offers_upgrade, where.may_ask, where.moves) == (upgrade, ask, moves)


def test_files_that_stay_are_not_spoken_of() -> None:
    assert whereabouts(a_done_job(FilesState.AVAILABLE), FREE, NOW) is None
    assert whereabouts(a_done_job(FilesState.AVAILABLE, archive_at=NOW), PREMIUM, NOW) is None


@pytest.mark.parametrize("state", [JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED])
def test_a_job_that_ended_a_moment_ago_counts_down_before_its_wait_has_begun(state: JobState) -> None:
    ended = NOW - timedelta(seconds=2)
    where = whereabouts(a_done_job(FilesState.AVAILABLE, state=state, finished_at=ended), FREE, NOW)
    assert where is not None
    assert where.until == ended + RETENTION
    assert whereabouts(a_done_job(FilesState.AVAILABLE, finished_at=ended), PREMIUM, NOW) is None
    long_ago = NOW - timedelta(hours=1)
    assert whereabouts(a_done_job(FilesState.AVAILABLE, finished_at=long_ago), FREE, NOW) is None


def test_after_a_downgrade_the_time_is_counted_from_then() -> None:
    changed = NOW - timedelta(seconds=2)
    job = a_done_job(FilesState.AVAILABLE, finished_at=NOW - timedelta(days=30))
    where = whereabouts(job, a_user(plan_since=changed), NOW)
    assert where is not None
    assert where.until == changed + RETENTION


def test_a_wait_of_before_the_plan_changed_is_not_counted_down() -> None:
    changed = NOW - timedelta(seconds=2)
    job = a_done_job(FilesState.AVAILABLE, archive_at=NOW + timedelta(hours=1))
    where = whereabouts(job, a_user(plan_since=changed), NOW)
    assert where is not None
    assert where.until == changed + RETENTION


@pytest.mark.parametrize("state", [JobState.CREATED, JobState.QUEUED, JobState.RUNNING])
def test_a_job_that_goes_on_has_no_countdown(state: JobState) -> None:
    assert whereabouts(a_done_job(FilesState.AVAILABLE, state=state, archive_at=NOW), FREE, NOW) is None


def test_a_job_without_any_file_has_none_to_speak_of() -> None:
    job = a_done_job(FilesState.AVAILABLE, input=StoredFile("input", 0), archive_at=NOW)
    assert whereabouts(job, FREE, NOW) is None


@pytest.mark.parametrize(
    ("left", "kind", "moves"),
    [
        (timedelta(days=6), "neutral", False),
        (timedelta(hours=23), "warning", False),
        (timedelta(minutes=9), "warning", True),
        (timedelta(minutes=-1), "warning", True),
    ],
)
def test_a_wait_counts_down_and_is_watched_at_its_end(left: timedelta, kind: str, moves: bool) -> None:
    where = whereabouts(a_done_job(FilesState.AVAILABLE, archive_at=NOW + left), FREE, NOW)
    assert where is not None
    assert (where.until, where.badge.kind, where.moves) == (NOW + left, kind, moves)


def test_who_waits_with_a_file_that_failed_is_offered_no_upgrade() -> None:
    fields = {"state": JobState.FAILED, "archive_at": NOW + timedelta(minutes=9)}
    where = whereabouts(a_done_job(FilesState.AVAILABLE, **fields), FREE, NOW)
    assert where is not None
    assert not where.offers_upgrade
    assert "premium" not in where.words
    assert "Download" not in where.words


@pytest.mark.parametrize(
    ("asked", "ready"),
    [
        (timedelta(), datetime(2026, 3, 6, 14, 5, tzinfo=UTC)),
        (timedelta(minutes=9), datetime(2026, 3, 6, 13, 55, tzinfo=UTC)),
        (timedelta(minutes=22), datetime(2026, 3, 6, 18, 30, tzinfo=UTC)),
        (timedelta(hours=6), None),
    ],
)
def test_a_restoration_is_quick_or_takes_hours_and_is_promised_to_five_minutes(
    asked: timedelta, ready: datetime | None
) -> None:
    assert ready_by(NOW - asked, NOW) == ready


def test_nothing_is_promised_of_a_restoration_that_began_at_nobody_knows_when() -> None:
    assert ready_by(None, NOW) is None


@pytest.mark.parametrize(
    ("fields", "promised"), [({}, True), ({"mail_off": ("archive",)}, False), ({"mail_blocked": "bounce"}, False)]
)
def test_an_e_mail_is_promised_to_those_who_get_it(fields: dict[str, Any], promised: bool) -> None:
    for files in (FilesState.ARCHIVED, FilesState.RESTORING):
        where = whereabouts(a_done_job(files), a_user(plan="premium", **fields), NOW)
        assert where is not None
        assert ("e-mail" in where.words) is promised
