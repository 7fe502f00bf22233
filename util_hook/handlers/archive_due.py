"""`ArchiveDue` → the owner is told that files will be archived soon; later the files go to Glacier.

Both only if the owner is free *now*. The wait's number is read before the owner's plan, and the archive begins on
condition of that number: an upgrade stores the plan first and raises the number after, so one of the two is noticed.
Before each object the job is looked at again. A copy that still comes too late is found by `settle`, which the loser
of every race calls.
"""

from __future__ import annotations

import structlog

from shared.core.errors import NotFound, Retryable
from shared.core.jobs import FilesAway, Job, files_of
from shared.core.messages import ArchiveDue
from shared.core.retention import FilesState
from shared.inbox.route import Lease
from util_hook.files import find, owner_of, settle
from util_hook.notices import tell_archived, tell_soon
from util_hook.services import Services

log = structlog.get_logger()


def handle(message: ArchiveDue, lease: Lease, services: Services) -> None:
    """Does what this point of the wait asks for, unless it does not count any more.

    Raises `Retryable` when AWS is away, the lease is lost, or another attempt's e-mail may be on its way.
    """
    job = find(message.job_id, services)
    if job is None:
        return
    if message.step == "soon":
        _soon(job, message.wait, services)
    elif _archive(job, message.wait, lease, services):
        owner = owner_of(job, services)
        if owner is not None and owner.plan == "free":
            tell_archived(job, owner, services)
        else:  # the plan changed at the last moment, perhaps after the upgrade had looked at this job
            settle(job.job_id, job.user_id, services)
    else:
        settle(job.job_id, job.user_id, services)


def _soon(job: Job, wait: int, services: Services) -> None:
    owner = owner_of(job, services)
    counts = job.wait == wait and job.archive_at is not None and job.files is FilesState.AVAILABLE
    if counts and owner is not None and owner.plan == "free" and services.archive_notice < services.retention:
        tell_soon(job, owner, services)


def _archive(job: Job, wait: int, lease: Lease, services: Services) -> bool:
    """Whether the job's files are in Glacier because of this wait."""
    owner = owner_of(job, services)
    if job.wait != wait or owner is None or owner.plan != "free":
        return False
    if job.files is FilesState.ARCHIVED:  # by an earlier attempt
        return True
    try:
        job = services.jobs.begin_archive(job.job_id, wait=wait, now=services.now())
        for bucket, stored in files_of(job):
            if lease.lost.is_set():
                raise Retryable("The lease on this message is lost.")
            present = services.jobs.get(job.job_id)
            if present.files is not FilesState.ARCHIVING or present.wait != wait:
                return False
            services.archives[bucket].archive(stored.key)
        services.jobs.archived(job.job_id, wait=wait, now=services.now())
    except (FilesAway, NotFound) as error:
        log.info("not archived", job_id=job.job_id, why=str(error))
        return False
    log.info("archived", job_id=job.job_id)
    return True
