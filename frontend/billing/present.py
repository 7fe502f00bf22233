"""What Stripe says now, for a request."""

from __future__ import annotations

from flask import g

from frontend.access import current_user, services
from frontend.tracing import request_id
from shared.billing.refresh import refresh
from shared.core.audit import AuditEntry
from shared.core.clock import to_iso
from shared.core.users import User


def refreshed(user_id: str) -> User:
    """The user with the plan that Stripe knows now, stored and announced. Raises `Unavailable`, `NotFound`."""
    user = refresh(
        user_id,
        billing=services().billing,
        users=services().users,
        topics=services().topics,
        account_changes_topic=services().account_changes_topic,
        now=services().now(),
        request_id=request_id(),
    )
    if user.plan_since is not None:
        at, what = user.plan_since, f"The plan became {user.plan}."
        services().audit.record(AuditEntry(f"user#{user_id}", f"{to_iso(at)}#plan", at, "stripe", what))  # once
    viewer = current_user()
    if viewer is not None and viewer.user_id == user_id:
        g.user = user  # the page that follows shows this, not what was read at the request's beginning
    return user
