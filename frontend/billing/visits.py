"""To Stripe and back: Checkout for subscribing, the Portal for everything afterwards.

Nothing of what the browser sends says who the customer is: that is stored with the account.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import structlog
from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from frontend.access import services, settings, sign_in_required, signed_in_user
from frontend.billing.blueprint import blueprint
from frontend.billing.present import refreshed
from frontend.limits import allow
from shared.core.errors import NotFound, Permanent, Retryable
from shared.core.users import SubscriptionStatus, User

log = structlog.get_logger()

VISITS = (30, timedelta(minutes=10))
"""Each visit asks Stripe, which counts what we ask."""
_RUNNING = frozenset(
    {
        SubscriptionStatus.ACTIVE,
        SubscriptionStatus.TRIALING,
        SubscriptionStatus.PAST_DUE,
        SubscriptionStatus.UNPAID,
        SubscriptionStatus.PAUSED,
    }
)
"""Who has one of these mends it in the Portal; a second subscription beside it would be paid twice."""

_NEW = timedelta(hours=1)
"""How long a change of plan is told of: Stripe's event is often here before the person is."""
_UNKNOWN = "Stripe does not know your customer account any more. Please write to us."


@blueprint.post("/account/subscribe")
@sign_in_required
def subscribe() -> ResponseReturnValue:
    """To Stripe's Checkout; to the Portal where there is a subscription already. Raises `TooMany`, `Unavailable`."""
    user = signed_in_user()
    _count(user)
    if not user.customer_id:
        user = services().users.set_customer(user.user_id, services().billing.create_customer(user))
    user = refreshed(user.user_id)  # what was paid in another tab a moment ago counts
    if has_running_subscription(user):
        return _to_portal(user)
    try:
        address = services().billing.checkout_url(
            customer_id=user.customer_id,
            user_id=user.user_id,
            return_url=_ours("billing.back", came_from="checkout"),
            cancel_url=_ours("accounts.account"),
        )
    except NotFound:
        raise Permanent(_UNKNOWN) from None
    log.info("to checkout", user_id=user.user_id)
    return redirect(address, 303)


@blueprint.post("/account/portal")
@sign_in_required
def portal() -> ResponseReturnValue:
    """To Stripe's Billing Portal. Raises `TooMany`, `Unavailable`."""
    user = signed_in_user()
    _count(user)
    if not user.customer_id:
        flash("There is nothing to manage yet: you have not subscribed.", "info")
        return redirect(url_for("accounts.account"), 303)
    return _to_portal(user)


@blueprint.get("/account/subscription")
@sign_in_required
def back() -> ResponseReturnValue:
    """Back from Stripe. The address proves nothing, anybody can type it: Stripe is asked. Its event would do, but may
    take a few seconds, and the person looks now. Raises `TooMany`."""
    before = signed_in_user()
    _count(before)
    paid = request.args.get("came_from") == "checkout"
    if not before.customer_id:
        flash("There is no subscription: nothing was charged.", "info")
        return redirect(url_for("accounts.account"), 303)
    try:
        after = refreshed(before.user_id)
    except Retryable as error:
        log.warning("plan not read after a visit to Stripe", user_id=before.user_id, error=str(error))
        flash("Stripe has not told us yet what came of it. Look again in a minute.", "info")
        return redirect(url_for("accounts.account"), 303)
    _tell(before, after, paid=paid)
    return redirect(url_for("accounts.account"), 303)


def has_running_subscription(user: User) -> bool:
    """Whether there is a subscription that the Portal can mend or end."""
    return user.subscription is not None and user.subscription.status in _RUNNING


def _tell(before: User, after: User, *, paid: bool) -> None:
    is_new = after.plan_since is not None and services().now() - after.plan_since < _NEW
    if after.plan == "premium" and is_new and (paid or before.plan == "free"):
        flash("Welcome to premium. Files that were archived are on their way back; we will e-mail you.")
    elif after.plan == "free" and (before.plan == "premium" or (is_new and not paid)):
        flash("You have the free plan again. Your files stay for the retention period, counted from today.", "info")
    elif after.plan == "free" and paid:
        flash("Stripe has confirmed no payment yet. If you paid, this page shows it in a minute.", "info")
    elif after.subscription != before.subscription:
        flash("Your subscription is changed.")


def _to_portal(user: User) -> ResponseReturnValue:
    try:
        address = services().billing.portal_url(customer_id=user.customer_id, return_url=_ours("billing.back"))
    except NotFound:
        raise Permanent(_UNKNOWN) from None
    log.info("to the portal", user_id=user.user_id)
    return redirect(address, 303)


def _count(user: User) -> None:
    most, window = VISITS
    allow(f"billing#{user.user_id}", most=most, window=window)


def _ours(endpoint: str, **query: Any) -> str:
    """An absolute address under the public URL; the Host header of a request is anybody's to choose."""
    return settings().public_url + url_for(endpoint, **query)
