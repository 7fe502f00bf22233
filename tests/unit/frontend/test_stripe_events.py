"""The events that Stripe posts: genuine, forged, replayed, stale, malformed, twice, and in the wrong order."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from shared.core.errors import Permanent, Unavailable
from shared.core.messages import AccountChanged
from shared.core.users import SubscriptionStatus, User
from tests.client import Page
from tests.frontend_world import FrontendWorld
from tests.stripe_events import an_event, signature

PATH = "/hooks/stripe"


@pytest.fixture
def customer(world: FrontendWorld) -> User:
    """Alice, whom Stripe knows."""
    return world.users.set_customer(world.alice.user_id, world.billing.create_customer(world.alice))


def post(world: FrontendWorld, body: bytes, signed: str | None = None, *, at: datetime | None = None) -> Page:
    signed = signature(body, at or world.time) if signed is None else signed
    return world.browser().post(PATH, body, headers={"Stripe-Signature": signed}, content_type="application/json")


def now_is(world: FrontendWorld, user: User) -> User:
    return world.users.users[user.user_id]


def announced(world: FrontendWorld) -> list[int]:
    """The epochs of every `AccountChanged`."""
    topic = world.settings.account_changes_topic
    return [AccountChanged.from_json(text).epoch for arn, text in world.topics.published if arn == topic]


def test_after_a_payment_the_plan_is_premium_and_util_hears_of_it(world: FrontendWorld, customer: User) -> None:
    world.billing.subscribe(customer.customer_id)
    page = post(world, an_event("customer.subscription.created", customer_id=customer.customer_id))
    assert page.status == 200
    assert now_is(world, customer).plan == "premium"
    assert announced(world) == [1]


def test_each_change_of_the_plan_is_written_down_once(world: FrontendWorld, customer: User) -> None:
    world.billing.subscribe(customer.customer_id)
    post(world, an_event(customer_id=customer.customer_id))
    post(world, an_event(customer_id=customer.customer_id))
    world.later(days=1)
    world.billing.close(customer.customer_id)
    post(world, an_event(customer_id=customer.customer_id))
    written = [entry.what for entry in world.audit.of(f"user#{customer.user_id}", limit=10)]
    assert written == ["The plan became free.", "The plan became premium."]


def test_an_event_is_only_a_hint(world: FrontendWorld, customer: User) -> None:
    """It says active; Stripe, when asked, knows of no subscription."""
    body = an_event(customer_id=customer.customer_id, object={"status": "active", "object": "subscription"})
    assert post(world, body).status == 200
    assert now_is(world, customer).plan == "free"


def test_deleted_before_created_ends_as_stripe_has_it(world: FrontendWorld, customer: User) -> None:
    created = an_event("customer.subscription.created", customer_id=customer.customer_id)
    deleted = an_event("customer.subscription.deleted", customer_id=customer.customer_id)
    world.billing.subscribe(customer.customer_id)
    world.billing.becomes(customer.customer_id, SubscriptionStatus.CANCELED)
    assert [post(world, deleted).status, post(world, created).status] == [200, 200]
    assert now_is(world, customer).plan == "free"
    assert announced(world) == []


def test_an_event_that_comes_twice_is_recorded_once_and_asks_stripe_once(world: FrontendWorld, customer: User) -> None:
    body = an_event(customer_id=customer.customer_id, event_id="evt_twice")
    assert post(world, body).status == 200
    version = now_is(world, customer).billing_version
    assert post(world, body).status == 200
    assert now_is(world, customer).billing_version == version
    [entry] = world.audit.of("stripe-event#evt_twice", limit=10)
    assert (entry.who, entry.details and entry.details["customer"]) == ("stripe", customer.customer_id)


@pytest.mark.parametrize("what", ["billing", "users", "topics", "audit"])
def test_while_something_is_away_stripe_is_asked_to_come_back(world: FrontendWorld, customer: User, what: str) -> None:
    world.billing.subscribe(customer.customer_id)
    body = an_event(customer_id=customer.customer_id)
    fake = getattr(world, what)
    fake.fail_with = Unavailable("It is away.")
    assert post(world, body).status == 503
    fake.fail_with = None
    assert post(world, body).status == 200
    assert now_is(world, customer).plan == "premium"
    assert announced(world) == [1]


def test_one_that_was_stored_but_not_announced_is_announced_when_it_comes_back(
    world: FrontendWorld, customer: User
) -> None:
    world.billing.subscribe(customer.customer_id)
    body = an_event(customer_id=customer.customer_id)
    world.topics.fail_with = Unavailable("SNS is away.")
    assert post(world, body).status == 503
    assert (now_is(world, customer).plan, announced(world)) == ("premium", [])
    world.topics.fail_with = None
    post(world, body)
    assert announced(world) == [1]


@pytest.mark.parametrize("kind", ["payment_intent.created", "price.updated", "customer.tax_id.created", "v2.core.ping"])
def test_one_of_no_interest_is_taken_and_asks_nobody(world: FrontendWorld, customer: User, kind: str) -> None:
    version = now_is(world, customer).billing_version
    assert post(world, an_event(kind, customer_id=customer.customer_id)).status == 200
    assert now_is(world, customer).billing_version == version


class TestBadOnes:
    @pytest.fixture
    def body(self, world: FrontendWorld, customer: User) -> bytes:
        world.billing.subscribe(customer.customer_id)
        return an_event(customer_id=customer.customer_id)

    @pytest.mark.parametrize(
        "signed", ["", "nonsense", "t=,v1=", "t=1772798400", "v1=00", "t=1772798400,v0=abc", "t=1772798400,v1=é"]
    )
    def test_without_a_signature_it_is_forged(
        self, world: FrontendWorld, customer: User, body: bytes, signed: str
    ) -> None:
        assert post(world, body, signed).status == 400
        assert now_is(world, customer).plan == "free"

    def test_signed_with_another_secret_it_is_forged(self, world: FrontendWorld, customer: User, body: bytes) -> None:
        assert post(world, body, signature(body, world.time, secret="whsec_of_mallory")).status == 400
        assert now_is(world, customer).plan == "free"

    def test_changed_on_its_way_it_is_forged(self, world: FrontendWorld, body: bytes) -> None:
        assert post(world, body.replace(b"updated", b"deleted"), signature(body, world.time)).status == 400

    def test_replayed_later_it_is_refused(self, world: FrontendWorld, customer: User, body: bytes) -> None:
        old = signature(body, world.time)
        world.later(minutes=6)
        assert post(world, body, old).status == 400
        assert now_is(world, customer).plan == "free"

    def test_replayed_at_once_it_changes_nothing(self, world: FrontendWorld, customer: User, body: bytes) -> None:
        signed = signature(body, world.time)
        post(world, body, signed)
        world.billing.close(customer.customer_id)
        closing = an_event("customer.subscription.deleted", customer_id=customer.customer_id)
        post(world, closing)
        assert post(world, body, signed).status == 200
        assert now_is(world, customer).plan == "free"

    @pytest.mark.parametrize("malformed", [b"", b"{}", b"[]", b"null", b"\xff\xfe", b'{"id": 1}', b"not json at all"])
    def test_signed_but_no_event_it_is_refused(self, world: FrontendWorld, malformed: bytes) -> None:
        assert post(world, malformed).status == 400

    def test_too_large_it_is_not_even_read(self, world: FrontendWorld) -> None:
        assert post(world, b" " * (513 * 1024)).status == 413

    def test_a_browser_gets_nowhere_with_it(self, world: FrontendWorld) -> None:
        assert world.browser(world.alice).get(PATH).status == 405

    def test_a_customer_whom_nobody_knows_changes_nobody(self, world: FrontendWorld, customer: User) -> None:
        assert post(world, an_event(customer_id="cus_of_another_shop")).status == 200
        assert now_is(world, customer).billing_version == 0

    def test_the_customer_of_somebody_else_changes_only_them(self, world: FrontendWorld, customer: User) -> None:
        """Alice's payment never makes Bob premium, whatever the event says beside the customer."""
        world.billing.subscribe(customer.customer_id)
        said = {"metadata": {"user_id": world.bob.user_id}, "client_reference_id": world.bob.user_id}
        post(world, an_event("checkout.session.completed", customer_id=customer.customer_id, object=said))
        assert (now_is(world, customer).plan, now_is(world, world.bob).plan) == ("premium", "free")


def test_a_customer_who_was_made_but_never_stored_is_found_by_what_stripe_knows(world: FrontendWorld) -> None:
    customer_id = world.billing.create_customer(world.alice)
    world.billing.subscribe(customer_id)
    assert post(world, an_event(customer_id=customer_id)).status == 200
    assert (now_is(world, world.alice).plan, now_is(world, world.alice).customer_id) == ("premium", customer_id)


def test_a_second_customer_of_one_person_is_not_believed(world: FrontendWorld, customer: User) -> None:
    world.billing.owners["cus_second"] = customer.user_id
    world.billing.subscribe("cus_second")
    assert post(world, an_event(customer_id="cus_second", event_id="evt_second")).status == 200
    assert world.audit.of("stripe-event#evt_second", limit=1)[0].what == "The customer is none of ours."
    assert (now_is(world, customer).plan, now_is(world, customer).customer_id) == ("free", customer.customer_id)


def test_what_is_paid_while_the_account_is_deleted_is_ended(world: FrontendWorld, customer: User) -> None:
    world.users.close(customer.user_id, now=world.time)
    world.billing.subscribe(customer.customer_id)
    assert post(world, an_event(customer_id=customer.customer_id)).status == 200
    assert world.billing.subscriptions[customer.customer_id][0].status is SubscriptionStatus.CANCELED


def test_what_is_paid_after_the_account_was_deleted_is_ended(world: FrontendWorld, customer: User) -> None:
    browser = world.browser(world.alice)
    browser.submit(browser.get("/account/delete"), "Delete everything", password="correct horse battery")
    world.users.delete(customer.user_id)
    world.billing.subscribe(customer.customer_id)
    assert post(world, an_event(customer_id=customer.customer_id)).status == 200
    assert world.billing.subscriptions[customer.customer_id][0].status is SubscriptionStatus.CANCELED


class TestFailedPayment:
    @pytest.fixture
    def owing(self, world: FrontendWorld, customer: User) -> User:
        world.billing.subscribe(customer.customer_id, SubscriptionStatus.PAST_DUE)
        return customer

    def fail(self, world: FrontendWorld, user: User, event_id: str = "evt_failed") -> int:
        return post(world, an_event("invoice.payment_failed", customer_id=user.customer_id, event_id=event_id)).status

    def test_its_owner_is_told_once(self, world: FrontendWorld, owing: User) -> None:
        assert [self.fail(world, owing), self.fail(world, owing)] == [200, 200]
        [mail] = world.mailer.sent
        assert (mail.to, mail.tags) == (owing.email, {"mail_id": "payment-evt_failed"})
        assert "stays premium for now" in mail.text
        assert "http://127.0.0.1:8000/account" in mail.text
        assert "http://127.0.0.1:8000/account" in mail.html

    def test_when_stripe_has_given_up_the_email_says_so(self, world: FrontendWorld, owing: User) -> None:
        world.billing.becomes(owing.customer_id, SubscriptionStatus.UNPAID)
        self.fail(world, owing)
        assert "You have the free plan until it is paid" in world.mailer.sent[0].text

    def test_the_next_failure_is_told_again(self, world: FrontendWorld, owing: User) -> None:
        self.fail(world, owing, "evt_1")
        self.fail(world, owing, "evt_2")
        assert len(world.mailer.sent) == 2

    def test_a_stale_one_that_was_paid_since_is_not_told(self, world: FrontendWorld, owing: User) -> None:
        world.billing.becomes(owing.customer_id, SubscriptionStatus.ACTIVE)
        assert self.fail(world, owing) == 200
        assert world.mailer.sent == []

    def test_an_address_that_bounces_is_not_written_to(self, world: FrontendWorld, owing: User) -> None:
        world.change(owing, mail_blocked="bounce")
        assert self.fail(world, owing) == 200
        assert world.mailer.sent == []

    def test_while_ses_is_away_the_event_comes_back_and_writes_then(self, world: FrontendWorld, owing: User) -> None:
        world.mailer.fail_with = Unavailable("SES is away.")
        assert self.fail(world, owing) == 503
        world.mailer.fail_with = None
        assert self.fail(world, owing) == 503, "another attempt may be on its way"
        world.later(minutes=3)
        assert self.fail(world, owing) == 200
        assert len(world.mailer.sent) == 1

    def test_an_address_that_ses_refuses_holds_up_nothing(self, world: FrontendWorld, owing: User) -> None:
        world.mailer.fail_with = Permanent("SES refuses this address.")
        assert self.fail(world, owing) == 200

    def test_every_page_says_so(self, world: FrontendWorld, owing: User) -> None:
        self.fail(world, owing)
        browser = world.browser(world.alice)
        for path in ("/jobs", "/account", "/jobs/new"):
            assert "Your last payment failed." in browser.get(path).words
        page = browser.get("/jobs")
        assert (browser.submit(page, "Mend the payment").location or "").startswith("https://billing.example/")

    def test_nobody_else_hears_of_it(self, world: FrontendWorld, owing: User) -> None:
        self.fail(world, owing)
        assert "payment failed" not in world.browser(world.bob).get("/jobs").words
        assert "payment failed" not in world.browser().get("/").words


def test_both_secrets_are_believed_while_one_is_replaced() -> None:
    world = FrontendWorld(stripe_webhook_secrets=" whsec_new , whsec_old,")
    assert world.settings.webhook_secrets == ("whsec_new", "whsec_old")


def test_an_invoice_with_many_lines_is_read(world: FrontendWorld, customer: User) -> None:
    lines = {"lines": {"data": [{"description": "x" * 900}] * 400}}
    assert post(world, an_event("invoice.paid", customer_id=customer.customer_id, object=lines)).status == 200


def test_a_clock_that_runs_a_little_late_does_no_harm(world: FrontendWorld, customer: User) -> None:
    body = an_event(customer_id=customer.customer_id)
    assert post(world, body, at=world.time - timedelta(minutes=4)).status == 200


def test_nothing_of_an_event_but_its_ids_is_kept(world: FrontendWorld, customer: User) -> None:
    body = an_event(customer_id=customer.customer_id, object={"card": "4242"})
    post(world, body)
    assert "4242" not in repr(world.audit.entries)
