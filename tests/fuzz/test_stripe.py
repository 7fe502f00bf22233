"""Stripe's webhook: what is not Stripe's is refused, and what is signed by it is handled or refused, whatever it says."""

from __future__ import annotations

import functools
import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.billing.stripe_billing import StripeBilling
from tests.frontend_world import FrontendWorld
from tests.fuzz.shapes import a_few, headers, json_values, texts
from tests.stripe_events import SECRET, an_event, signature


@functools.cache
def stripe() -> StripeBilling:
    return StripeBilling(key="sk_test_of_tests", price="price_premium", webhook_secrets=[SECRET])


def world() -> FrontendWorld:
    """With Stripe's own check of signatures, and alice a customer."""
    world = FrontendWorld()
    world.users.set_customer(world.alice.user_id, world.billing.create_customer(world.alice))
    world.billing.verify_event = stripe().verify_event  # type: ignore[method-assign]  # a double's method, for this test
    return world


types = st.sampled_from(
    ["customer.subscription.updated", "customer.deleted", "invoice.payment_failed", "checkout.session.completed", "a.b"]
)


@st.composite
def events(draw: st.DrawFn) -> bytes:
    """Something near to an event."""
    event: Any = json.loads(an_event(draw(types), customer_id=draw(st.sampled_from(["cus_1", "cus_9", ""]))))
    keys = st.sampled_from(["id", "object", "type", "created", "data", "customer", "livemode", "metadata"])
    event |= draw(st.dictionaries(keys, json_values | texts, max_size=1))
    if isinstance(event["data"], dict) and isinstance(event["data"].get("object"), dict):
        event["data"]["object"] |= draw(st.dictionaries(keys, json_values, max_size=2))
    return json.dumps(event).encode()


@a_few
@given(events() | json_values.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=300))
def test_whatever_stripe_signed_is_handled_or_refused(body: bytes) -> None:
    signed = {"Stripe-Signature": signature(body, datetime.now(UTC))}
    assert world().browser().post("/hooks/stripe", body, headers=signed).status in {200, 400, 503}


@a_few
@given(events(), headers | st.builds("t={},v1={}".format, headers, headers))
def test_what_stripe_did_not_sign_is_refused(body: bytes, signed: str) -> None:
    its = world()
    before = dict(its.users.users)
    assert its.browser().post("/hooks/stripe", body, headers={"Stripe-Signature": signed}).status == 400
    assert its.users.users == before
