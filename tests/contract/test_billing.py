"""Stripe: what the fake and the real implementation, on the local Stripe, promise alike."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

import pytest

from deploy.local.server import Server
from deploy.local.stripe import setup, subscriptions
from deploy.local.stripe.app import PREFIX, LocalStripe
from deploy.local.stripe.cards import Card
from deploy.local.stripe.records import Status
from shared.billing.stripe_billing import StripeBilling
from shared.core.billing import Billing, Forged, plan_of
from shared.core.clock import utc_now
from shared.core.errors import ConfigurationError, NotFound, Permanent, Unavailable
from shared.core.users import SubscriptionStatus
from tests.factories import a_user
from tests.fake_billing import FakeBilling
from tests.stripe_events import an_event, signature

SECRETS = ("whsec_new", "whsec_old")
CARD = Card("visa", "4242", 12, 2040, "succeeds")
RETURN, CANCEL = "https://gas.example.org/billing/return", "https://gas.example.org/account"


class World(Protocol):
    """One account at Stripe, and what happens there without GAS."""

    billing: Billing

    def subscribe(self, customer_id: str, status: Status = "active") -> str:
        """The id of a new subscription, which has come to this status."""
        ...

    def cancel_at_period_end(self, customer_id: str) -> None: ...

    def delete_customer(self, customer_id: str) -> None: ...


class FakeWorld:
    def __init__(self) -> None:
        self.fake = FakeBilling(secrets=SECRETS)
        self.billing: Billing = self.fake

    def subscribe(self, customer_id: str, status: Status = "active") -> str:
        return self.fake.subscribe(customer_id, SubscriptionStatus(status)).subscription_id

    def cancel_at_period_end(self, customer_id: str) -> None:
        latest = self.fake.subscriptions[customer_id][-1]
        self.fake.becomes(customer_id, latest.status, ends_at=latest.period_end)

    def delete_customer(self, customer_id: str) -> None:
        self.fake.deleted.add(customer_id)


class StripeWorld:
    def __init__(self, stripe: LocalStripe, url: str) -> None:
        self.account = stripe.account
        self.settings = setup.create(url, "http://127.0.0.1:9/hooks/stripe")
        self.account.endpoints.clear()  # nobody listens
        self.billing: Billing = self.with_settings()

    def with_settings(self, **changed: str) -> StripeBilling:
        settings = self.settings | changed
        return StripeBilling(
            key=settings["GAS_STRIPE_KEY"],
            price=settings["GAS_STRIPE_PRICE"],
            webhook_secrets=SECRETS,
            api=settings["GAS_STRIPE_API"],
        )

    def subscribe(self, customer_id: str, status: Status = "active") -> str:
        self.billing.checkout_url(customer_id=customer_id, user_id="", return_url=RETURN, cancel_url=CANCEL)
        with self.account.lock:
            checkout = next(reversed(self.account.checkouts.values()))
            made = subscriptions.begin(self.account, checkout, CARD)
            made.created += timedelta(seconds=len(self.account.subscriptions))
            made.status = status
            return made.id

    def cancel_at_period_end(self, customer_id: str) -> None:
        with self.account.lock:
            latest = self.account.subscriptions_of(self.account.customers[customer_id])[0]
            subscriptions.cancel(self.account, latest, when="period_end")

    def delete_customer(self, customer_id: str) -> None:
        with self.account.lock:
            subscriptions.delete_customer(self.account, self.account.customers[customer_id])


class _Late:
    """The application of a server whose address it needs."""

    app: LocalStripe

    def __call__(self, environ, start_response):  # type: ignore[no-untyped-def]  # WSGI's signature
        return self.app.mounted(environ, start_response)


@pytest.fixture
def stripe_world() -> Iterator[StripeWorld]:
    late = _Late()
    server = Server(0, late)
    late.app = LocalStripe(f"{server.url}{PREFIX}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield StripeWorld(late.app, server.url)
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(params=["fake", "stripe"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "fake":
        return FakeWorld()
    found: StripeWorld = request.getfixturevalue("stripe_world")
    return found


@pytest.fixture
def billing(world: World) -> Billing:
    return world.billing


def test_a_customer_names_its_user(billing: Billing) -> None:
    alice, bob = a_user(), a_user()
    for_alice, for_bob = billing.create_customer(alice), billing.create_customer(bob)
    assert for_alice != for_bob
    assert billing.owner_of(for_alice) == alice.user_id
    assert billing.owner_of(for_bob) == bob.user_id


def test_creating_a_customer_again_gives_the_same_one(billing: Billing) -> None:
    alice = a_user()
    assert billing.create_customer(alice) == billing.create_customer(alice)


def test_a_deleted_customer_is_replaced_by_a_new_one(world: World) -> None:
    alice = a_user()
    first = world.billing.create_customer(alice)
    world.delete_customer(first)
    second = world.billing.create_customer(replace(alice, customer_id=first))
    assert second != first
    assert world.billing.owner_of(second) == alice.user_id


def test_nobody_owns_a_customer_that_does_not_exist(billing: Billing) -> None:
    assert billing.owner_of("cus_of_nobody") is None


def test_nobody_owns_a_deleted_customer(world: World) -> None:
    customer = world.billing.create_customer(a_user())
    world.delete_customer(customer)
    assert world.billing.owner_of(customer) is None


def test_a_customer_that_never_subscribed_has_no_subscription(billing: Billing) -> None:
    customer = billing.create_customer(a_user())
    assert billing.subscription(customer) is None
    assert billing.next_invoice(customer) is None


def test_a_customer_that_does_not_exist_has_no_subscription(billing: Billing) -> None:
    assert billing.subscription("cus_of_nobody") is None
    assert billing.next_invoice("cus_of_nobody") is None


@pytest.mark.parametrize("status", [str(status) for status in SubscriptionStatus])
def test_a_subscription_is_read_in_every_status(world: World, status: Status) -> None:
    customer = world.billing.create_customer(a_user())
    subscription_id = world.subscribe(customer, status)
    found = world.billing.subscription(customer)
    assert found is not None
    assert (found.subscription_id, found.status) == (subscription_id, status)


def test_a_subscription_tells_when_its_paid_period_ends(world: World) -> None:
    customer = world.billing.create_customer(a_user())
    world.subscribe(customer)
    found = world.billing.subscription(customer)
    assert found is not None
    assert found.period_end is not None
    assert timedelta(days=27) < found.period_end - utc_now() < timedelta(days=32)
    assert found.ends_at is None


def test_a_subscription_that_was_cancelled_tells_when_it_ends(world: World) -> None:
    customer = world.billing.create_customer(a_user())
    world.subscribe(customer)
    world.cancel_at_period_end(customer)
    found = world.billing.subscription(customer)
    assert found is not None
    assert found.status == SubscriptionStatus.ACTIVE
    assert found.ends_at == found.period_end is not None


def test_of_several_subscriptions_the_paying_one_counts(world: World) -> None:
    customer = world.billing.create_customer(a_user())
    paying = world.subscribe(customer)
    world.subscribe(customer, "canceled")
    found = world.billing.subscription(customer)
    assert found is not None
    assert found.subscription_id == paying


def test_of_several_paying_subscriptions_the_latest_counts(world: World) -> None:
    customer = world.billing.create_customer(a_user())
    world.subscribe(customer)
    latest = world.subscribe(customer)
    found = world.billing.subscription(customer)
    assert found is not None
    assert found.subscription_id == latest


def test_a_deleted_customer_is_on_the_free_plan(world: World) -> None:
    customer = world.billing.create_customer(a_user())
    world.subscribe(customer)
    world.delete_customer(customer)
    assert plan_of(world.billing.subscription(customer)) == "free"
    assert world.billing.next_invoice(customer) is None


def test_the_next_invoice_comes_when_the_period_ends(world: World) -> None:
    customer = world.billing.create_customer(a_user())
    world.subscribe(customer)
    found = world.billing.subscription(customer)
    invoice = world.billing.next_invoice(customer)
    assert found is not None
    assert invoice is not None
    assert (invoice.amount, invoice.currency, invoice.due_at) == (900, "eur", found.period_end)


def test_the_price_is_known_before_anybody_pays_it(world: World) -> None:
    price = world.billing.price()
    assert (price.amount, price.currency, price.interval, price.interval_count) == (900, "eur", "month", 1)


def test_nothing_more_is_charged_after_cancelling(world: World) -> None:
    customer = world.billing.create_customer(a_user())
    world.subscribe(customer)
    world.cancel_at_period_end(customer)
    assert world.billing.next_invoice(customer) is None


def test_closing_cancels_every_subscription_at_once_and_keeps_the_customer(world: World) -> None:
    alice = a_user()
    customer = world.billing.create_customer(alice)
    world.subscribe(customer)
    world.subscribe(customer, "past_due")
    world.billing.close(customer)
    found = world.billing.subscription(customer)
    assert found is not None
    assert found.status == SubscriptionStatus.CANCELED
    assert found.ends_at is not None
    assert abs(found.ends_at - utc_now()) < timedelta(minutes=1)
    assert world.billing.owner_of(customer) == alice.user_id


def test_closing_again_is_harmless(world: World) -> None:
    customer = world.billing.create_customer(a_user())
    world.subscribe(customer)
    world.billing.close(customer)
    first = world.billing.subscription(customer)
    world.billing.close(customer)
    assert world.billing.subscription(customer) == first


def test_closing_where_there_is_nothing_is_harmless(world: World) -> None:
    customer = world.billing.create_customer(a_user())
    world.billing.close(customer)
    world.delete_customer(customer)
    world.billing.close(customer)
    world.billing.close("cus_of_nobody")


def test_each_visit_has_an_address_of_its_own(billing: Billing) -> None:
    customer = billing.create_customer(a_user())
    urls = [
        billing.checkout_url(customer_id=customer, user_id="alice", return_url=RETURN, cancel_url=CANCEL),
        billing.checkout_url(customer_id=customer, user_id="alice", return_url=RETURN, cancel_url=CANCEL),
        billing.portal_url(customer_id=customer, return_url=CANCEL),
    ]
    assert len(set(urls)) == 3
    assert all(url.startswith(("http://", "https://")) for url in urls)


def test_a_deleted_customer_goes_nowhere(world: World) -> None:
    customer = world.billing.create_customer(a_user())
    world.delete_customer(customer)
    with pytest.raises(NotFound):
        world.billing.checkout_url(customer_id=customer, user_id="alice", return_url=RETURN, cancel_url=CANCEL)
    with pytest.raises(NotFound):
        world.billing.portal_url(customer_id=customer, return_url=CANCEL)


@pytest.mark.parametrize("secret", SECRETS)
def test_an_event_may_be_signed_by_any_of_the_secrets(billing: Billing, secret: str) -> None:
    created = datetime.fromisoformat("2026-03-06T12:00:00+00:00")
    payload = an_event("invoice.paid", customer_id="cus_1", event_id="evt_1", created=created, object={"id": "in_1"})
    event = billing.verify_event(payload, signature(payload, utc_now(), secret=secret))
    assert event.event_id == "evt_1"
    assert event.type == "invoice.paid"
    assert event.customer_id == "cus_1"
    assert event.object_id == "in_1"
    assert event.created_at == created


def test_an_event_about_a_customer_names_it(billing: Billing) -> None:
    payload = an_event("customer.deleted", customer_id="cus_1")
    event = billing.verify_event(payload, signature(payload, utc_now(), secret=SECRETS[0]))
    assert (event.customer_id, event.object_id) == ("cus_1", "cus_1")


def test_an_event_about_no_customer_names_none(billing: Billing) -> None:
    payload = an_event("price.created")
    assert billing.verify_event(payload, signature(payload, utc_now(), secret=SECRETS[0])).customer_id == ""


def test_an_event_signed_by_somebody_else_is_forged(billing: Billing) -> None:
    payload = an_event()
    with pytest.raises(Forged):
        billing.verify_event(payload, signature(payload, utc_now(), secret="whsec_of_mallory"))


def test_an_event_that_was_changed_is_forged(billing: Billing) -> None:
    payload = an_event(customer_id="cus_1")
    with pytest.raises(Forged):
        billing.verify_event(payload.replace(b"cus_1", b"cus_2"), signature(payload, utc_now(), secret=SECRETS[0]))


def test_an_event_that_was_signed_long_ago_is_refused(billing: Billing) -> None:
    payload = an_event()
    with pytest.raises(Forged):
        billing.verify_event(payload, signature(payload, utc_now() - timedelta(minutes=6), secret=SECRETS[0]))


@pytest.mark.parametrize("header", ["", "nonsense", "t=,v1=", "t=abc,v1=00", "v1=00", "t=1"])
def test_a_header_that_is_no_signature_is_refused(billing: Billing, header: str) -> None:
    with pytest.raises(Forged):
        billing.verify_event(an_event(), header)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"nonsense",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b'{"object": "event"}',
        b'{"id": "evt_1", "object": "event", "type": 7, "created": 1, "data": {"object": {"id": "in_1"}}}',
        b'{"id": "evt_1", "object": "event", "type": "invoice.paid", "created": "x", "data": {"object": {}}}',
        b'{"id": "evt_1", "object": "event", "type": "invoice.paid", "created": 1, "data": {"object": null}}',
        b'{"id": "evt_1", "object": "event", "type": "invoice.paid", "created": 1, "data": null}',
    ],
)
def test_what_is_signed_but_no_event_is_refused_for_good(billing: Billing, payload: bytes) -> None:
    with pytest.raises(Permanent) as caught:
        billing.verify_event(payload, signature(payload, utc_now(), secret=SECRETS[0]))
    assert not isinstance(caught.value, Forged)


def test_bytes_that_are_no_text_are_refused(billing: Billing) -> None:
    with pytest.raises(Permanent):
        billing.verify_event(b"\xff\xfe", signature(b"\xff\xfe", utc_now(), secret=SECRETS[0]))


def test_stripe_away_is_worth_another_try(stripe_world: StripeWorld) -> None:
    nobody = stripe_world.with_settings(GAS_STRIPE_API="http://127.0.0.1:9")
    with pytest.raises(Unavailable):
        nobody.subscription("cus_1")


def test_a_wrong_key_is_worth_another_try_after_somebody_mended_it(stripe_world: StripeWorld) -> None:
    with pytest.raises(Unavailable):
        stripe_world.with_settings(GAS_STRIPE_KEY="wrong").owner_of("cus_1")


def test_a_wrong_price_names_the_setting(stripe_world: StripeWorld) -> None:
    customer = stripe_world.billing.create_customer(a_user())
    wrong = stripe_world.with_settings(GAS_STRIPE_PRICE="price_of_nothing")
    with pytest.raises(ConfigurationError, match="GAS_STRIPE_PRICE"):
        wrong.checkout_url(customer_id=customer, user_id="", return_url=RETURN, cancel_url=CANCEL)
    with pytest.raises(ConfigurationError, match="GAS_STRIPE_PRICE"):
        wrong.price()


def test_only_the_latest_checkout_page_can_be_paid(stripe_world: StripeWorld) -> None:
    customer = stripe_world.billing.create_customer(a_user())
    for _ in range(3):
        stripe_world.billing.checkout_url(customer_id=customer, user_id="", return_url=RETURN, cancel_url=CANCEL)
    assert [one.status for one in stripe_world.account.checkouts.values()] == ["expired", "expired", "open"]


def test_no_checkout_page_can_be_paid_after_closing(stripe_world: StripeWorld) -> None:
    customer = stripe_world.billing.create_customer(a_user())
    stripe_world.billing.checkout_url(customer_id=customer, user_id="", return_url=RETURN, cancel_url=CANCEL)
    stripe_world.billing.close(customer)
    assert [one.status for one in stripe_world.account.checkouts.values()] == ["expired"]


def test_more_subscriptions_than_one_answer_holds_are_all_cancelled(stripe_world: StripeWorld) -> None:
    customer = stripe_world.billing.create_customer(a_user())
    stripe_world.subscribe(customer)
    with stripe_world.account.lock:
        (one,) = stripe_world.account.subscriptions.values()
        for number in range(120):
            stripe_world.account.subscriptions[f"sub_{number}"] = replace(one, id=f"sub_{number}")
    stripe_world.billing.close(customer)
    assert {one.status for one in stripe_world.account.subscriptions.values()} == {"canceled"}
