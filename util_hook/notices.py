"""What owners are told about the archive, when, and how often."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from shared.core.errors import NotFound
from shared.core.jobs import Job
from shared.core.retention import FilesState
from shared.core.users import User
from util_hook import mails
from util_hook.post import send_once
from util_hook.services import Services

_LISTED = 20
"""Jobs that an e-mail names; the page has them all."""
_PAGE, _MOST_PAGES = 100, 10
_FEW = 20
"""Jobs that are looked at first to find one that is still away."""
_FRESH = timedelta(days=1)
"""How long after files came back a repeated message may still write about it."""


def tell_soon(job: Job, owner: User, services: Services) -> None:
    """One e-mail a day (UTC) about what is archived soon, for all jobs whose notice falls on this day."""
    today = services.now()
    end_of_day = today.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)

    def write(stop_link: str) -> mails.Mail:
        due = _due_before(owner, end_of_day + services.archive_notice, services)
        jobs = sorted({one.job_id: one for one in (job, *due)}.values(), key=lambda one: one.archive_at or today)
        return mails.soon_mail(jobs[:_LISTED], owner, services.public_url, stop_link, are_more=len(jobs) > _LISTED)

    send_once(f"soon-{owner.user_id}-{today:%Y%m%d}", owner, services, kind="archive", write=write)


def tell_archived(job: Job, owner: User, services: Services) -> None:
    """One e-mail a day (UTC) about what was archived."""
    send_once(
        f"archived-{owner.user_id}-{services.now():%Y%m%d}",
        owner,
        services,
        kind="archive",
        write=lambda stop_link: mails.archived_mail(job, owner, services.public_url, stop_link),
    )


def tell_restored(job: Job, owner: User, services: Services) -> None:
    """One e-mail for each time that the files were asked back, when all of the owner's are there.

    Harmless when repeated; silent for a job whose files were never asked back, or came long ago.
    """
    is_fresh = job.files_at is not None and services.now() - job.files_at <= _FRESH
    if job.restore_epoch and is_fresh and _are_all_back(owner, services):
        send_once(
            f"restored-{owner.user_id}-{job.restore_epoch}",
            owner,
            services,
            kind="archive",
            write=lambda stop_link: mails.restored_mail(owner, services.public_url, stop_link),
        )


def _due_before(owner: User, end: datetime, services: Services) -> Iterator[Job]:
    """Jobs that are archived before this moment, one more than are listed at most. Very old jobs are not looked at:
    their wait ended long ago."""
    start: str | None = None
    found = 0
    for _ in range(_MOST_PAGES):
        page = services.jobs.by_owner(owner.user_id, limit=_PAGE, start=start)
        for job in page.jobs:
            if job.files is FilesState.AVAILABLE and job.archive_at is not None and job.archive_at < end:
                yield job
                found += 1
                if found > _LISTED:
                    return
        start = page.next
        if start is None:
            return


def _are_all_back(owner: User, services: Services) -> bool:
    """Whether nothing of the owner's that should come back is still away. What the index says is read again."""
    coming = [FilesState.RESTORING]
    if owner.plan == "premium":
        coming += [FilesState.ARCHIVED, FilesState.ARCHIVING]
    return not any(_is_in(job, coming, services) for files in coming for job in _named_away(owner, files, services))


def _named_away(owner: User, files: FilesState, services: Services) -> Iterator[Job]:
    """All that the index names. Where many come back at once, the first that it names are those that are back already;
    mostly one of a few is still away, and nobody asks for more."""
    limit, seen = _FEW, set[str]()
    while True:
        named = services.jobs.away(owner.user_id, files, limit=limit)
        yield from (job for job in named if job.job_id not in seen)
        if len(named) < limit:
            return
        limit, seen = limit * 10, {job.job_id for job in named}


def _is_in(job: Job, states: list[FilesState], services: Services) -> bool:
    try:
        return services.jobs.get(job.job_id).files in states
    except NotFound:
        return False
