"""The local Stripe as part of the local cloud's process, spoken with as the servers do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from deploy.local.stripe import setup
from shared.billing.stripe_billing import StripeBilling
from shared.core.billing import plan_of
from tests.factories import a_user
from tests.functional.local_cloud import Endpoint, LocalCloud, endpoint, running_cloud

CARD = {"number": "4242424242424242", "expiry": "12/40", "cvc": "123"}


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with running_cloud() as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Endpoint]:
    with endpoint() as running:
        yield running


@pytest.fixture
def billing(cloud: LocalCloud, receiver: Endpoint) -> StripeBilling:
    settings = setup.create(cloud.url, receiver.url)
    return StripeBilling(
        key=settings["GAS_STRIPE_KEY"],
        price=settings["GAS_STRIPE_PRICE"],
        webhook_secrets=[settings["GAS_STRIPE_WEBHOOK_SECRETS"]],
        api=settings["GAS_STRIPE_API"],
    )


def subscribe(billing: StripeBilling) -> str:
    """The customer id of somebody who has just paid."""
    alice = a_user()
    customer = billing.create_customer(alice)
    page = billing.checkout_url(
        customer_id=customer,
        user_id=alice.user_id,
        return_url="https://gas.example.org/return",
        cancel_url="https://gas.example.org/account",
    )
    paid = requests.post(page, data=CARD, allow_redirects=False, timeout=10)
    assert paid.headers["Location"] == "https://gas.example.org/return"
    return customer


def test_who_pays_has_the_plan_and_the_endpoint_is_told(billing: StripeBilling, receiver: Endpoint) -> None:
    customer = subscribe(billing)
    assert plan_of(billing.subscription(customer)) == "premium"
    told = [receiver.next() for _ in range(3)]
    events = [billing.verify_event(one.body, one.headers["stripe-signature"]) for one in told]
    assert {event.type for event in events} == {
        "customer.subscription.created",
        "invoice.paid",
        "checkout.session.completed",
    }
    assert {event.customer_id for event in events} == {customer}


def test_an_endpoint_that_is_away_is_told_later(billing: StripeBilling, receiver: Endpoint) -> None:
    receiver.status = 503
    subscribe(billing)
    first = [receiver.next() for _ in range(3)]
    receiver.status = 200
    again = [receiver.next() for _ in range(3)]
    assert {one.body for one in first} == {one.body for one in again}
    for one in again:
        billing.verify_event(one.body, one.headers["stripe-signature"])


def test_its_pages_find_their_styles_under_the_clouds_address(cloud: LocalCloud) -> None:
    desk = requests.get(f"{cloud.url}/stripe", timeout=10)
    assert desk.ok
    for sheet in ("mailbox.css", "stripe.css"):
        path = f"/stripe/static/{sheet}"
        assert path in desk.text
        assert requests.get(cloud.url + path, timeout=10).ok


def test_a_bucket_whose_name_begins_like_it_is_s3s(cloud: LocalCloud) -> None:
    s3 = cloud.aws("s3")
    s3.create_bucket(Bucket="stripes")
    s3.put_object(Bucket="stripes", Key="k", Body=b"x")
    assert s3.get_object(Bucket="stripes", Key="k")["Body"].read() == b"x"
