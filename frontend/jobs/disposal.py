"""How a job and everything that belongs to it goes away."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from datetime import timedelta

from frontend.access import services
from shared.core.errors import Conflict, NotFound
from shared.core.jobs import Job, JobState, job_prefix
from shared.core.users import Plan

UPLOAD_LIFE: Mapping[Plan, timedelta] = {"free": timedelta(days=1), "premium": timedelta(days=7)}
"""How long a job waits for its file before it is forgotten: much longer than an upload form lives, and long enough for a
very large file over a slow line."""


def remove(job: Job) -> None:
    """Deletes the job and its files. Harmless when repeated.

    It is cancelled first, so that whoever works on it cannot finish any more and clears away what it wrote; its row
    goes after its files, so that what was interrupted half-way can be seen and deleted again. Then its files go once
    more: an upload, or a copy to the archive or from it, that ended meanwhile may have brought one back.
    """
    if not job.state.is_final:
        with contextlib.suppress(Conflict, NotFound):  # it came to its end by itself
            services().jobs.cancel(job.job_id, now=services().now())
    _delete_files(job)
    _forget(job)
    services().jobs.delete(job.job_id)
    _delete_files(job)


def _delete_files(job: Job) -> None:
    prefix = job_prefix(job.user_id, job.job_id)
    services().inputs.delete_under(prefix)
    services().results.delete_under(prefix)


def _forget(job: Job) -> None:
    """What this machine keeps of the results; on others it goes when it was not looked at for long."""
    from frontend.results.store import store  # that package's pages stand on this one

    store().forget(job)


def without_abandoned(jobs: Iterable[Job], plan: Plan) -> list[Job]:
    """The jobs but for those whose file never came: these are removed. ``plan``: of their owner.

    Done when their owner looks at the list, since nobody else sees them: that needs no schedule and no index.
    """
    kept = []
    for job in jobs:
        if job.state is JobState.CREATED and services().now() - job.created_at > UPLOAD_LIFE[plan]:
            remove(job)
        else:
            kept.append(job)
    return kept
