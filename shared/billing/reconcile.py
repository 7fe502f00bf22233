"""Once a day: every customer's plan as Stripe knows it, whatever was missed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import structlog

from shared.billing.refresh import announce, refresh
from shared.core.audit import Audit, AuditEntry
from shared.core.billing import Billing
from shared.core.clock import Clock, to_iso
from shared.core.errors import GasError, NotFound, Retryable
from shared.core.ports import Topics, Users
from shared.core.users import User

log = structlog.get_logger()

_PAGE = 100


@dataclass
class Reconciliation:
    """What came of it."""

    looked_at: int = 0
    """Users."""
    changes: dict[str, str] = field(default_factory=dict)
    """user_id → what was changed, in a sentence."""
    failures: dict[str, str] = field(default_factory=dict)
    """user_id → why nothing could be said of them."""
    may_succeed_later: bool = False
    """Whether one of the failures was of the kind that passes."""


def reconcile(
    *,
    billing: Billing,
    users: Users,
    topics: Topics,
    audit: Audit,
    account_changes_topic: str,
    now: Clock,
    stop: Callable[[], bool] = lambda: False,
) -> Reconciliation:
    """Refreshes every customer, and brings to an end what a deleted account left behind.

    One user's failure does not keep the others from being looked at. ``stop`` is asked between two users.
    Raises `Unavailable` when the users cannot be read at all.
    """
    done = Reconciliation()
    for before in _customers(users):
        if stop():
            break
        done.looked_at += 1
        try:
            after = _repaired(before, billing, users, topics, account_changes_topic, now)
        except NotFound:
            continue  # deleted while we looked
        except GasError as error:
            log.warning("not reconciled", user_id=before.user_id, error=str(error))
            done.failures[before.user_id] = str(error)
            done.may_succeed_later |= isinstance(error, Retryable)
            continue
        if change := _difference(before, after):
            log.warning("reconciled", user_id=before.user_id, change=change)
            done.changes[before.user_id] = change
            _record(audit, before, change, now)
    log.info("reconciliation done", users=done.looked_at, changed=len(done.changes), failed=len(done.failures))
    return done


def _customers(users: Users) -> Iterator[User]:
    start: str | None = None
    while True:
        page, start = users.billed(limit=_PAGE, start=start)
        yield from page
        if start is None:
            return


def _repaired(
    before: User, billing: Billing, users: Users, topics: Topics, account_changes_topic: str, now: Clock
) -> User:
    if before.closed_at is not None:  # they paid in another tab while they deleted their account, or we died half-way
        if before.customer_id:
            billing.close(before.customer_id)
        announce(before, users=users, topics=topics, account_changes_topic=account_changes_topic)
        return before
    return refresh(
        before.user_id,
        billing=billing,
        users=users,
        topics=topics,
        account_changes_topic=account_changes_topic,
        now=now(),
    )


def _difference(before: User, after: User) -> str:
    """What is other than before; empty when nothing is."""
    parts = []
    if after.plan != before.plan:
        parts.append(f"The plan was {before.plan} and is {after.plan}.")
    if after.subscription != before.subscription:
        parts.append(f"The subscription was {_status(before)} and is {_status(after)}.")
    if before.announced_epoch < before.plan_epoch:
        parts.append("The latest change was not announced yet; now it is.")
    return " ".join(parts)


def _status(user: User) -> str:
    one = user.subscription
    if one is None:
        return "none"
    ends = f", to end at {to_iso(one.ends_at)}" if one.ends_at else ""
    until = f", paid until {to_iso(one.period_end)}" if one.period_end else ""
    return f"{one.status}{ends or until}"


def _record(audit: Audit, user: User, change: str, now: Clock) -> None:
    at = now()
    entry = AuditEntry(f"user#{user.user_id}", f"{to_iso(at)}#{uuid.uuid4().hex}", at, "reconciliation", change)
    audit.record(entry)
