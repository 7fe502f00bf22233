"""Plans and what is known of a person's subscription. Stripe is the master; this is what it said last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from shared.core.clock import Moment
from shared.core.errors import Permanent
from shared.core.users import Plan, Subscription, SubscriptionStatus, User

PREMIUM_STATUSES: frozenset[SubscriptionStatus] = frozenset(
    {SubscriptionStatus.ACTIVE, SubscriptionStatus.TRIALING, SubscriptionStatus.PAST_DUE}
)
"""In which statuses somebody has the premium plan. A payment that is past due has Stripe's retries as its grace."""


def plan_of(subscription: Subscription | None) -> Plan:
    """The plan that a subscription gives."""
    return "premium" if subscription is not None and subscription.status in PREMIUM_STATUSES else "free"


class Forged(Permanent):
    """An event's signature is wrong, too old, or missing."""


@dataclass(frozen=True)
class BillingEvent:
    """A verified event of Stripe. Only a hint that something changed: what holds is read from Stripe."""

    event_id: str
    type: str
    """Such as ``customer.subscription.updated``."""
    customer_id: str
    """Empty where the event is about no customer."""
    created_at: Moment
    object_id: str = ""
    """Of the object that the event is about."""


@dataclass(frozen=True)
class Invoice:
    """What will be, or was, charged."""

    amount: int
    """In the currency's smallest unit."""
    currency: str
    due_at: Moment


@dataclass(frozen=True)
class Price:
    """What the premium plan costs."""

    amount: int
    """In the currency's smallest unit."""
    currency: str
    interval: str
    """``day``, ``week``, ``month`` or ``year``."""
    interval_count: int = 1
    """It is charged every so many intervals."""


class Billing(Protocol):
    """Stripe. Every method may raise `shared.core.errors.Unavailable`."""

    def create_customer(self, user: User) -> str:
        """The id of a new customer that names this user in its metadata (``user_id``); the same id when repeated within
        a day (idempotency key)."""
        ...

    def checkout_url(self, *, customer_id: str, user_id: str, return_url: str, cancel_url: str) -> str:
        """Where the person subscribes. Stripe sends them to ``return_url`` afterwards."""
        ...

    def portal_url(self, *, customer_id: str, return_url: str) -> str:
        """Where the person sees invoices, changes the payment method, cancels."""
        ...

    def subscription(self, customer_id: str) -> Subscription | None:
        """As it is at Stripe now. Of several the one that gives the best plan, then the latest. None where there is
        none, or the customer was deleted there."""
        ...

    def owner_of(self, customer_id: str) -> str | None:
        """The ``user_id`` in the customer's metadata; None where there is no such customer, or no such metadata."""
        ...

    def next_invoice(self, customer_id: str) -> Invoice | None: ...

    def price(self) -> Price:
        """Raises `ConfigurationError` when the setting does not name one that can be subscribed to."""
        ...

    def close(self, customer_id: str) -> None:
        """Cancels every subscription at once. Harmless when repeated. The customer stays: accounting needs it."""
        ...

    def verify_event(self, payload: bytes, signature: str) -> BillingEvent:
        """The event. Raises `Forged`; `Permanent` when it is signed but not an event."""
        ...
