"""The daily call → every customer's plan is compared with what Stripe says, and what was missed is repaired."""

from __future__ import annotations

from shared.billing.reconcile import reconcile
from shared.core.errors import Retryable
from shared.core.messages import Message
from shared.inbox.route import Lease
from util_hook.services import Services


def handle(message: Message, lease: Lease, services: Services) -> None:  # noqa: ARG001 - it says nothing but "now"
    """Repairs whom it can. Raises `Retryable` when Stripe or AWS failed for some of the others, or the lease is lost."""
    done = reconcile(
        billing=services.billing,
        users=services.users,
        topics=services.topics,
        audit=services.audit,
        account_changes_topic=services.account_changes_topic,
        now=services.now,
        stop=lease.lost.is_set,
    )
    if lease.lost.is_set():
        raise Retryable("The lease on this message is lost.")
    if done.may_succeed_later:
        raise Retryable(f"{len(done.failures)} users could not be compared with Stripe.")
