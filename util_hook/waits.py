"""The wait of a free user's job before it is archived."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.core.errors import NotFound
from shared.core.jobs import FilesAway, IllegalTransition, Job
from shared.core.users import User
from util_hook.services import Services


def archive_moment(job: Job, owner: User, retention: timedelta) -> datetime | None:
    """When a free user's job is due for the archive: so long after it finished, its files came back, or its owner's plan
    changed, whichever was last. None when it never finished."""
    if job.finished_at is None:
        return None
    marks = (job.finished_at, job.files_at, owner.plan_since)
    return max(mark for mark in marks if mark is not None) + retention


def keep_wait(job: Job, owner: User, services: Services) -> None:
    """Makes sure that the job of this free user waits for the archive, and no shorter than it may. Harmless when
    repeated, and when the job's files are on their way, the job is run again or gone, or the owner is not free any more."""
    until = archive_moment(job, owner, services.retention)
    if until is None:
        return
    try:
        if job.archive_at is not None and job.archive_at < until:  # a wait from before the owner's plan changed
            services.jobs.end_wait(job.job_id)
        waiting = services.jobs.begin_wait(job.job_id, run=job.run, until=until)
        if (
            services.users.get(owner.user_id).plan != "free"
        ):  # they upgraded since, and that may have found no wait to end
            services.jobs.end_wait(job.job_id)
            return
    except (FilesAway, IllegalTransition, NotFound):
        return
    due_at = waiting.archive_at or until
    services.waits.start(
        job_id=job.job_id,
        user_id=job.user_id,
        wait=waiting.wait,
        soon_at=max(services.now(), due_at - services.archive_notice),
        due_at=due_at,
    )
