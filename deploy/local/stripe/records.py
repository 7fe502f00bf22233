"""What the local Stripe knows, in Stripe's own terms. Everything changes under the account's lock."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from deploy.local.stripe.cards import Card

Status = Literal["active", "trialing", "past_due", "canceled", "unpaid", "incomplete", "incomplete_expired", "paused"]
Interval = Literal["day", "week", "month", "year"]
ENDED = frozenset({"canceled", "incomplete_expired"})


@dataclass
class Price:
    """A recurring price of a product."""

    id: str
    created: datetime
    product: str
    """The product's name."""
    amount: int
    """In the currency's smallest unit."""
    currency: str
    interval: Interval


@dataclass
class Customer:
    """A person or company."""

    id: str
    created: datetime
    email: str
    name: str
    metadata: dict[str, str]
    card: Card | None = None
    deleted: bool = False


@dataclass
class Subscription:
    """A customer's subscription of one price."""

    id: str
    created: datetime
    customer: Customer
    price: Price
    metadata: dict[str, str]
    status: Status
    period_start: datetime
    period_end: datetime
    cancel_at_period_end: bool = False
    canceled_at: datetime | None = None
    ended_at: datetime | None = None
    attempts: int = 0
    """How often the payment of the latest invoice failed."""
    next_attempt: datetime | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing can happen to it any more."""
        return self.status in ENDED


@dataclass
class Invoice:
    """One period's bill."""

    id: str
    created: datetime
    number: str
    subscription: Subscription
    amount: int
    currency: str
    status: Literal["open", "paid", "void"]
    billing_reason: Literal["subscription_create", "subscription_cycle"]


@dataclass
class Checkout:
    """A Checkout Session."""

    id: str
    created: datetime
    customer: Customer
    price: Price
    reference: str
    success_url: str
    cancel_url: str
    expires_at: datetime
    metadata: dict[str, str]
    """Of the subscription to be."""
    status: Literal["open", "complete", "expired"] = "open"
    subscription: Subscription | None = None


@dataclass
class Portal:
    """A session of the Billing Portal."""

    id: str
    created: datetime
    customer: Customer
    return_url: str


@dataclass
class Challenge:
    """A bank asks whether it is really the card's holder (3D Secure). Answered once."""

    id: str
    card: Card
    checkout: Checkout | None = None
    portal: Portal | None = None
    invoice: Invoice | None = None
    """To be paid by this, from the portal."""


@dataclass
class Endpoint:
    """A webhook endpoint."""

    id: str
    created: datetime
    url: str
    secret: str
    events: tuple[str, ...]
    """Types that it wants; ``*`` is all."""


@dataclass
class Delivery:
    """An event on its way to one endpoint."""

    endpoint: Endpoint
    attempts: int = 0
    outcome: str = "on its way"
    """For people."""
    state: Literal["pending", "delivered", "failed"] = "pending"


@dataclass
class Event:
    """Something happened; the object is as it was then."""

    id: str
    created: datetime
    type: str
    about: dict[str, Any]
    deliveries: list[Delivery] = field(default_factory=list)
