"""`AccountChanged` → all jobs of the account are brought in line with what its plan is now, page by page.

One message goes on for a few seconds and hands the rest over to the next: an account with ten thousand jobs neither
holds up other work for long, nor starts from the beginning when a server stops. What it publishes may be published
twice; what it says holds at the moment when it is handled.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import timedelta

import structlog

from shared.core.audit import AuditEntry
from shared.core.errors import NotFound, Retryable
from shared.core.jobs import FilesAway, Job
from shared.core.messages import AccountChanged, RestoreRequested
from shared.core.retention import FilesState
from shared.core.users import User
from shared.inbox.route import Lease
from util_hook.files import remove
from util_hook.services import Services
from util_hook.waits import keep_wait

log = structlog.get_logger()

PAGE = 500
"""Jobs read at once."""
SLICE = timedelta(seconds=20)
"""For how long one message goes on with the next page."""


def handle(message: AccountChanged, lease: Lease, services: Services) -> None:
    """Premium: ends waits and asks for files that are away. Free: begins waits. Closed: deletes everything.

    Raises `Retryable` when AWS is away or the lease is lost.
    """
    try:
        user = services.users.get(message.user_id)
    except NotFound:
        return  # deleted, and all jobs before it
    if user.closed_at is not None:
        _clear(user, message, lease, services)
        return
    if message.epoch < user.plan_epoch:
        return  # the plan changed again: that change has a message of its own
    until = services.now() + SLICE
    cursor = message.cursor
    while True:
        page = services.jobs.by_owner(user.user_id, limit=PAGE, start=cursor or None)
        if user.plan == "premium":
            _want_back(page.jobs, user, message, lease, services)
        else:
            _begin_waits(page.jobs, user, lease, services)
        cursor = page.next or ""
        if not cursor or services.now() >= until:
            break
    if cursor:
        _go_on(message, cursor, services)


def _want_back(jobs: Sequence[Job], user: User, message: AccountChanged, lease: Lease, services: Services) -> None:
    _require(lease)
    away = [job for job in jobs if not _stays(job, services)]
    wanted = [
        RestoreRequested(job_id=job.job_id, user_id=user.user_id, epoch=user.plan_epoch, request_id=message.request_id)
        for job in away
    ]
    if wanted:
        services.topics.publish_all(services.restore_requests_topic, [one.to_json() for one in wanted])
        log.info("asked for files", user_id=user.user_id, jobs=len(wanted))


def _stays(job: Job, services: Services) -> bool:
    """Whether the job's files are here, and stay: its wait, if it had one, is ended."""
    if job.files is not FilesState.AVAILABLE:
        return False
    try:
        if job.archive_at is not None:
            services.jobs.end_wait(job.job_id)
    except FilesAway:  # its wait was over at this very moment
        return False
    except NotFound:
        pass
    return True


def _begin_waits(jobs: Sequence[Job], user: User, lease: Lease, services: Services) -> None:
    for job in jobs:
        _require(lease)
        with contextlib.suppress(NotFound):
            # What the index says of a job that runs may be a moment old; a final state stays.
            present = job if job.state.is_final else services.jobs.get(job.job_id)
            if present.state.is_final and present.files is FilesState.AVAILABLE:
                keep_wait(present, user, services)


def _clear(user: User, message: AccountChanged, lease: Lease, services: Services) -> None:
    """Deletes jobs from the first page on, until there is none: pages that shrink have no stable cursor."""
    until = services.now() + SLICE
    while jobs := services.jobs.by_owner(user.user_id, limit=PAGE).jobs:
        for job in jobs:
            _require(lease)
            remove(job, services)
        if services.now() >= until:
            _go_on(message, "", services)
            return
    for objects in services.buckets.values():  # also what was uploaded, or copied, after its job was deleted
        objects.delete_under(f"{user.user_id}/")
    with contextlib.suppress(NotFound):  # another attempt was quicker
        _end_payments(user.user_id, services)
    services.users.delete(user.user_id)
    log.info("account deleted", user_id=user.user_id)


def _end_payments(user_id: str, services: Services) -> None:
    """Again, after the frontend: in another tab they may have become a customer while they deleted their account. What
    is paid from now on is ended when Stripe tells of it, by what the audit log says of the customer."""
    customer_id = services.users.get(user_id).customer_id
    if customer_id:
        services.billing.close(customer_id)
        what = "The account was deleted by its owner, and its subscriptions were cancelled."
        services.audit.record(AuditEntry(f"customer#{customer_id}", "closed", services.now(), user_id, what))


def _go_on(message: AccountChanged, cursor: str, services: Services) -> None:
    rest = message.model_copy(update={"cursor": cursor})
    services.topics.publish(services.account_changes_topic, rest.to_json())


def _require(lease: Lease) -> None:
    if lease.lost.is_set():
        raise Retryable("The lease on this message is lost.")
