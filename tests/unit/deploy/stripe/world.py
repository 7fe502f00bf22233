"""A local Stripe without a network, and somebody who uses it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from werkzeug.test import Client, TestResponse

from deploy.local.sns.delivery import Answer
from deploy.local.sns.envelope import Push
from deploy.local.stripe.app import LocalStripe
from tests.factories import NOON
from tests.unit.deploy.virtual import InlineLane, VirtualTime

URL = "http://stripe.example"
KEY = "sk_test_unit"
GOOD, DECLINED, POOR = "4242424242424242", "4000000000000002", "4000000000009995"
AUTHENTICATE, FAILS_LATER, AUTHENTICATE_ALWAYS = "4000002500003155", "4000000000000341", "4000002760003184"


def body_of(response: TestResponse) -> Any:
    """The JSON of an answer."""
    return response.json


@dataclass
class Posted:
    """One attempt to deliver an event."""

    url: str
    body: str
    signature: str

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.body)
        return event


@dataclass
class World:
    """The local Stripe with a price and a webhook endpoint; what it posts is kept."""

    now: datetime = NOON
    posts: list[Posted] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    """Of the endpoint, for the next attempts; 200 when there are none."""
    time: VirtualTime = field(default_factory=VirtualTime)

    def __post_init__(self) -> None:
        self.stripe = LocalStripe(URL, now=lambda: self.now, post=self._post, timer=self.time, make_lane=InlineLane)
        self.account = self.stripe.account
        self.client = Client(self.stripe)
        price = {
            "currency": "eur",
            "unit_amount": "900",
            "recurring[interval]": "month",
            "product_data[name]": "GAS Premium",
        }
        self.price = self.api("POST", "/prices", price)["id"]
        endpoint = {"url": "http://gas.example/hooks/stripe", "enabled_events[0]": "*"}
        self.secret = self.api("POST", "/webhook_endpoints", endpoint)["secret"]

    def _post(self, push: Push) -> Answer:
        self.posts.append(Posted(push.url, push.body, push.headers["Stripe-Signature"]))
        return self.answers.pop(0) if self.answers else 200

    def call(self, method: str, path: str, params: dict[str, str] | None = None, **headers: str) -> TestResponse:
        """A request to the API."""
        how = {"query_string": params} if method == "GET" else {"data": params}
        return self.client.open(
            f"/v1{path}",
            method=method,
            headers={"Authorization": f"Bearer {KEY}", **headers},
            **how,  # type: ignore[arg-type]  # a test names its fields rightly
        )

    def api(self, method: str, path: str, params: dict[str, str] | None = None) -> dict[str, Any]:
        """What the API answers when all is well."""
        response = self.call(method, path, params)
        assert response.status_code == 200, response.text
        body: dict[str, Any] = body_of(response)
        return body

    def customer(self) -> str:
        return str(self.api("POST", "/customers", {"email": "alice@example.org", "name": "Alice"})["id"])

    def checkout(self, customer: str) -> str:
        """The path of a new Checkout page."""
        params = {
            "mode": "subscription",
            "customer": customer,
            "line_items[0][price]": self.price,
            "line_items[0][quantity]": "1",
            "success_url": "http://gas.example/return?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://gas.example/account",
        }
        return str(self.api("POST", "/checkout/sessions", params)["url"]).removeprefix(URL)

    def give_card(self, path: str, number: str, *, expiry: str = "12/40", cvc: str = "123") -> TestResponse:
        """Sends a page's card form."""
        return self.client.post(path, data={"number": number, "expiry": expiry, "cvc": cvc})

    def subscriber(self) -> str:
        """A customer with an active subscription."""
        customer = self.customer()
        assert self.give_card(self.checkout(customer), GOOD).status_code == 303
        return customer

    def subscription(self, customer: str) -> dict[str, Any]:
        """Its latest."""
        found: dict[str, Any] = self.api("GET", "/subscriptions", {"customer": customer, "status": "all"})["data"][0]
        return found

    def portal(self, customer: str) -> str:
        """The path of a new Portal page."""
        params = {"customer": customer, "return_url": "http://gas.example/account"}
        return str(self.api("POST", "/billing_portal/sessions", params)["url"]).removeprefix(URL)

    def change_card(self, customer: str, number: str) -> TestResponse:
        return self.give_card(f"{self.portal(customer)}/card", number)

    def advance(self, days: int) -> None:
        assert self.client.post("/clock", data={"days": str(days)}).status_code == 303

    def real_time_passes(self, delta: timedelta) -> None:
        self.now += delta

    def events(self) -> list[dict[str, Any]]:
        """As the desk tells them, newest first."""
        events: list[dict[str, Any]] = body_of(self.client.get("/events.json"))
        return events

    def types(self) -> list[str]:
        """Of the events that were posted, in their order."""
        return [posted.event["type"] for posted in self.posts]
