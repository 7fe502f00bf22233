"""Stripe's events. Each is a hint that something changed for a customer; what holds is read from Stripe.

So events may come twice, late, or in any order: the deleted before the created, an update of last week. Anything but
200 makes Stripe post the event again, for three days with growing pauses. The signature is what proves the sender,
and so the view is exempt from CSRF tokens.
"""

from __future__ import annotations

import structlog
from flask import Response, make_response, request

from frontend.access import services
from frontend.billing.blueprint import blueprint
from frontend.billing.mails import write_payment_failed
from frontend.billing.present import refreshed
from frontend.security import proves_otherwise
from shared.core.audit import AuditEntry
from shared.core.billing import BillingEvent, Forged
from shared.core.errors import AlreadyExists, NotFound, Permanent, Retryable
from shared.core.users import SubscriptionStatus, User

log = structlog.get_logger()

LARGEST_EVENT = 512 * 1024
"""Bytes. Stripe's are a few kilobytes; an invoice with many lines some tens."""
_OF_INTEREST = ("customer.subscription.", "customer.deleted", "checkout.session.", "invoice.")
_OWING = frozenset({SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID})


@blueprint.post("/hooks/stripe")
@proves_otherwise
def stripe_event() -> Response:
    """200: done, done before, or of no interest. 400: not from Stripe, too old, or no event. 503: try again."""
    request.max_content_length = LARGEST_EVENT
    try:
        event = services().billing.verify_event(request.get_data(), request.headers.get("Stripe-Signature", ""))
    except (Forged, Permanent) as error:
        log.warning("event refused", why=str(error), forged=isinstance(error, Forged))
        return _answer(str(error), 400)
    structlog.contextvars.bind_contextvars(stripe_event=event.event_id, event_type=event.type)
    try:
        return _answer(_once(event), 200)
    except Retryable as error:
        log.warning("event not handled yet", error=str(error))
        return _answer("Something that we depend on does not answer. Please post the event again.", 503)


def _once(event: BillingEvent) -> str:
    """What was done. An event is recorded when everything was: one that failed half-way is handled again."""
    subject = f"stripe-event#{event.event_id}"
    if services().audit.of(subject, limit=1):
        return "This event was handled before."
    is_ours = event.customer_id and event.type.startswith(_OF_INTEREST)
    what = _handle(event) if is_ours else "It is of no interest."
    details = {"type": event.type, "customer": event.customer_id, "object": event.object_id}
    services().audit.record(AuditEntry(subject, "handled", services().now(), "stripe", what, details))
    log.info("event handled", what=what)
    return what


def _handle(event: BillingEvent) -> str:
    user = _user_of(event.customer_id)
    if user is None:
        return "The customer is none of ours."
    if user.closed_at is not None:
        services().billing.close(event.customer_id)  # they paid in another tab while they deleted their account
        return "The account is closed: the subscription was ended."
    try:
        user = refreshed(user.user_id)
    except NotFound:
        return "The account was deleted meanwhile."
    structlog.contextvars.bind_contextvars(user_id=user.user_id)
    status = user.subscription.status if user.subscription else None
    if event.type == "invoice.payment_failed" and status in _OWING:
        write_payment_failed(user, event.event_id)
    return f"The plan is {user.plan}, the subscription {status or 'none'}."


def _user_of(customer_id: str) -> User | None:
    """Whose customer it is. Stripe is asked when we do not know: we may have died before we stored the customer."""
    user = services().users.by_customer(customer_id)
    if user is not None:
        return user
    if services().audit.of(f"customer#{customer_id}", limit=1):
        services().billing.close(customer_id)  # the account was deleted, and something of it still costs money
        return None
    user_id = services().billing.owner_of(customer_id)
    if user_id is None:
        return None
    try:
        user = services().users.set_customer(user_id, customer_id)
    except (NotFound, AlreadyExists):
        return None
    return user if user.customer_id == customer_id else None


def _answer(text: str, status: int) -> Response:
    response = make_response(text + "\n", status)
    response.mimetype = "text/plain"
    return response
