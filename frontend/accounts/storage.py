"""What somebody's files take, and when they are archived; what they will pay next, or would. That takes time to find out,
so the account page loads it by itself; without JavaScript these are pages of their own."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flask import render_template
from flask.typing import ResponseReturnValue

from frontend.access import is_fragment_request, services, settings, sign_in_required, signed_in_user
from frontend.accounts.blueprint import blueprint
from frontend.accounts.plan import money, price_words
from frontend.jobs.whereabouts import archived_from
from frontend.limits import allow
from shared.core.jobs import Job, files_of
from shared.core.retention import FilesState

LOOKS = (60, timedelta(minutes=10))
_A_PAGE = 100  # jobs
_MOST_PAGES = 100
_SHOWN = 5


@dataclass
class Storage:
    """Sums over somebody's jobs."""

    jobs: int = 0
    available: int = 0
    """Bytes in standard storage, or on their way to or from it."""
    archived: int = 0
    """Bytes in the archive."""
    archived_jobs: int = 0
    returning_jobs: int = 0
    waiting_jobs: int = 0
    next: list[tuple[datetime, Job]] = field(default_factory=list)
    """Whose files are archived next, and when, soonest first."""
    is_whole: bool = True
    """Whether every job was counted."""


@blueprint.get("/account/storage")
@sign_in_required
def storage() -> ResponseReturnValue:
    """The sums. Raises `TooMany`."""
    user = signed_in_user()
    allow(f"storage#{user.user_id}", most=LOOKS[0], window=LOOKS[1])
    now, retention = services().now(), settings().retention
    found = measure(_jobs_of(user.user_id), until=lambda job: archived_from(job, user, now, retention))
    return _part("accounts/_storage.html", title="Storage", user=user, storage=found)


@blueprint.get("/account/next-invoice")
@sign_in_required
def next_invoice() -> ResponseReturnValue:
    """What Stripe will charge next. Raises `TooMany`, `Unavailable`."""
    user = signed_in_user()
    allow(f"invoice#{user.user_id}", most=LOOKS[0], window=LOOKS[1])
    invoice = services().billing.next_invoice(user.customer_id) if user.customer_id else None
    amount = money(invoice.amount, invoice.currency) if invoice else ""
    return _part("accounts/_invoice.html", title="Next invoice", invoice=invoice, amount=amount)


@blueprint.get("/account/price")
@sign_in_required
def price() -> ResponseReturnValue:
    """What premium costs. Raises `TooMany`, `Unavailable`."""
    allow(f"price#{signed_in_user().user_id}", most=LOOKS[0], window=LOOKS[1])
    return _part("accounts/_price.html", title="Price", words=price_words(services().billing.price()))


def measure(jobs: Iterable[Job], *, until: Callable[[Job], datetime | None]) -> Storage:
    """What these jobs take. ``until``: when a job's files will be archived."""
    found = Storage()
    waiting: list[tuple[datetime, Job]] = []
    for job in jobs:
        if found.jobs == _A_PAGE * _MOST_PAGES:
            found.is_whole = False
            break
        size = sum(stored.size for _, stored in files_of(job))
        found.jobs += 1
        if job.files is FilesState.ARCHIVED:
            found.archived += size
            found.archived_jobs += 1
        else:
            found.available += size
            found.returning_jobs += job.files is FilesState.RESTORING
        if (moment := until(job)) is not None:
            waiting.append((moment, job))
    found.waiting_jobs = len(waiting)
    found.next = heapq.nsmallest(_SHOWN, waiting, key=lambda pair: (pair[0], pair[1].job_id))
    return found


def _jobs_of(user_id: str) -> Iterator[Job]:
    start: str | None = None
    while True:
        page = services().jobs.by_owner(user_id, limit=_A_PAGE, start=start)
        yield from page.jobs
        if (start := page.next) is None:
            return


def _part(template: str, *, title: str, **context: object) -> str:
    if is_fragment_request():
        return render_template(template, **context)
    return render_template("accounts/part.html", part=template, title=title, **context)
