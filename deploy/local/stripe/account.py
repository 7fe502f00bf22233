"""One account at the local Stripe: what is stored in it, its clock, and the events that it sends."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from deploy.local.stripe import objects
from deploy.local.stripe.params import missing
from deploy.local.stripe.records import (
    Challenge,
    Checkout,
    Customer,
    Endpoint,
    Event,
    Invoice,
    Portal,
    Price,
    Subscription,
)
from shared.core.clock import Clock

Send = Callable[[Event, Endpoint], None]
_KEPT = (
    "after_retries",
    "prices",
    "customers",
    "subscriptions",
    "invoices",
    "checkouts",
    "portals",
    "challenges",
    "endpoints",
    "events",
    "answers",
)
"""What of an account outlives the process."""


@dataclass(frozen=True)
class Answer:
    """What was answered to a request with an idempotency key."""

    at: datetime
    asked: str
    status: int
    body: bytes


class StripeClock:
    """The real time, and what it was advanced by."""

    def __init__(self, real: Clock) -> None:
        self._real = real
        self.ahead = timedelta()

    def now(self) -> datetime:
        """What time it is at the local Stripe."""
        return self._real() + self.ahead

    def set(self, moment: datetime) -> None:
        """It is this moment now, and goes on from there."""
        self.ahead = moment - self._real()


class Account:
    """Records by their ids, in the order in which they were made. Whoever reads or changes them holds ``lock``."""

    def __init__(self, url: str, clock: StripeClock, send: Send) -> None:
        self.url = url
        """Where its pages are."""
        self.clock = clock
        self.lock = threading.RLock()
        self.after_retries: Literal["canceled", "unpaid"] = "canceled"
        """What a subscription becomes when every retry of a payment has failed."""
        self.prices: dict[str, Price] = {}
        self.customers: dict[str, Customer] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.invoices: dict[str, Invoice] = {}
        self.checkouts: dict[str, Checkout] = {}
        self.portals: dict[str, Portal] = {}
        self.challenges: dict[str, Challenge] = {}
        self.endpoints: dict[str, Endpoint] = {}
        self.events: dict[str, Event] = {}
        self.answers: dict[str, Answer] = {}
        """By idempotency keys."""
        self._send = send

    def dump(self) -> dict[str, Any]:
        """Everything in it. By the clock on the wall, what was due while nobody ran it happens afterwards."""
        return {"ahead": self.clock.ahead, **{name: getattr(self, name) for name in _KEPT}}

    def load(self, kept: Mapping[str, Any]) -> None:
        """It is as it was."""
        self.clock.ahead = kept["ahead"]
        for name in _KEPT:
            setattr(self, name, kept[name])

    def new_id(self, prefix: str) -> str:
        """Nobody guesses it: who has a session's id may act for its customer."""
        return f"{prefix}_{secrets.token_hex(12)}"

    def now(self) -> datetime:
        """By the account's clock; in whole seconds, as everything at Stripe."""
        return self.clock.now().replace(microsecond=0)

    def emit(self, event_type: str, about: dict[str, Any]) -> None:
        """It happened: every endpoint that wants to know is told."""
        event = Event(self.new_id("evt"), self.now(), event_type, about)
        self.events[event.id] = event
        self.send(event)

    def send(self, event: Event) -> None:
        """Posts it, if it was posted before then once more."""
        for endpoint in self.endpoints.values():
            if "*" in endpoint.events or event.type in endpoint.events:
                self._send(event, endpoint)

    def customer(self, customer_id: str, *, param: str = "customer") -> Customer:
        """One that was not deleted. Raises `ApiError`."""
        found = self.customers.get(customer_id)
        if found is None or found.deleted:
            raise missing("customer", customer_id, param=param, status=404 if param == "id" else 400)
        return found

    def subscriptions_of(self, customer: Customer) -> list[Subscription]:
        """Newest first."""
        return [one for one in reversed(self.subscriptions.values()) if one.customer is customer]

    def invoices_of(self, customer: Customer) -> list[Invoice]:
        """Newest first."""
        return [one for one in reversed(self.invoices.values()) if one.subscription.customer is customer]

    def open_invoices(self, subscription: Subscription) -> list[Invoice]:
        """Oldest first."""
        return [one for one in self.invoices.values() if one.subscription is subscription and one.status == "open"]

    def new_customer(self, email: str, name: str, metadata: dict[str, str]) -> Customer:
        made = Customer(self.new_id("cus"), self.now(), email, name, metadata)
        self.customers[made.id] = made
        self.emit("customer.created", objects.customer(made))
        return made

    def checkout_url(self, checkout: Checkout) -> str:
        """Where somebody pays."""
        return f"{self.url}/c/pay/{checkout.id}"

    def portal_url(self, portal: Portal) -> str:
        """Where somebody sees and changes what they have."""
        return f"{self.url}/p/session/{portal.id}"
