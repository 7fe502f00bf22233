"""Stripe from memory; ``tests/contract/test_billing.py`` runs the same assertions on the real thing.

Events are made and signed by `tests.stripe_events`.
"""

from __future__ import annotations

import hmac
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.core.billing import BillingEvent, Forged, Invoice, Price, plan_of
from shared.core.clock import Clock, from_millis, utc_now
from shared.core.errors import NotFound, Permanent
from shared.core.users import Subscription, SubscriptionStatus, User
from tests.fake_jobs import Fake
from tests.stripe_events import SECRET

TOLERANCE = timedelta(minutes=5)
MONTH = timedelta(days=30)


@dataclass(frozen=True)
class Visit:
    """Somebody was sent to Stripe."""

    url: str
    customer_id: str
    return_url: str
    user_id: str = ""
    cancel_url: str = ""


class FakeBilling(Fake):
    """One account at Stripe. What a test sets or looks at is public."""

    def __init__(self, *, now: Clock = utc_now, secrets: Sequence[str] = (SECRET,)) -> None:
        super().__init__()
        self.now = now
        self.secrets = tuple(secrets)
        self.owners: dict[str, str] = {}
        """customer_id → user_id in its metadata."""
        self.deleted: set[str] = set()
        """Customers that were deleted at Stripe."""
        self.subscriptions: dict[str, list[Subscription]] = {}
        """customer_id → its subscriptions, oldest first."""
        self.invoices: dict[str, Invoice] = {}
        """customer_id → what will be charged next."""
        self.checkouts: list[Visit] = []
        self.portals: list[Visit] = []
        self.costs = Price(900, "eur", "month")
        self._numbers = itertools.count(1)

    def subscribe(
        self,
        customer_id: str,
        status: SubscriptionStatus = SubscriptionStatus.ACTIVE,
        *,
        ends_at: datetime | None = None,
    ) -> Subscription:
        """One more subscription of this customer, which began now."""
        period_end = self.now().replace(microsecond=0) + MONTH
        one = Subscription(f"sub_{next(self._numbers)}", status, period_end, ends_at)
        self.subscriptions.setdefault(customer_id, []).append(one)
        self.invoices[customer_id] = Invoice(900, "eur", period_end)
        return one

    def becomes(self, customer_id: str, status: SubscriptionStatus, *, ends_at: datetime | None = None) -> Subscription:
        """The latest subscription changes its status, or when it ends."""
        changed = replace(self.subscriptions[customer_id][-1], status=status, ends_at=ends_at)
        self.subscriptions[customer_id][-1] = changed
        return changed

    def create_customer(self, user: User) -> str:
        self.reach()
        with self.lock:
            before = [one for one, owner in self.owners.items() if owner == user.user_id and one != user.customer_id]
            if before:
                return before[-1]
            customer_id = f"cus_{next(self._numbers)}"
            self.owners[customer_id] = user.user_id
            return customer_id

    def checkout_url(self, *, customer_id: str, user_id: str, return_url: str, cancel_url: str) -> str:
        self.reach()
        self._must_exist(customer_id)
        visit = Visit(f"https://checkout.example/{next(self._numbers)}", customer_id, return_url, user_id, cancel_url)
        self.checkouts.append(visit)
        return visit.url

    def portal_url(self, *, customer_id: str, return_url: str) -> str:
        self.reach()
        self._must_exist(customer_id)
        visit = Visit(f"https://billing.example/{next(self._numbers)}", customer_id, return_url)
        self.portals.append(visit)
        return visit.url

    def subscription(self, customer_id: str) -> Subscription | None:
        self.reach()
        if customer_id not in self.owners or customer_id in self.deleted:
            return None
        mine = self.subscriptions.get(customer_id, [])
        return max(enumerate(mine), key=lambda pair: (plan_of(pair[1]) == "premium", pair[0]), default=(0, None))[1]

    def owner_of(self, customer_id: str) -> str | None:
        self.reach()
        return None if customer_id in self.deleted else self.owners.get(customer_id)

    def next_invoice(self, customer_id: str) -> Invoice | None:
        self.reach()
        best = self.subscription(customer_id)
        return self.invoices.get(customer_id) if plan_of(best) == "premium" and best and not best.ends_at else None

    def price(self) -> Price:
        self.reach()
        return self.costs

    def close(self, customer_id: str) -> None:
        self.reach()
        now = self.now().replace(microsecond=0)
        with self.lock:
            self.subscriptions[customer_id] = [
                one
                if one.status in {SubscriptionStatus.CANCELED, SubscriptionStatus.INCOMPLETE_EXPIRED}
                else replace(one, status=SubscriptionStatus.CANCELED, ends_at=now)
                for one in self.subscriptions.get(customer_id, [])
            ]

    def verify_event(self, payload: bytes, signature: str) -> BillingEvent:
        try:
            parts = [tuple(part.split("=", 1)) for part in signature.split(",")]
            sent = next(int(value) for name, value in parts if name == "t")
        except (ValueError, StopIteration):
            raise Forged("The event carries no signature of Stripe.") from None
        wanted = {hmac.new(one.encode(), b"%d.%s" % (sent, payload), "sha256").hexdigest() for one in self.secrets}
        if not wanted & {value for name, value in parts if name == "v1"}:
            raise Forged("The event's signature is wrong.")
        if from_millis(sent * 1000) < self.now() - TOLERANCE:
            raise Forged("The event's signature is too old.")
        try:
            event = json.loads(payload)
            about = event["data"]["object"]
            customer_id = about["id"] if about["object"] == "customer" else about.get("customer") or ""
            return BillingEvent(
                event["id"], event["type"], customer_id, from_millis(event["created"] * 1000), about.get("id") or ""
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Permanent("This is signed, but no event of Stripe.") from error

    def _must_exist(self, customer_id: str) -> None:
        if customer_id not in self.owners or customer_id in self.deleted:
            raise NotFound("Stripe knows no such customer.")
