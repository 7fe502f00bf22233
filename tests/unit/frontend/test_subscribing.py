"""To Stripe's Checkout and Portal, and back."""

from __future__ import annotations

import pytest

from shared.core.errors import Unavailable
from shared.core.messages import AccountChanged
from shared.core.users import SubscriptionStatus, User
from tests.client import Page
from tests.frontend_world import FrontendWorld


def now_is(world: FrontendWorld, user: User) -> User:
    return world.users.users[user.user_id]


def upgrade(world: FrontendWorld) -> Page:
    browser = world.browser(world.alice)
    return browser.submit(browser.get("/account"), "Upgrade to premium")


@pytest.fixture
def customer(world: FrontendWorld) -> User:
    """Alice, whom Stripe knows."""
    return world.users.set_customer(world.alice.user_id, world.billing.create_customer(world.alice))


def test_upgrading_leads_to_checkout_as_a_customer_of_ones_own(world: FrontendWorld) -> None:
    page = upgrade(world)
    [visit] = world.billing.checkouts
    assert (page.status, page.location) == (303, visit.url)
    assert (visit.customer_id, visit.user_id) == (now_is(world, world.alice).customer_id, world.alice.user_id)
    assert visit.return_url == "http://127.0.0.1:8000/account/subscription?came_from=checkout"
    assert visit.cancel_url == "http://127.0.0.1:8000/account"


def test_going_there_again_makes_no_second_customer(world: FrontendWorld) -> None:
    upgrade(world)
    upgrade(world)
    assert len(world.billing.owners) == 1
    assert len({visit.customer_id for visit in world.billing.checkouts}) == 1


@pytest.mark.parametrize("status", ["active", "trialing", "past_due", "unpaid", "paused"])
def test_who_has_a_subscription_gets_no_second_one_but_the_portal(
    world: FrontendWorld, customer: User, status: str
) -> None:
    """It was paid in another tab, which this page does not know yet."""
    browser = world.browser(world.alice)
    page = browser.get("/account")
    world.billing.subscribe(customer.customer_id, SubscriptionStatus(status))
    answer = browser.submit(page, "Upgrade to premium")
    assert world.billing.checkouts == []
    assert answer.location == world.billing.portals[0].url


@pytest.mark.parametrize("status", ["canceled", "incomplete_expired", "incomplete"])
def test_who_had_one_may_subscribe_again(world: FrontendWorld, customer: User, status: str) -> None:
    world.billing.subscribe(customer.customer_id, SubscriptionStatus(status))
    assert upgrade(world).location == world.billing.checkouts[0].url


def test_the_portal_leads_back_to_a_page_that_looks(world: FrontendWorld, customer: User) -> None:
    world.billing.subscribe(customer.customer_id)
    browser = world.browser(world.alice)
    browser.follow(browser.get("/account/subscription?came_from=checkout"))
    browser.submit(browser.get("/account"), "Payment, invoices, cancelling")
    [visit] = world.billing.portals
    assert (visit.customer_id, visit.return_url) == (
        customer.customer_id,
        "http://127.0.0.1:8000/account/subscription",
    )


def test_a_customer_that_is_named_by_hand_is_ignored(world: FrontendWorld, customer: User) -> None:
    """Bob sends Alice's customer id along; the forms have no such field."""
    world.billing.subscribe(customer.customer_id)
    bob = world.browser(world.bob)
    token = bob.get("/account").all("input", name="csrf_token")[0].get("value")
    named = {"csrf_token": token, "customer": customer.customer_id, "customer_id": customer.customer_id}
    bob.post(f"/account/portal?customer_id={customer.customer_id}", named)
    bob.post(f"/account/subscribe?customer_id={customer.customer_id}", named)
    assert world.billing.portals == []
    assert [visit.customer_id for visit in world.billing.checkouts] == [now_is(world, world.bob).customer_id]
    assert now_is(world, world.bob).customer_id != customer.customer_id


def test_who_never_subscribed_has_no_portal(world: FrontendWorld) -> None:
    browser = world.browser(world.alice)
    token = browser.get("/account").all("input", name="csrf_token")[0].get("value")
    page = browser.follow(browser.post("/account/portal", {"csrf_token": token}))
    assert "There is nothing to manage yet" in page.words


@pytest.mark.parametrize("path", ["/account/subscribe", "/account/portal"])
def test_nobody_is_led_to_stripe_who_is_not_signed_in_or_has_no_token(world: FrontendWorld, path: str) -> None:
    assert world.browser(world.alice).post(path).status == 400
    assert world.browser().post(path).status in {303, 400}
    assert world.billing.owners == {}


def test_while_stripe_is_away_the_person_is_told(world: FrontendWorld) -> None:
    browser = world.browser(world.alice)
    page = browser.get("/account")
    world.billing.fail_with = Unavailable("Stripe does not answer.")
    answer = browser.submit(page, "Upgrade to premium")
    assert (answer.status, answer.h1) == (503, "Not available just now")


def test_a_customer_that_was_deleted_at_stripe_is_told_what_to_do(world: FrontendWorld, customer: User) -> None:
    browser = world.browser(world.alice)
    page = browser.get("/account")
    world.billing.deleted.add(customer.customer_id)
    assert "Please write to us" in browser.submit(page, "Upgrade to premium").words


def test_stripe_is_not_asked_without_end(world: FrontendWorld) -> None:
    browser = world.browser(world.alice)
    page = browser.get("/account")
    answers = [browser.submit(page, "Upgrade to premium").status for _ in range(31)]
    assert answers == [303] * 30 + [429]


class TestBack:
    def test_after_a_payment_the_plan_is_there_before_the_event(self, world: FrontendWorld, customer: User) -> None:
        world.billing.subscribe(customer.customer_id)
        browser = world.browser(world.alice)
        page = browser.follow(browser.get("/account/subscription?came_from=checkout"))
        assert "Welcome to premium" in page.words
        assert now_is(world, customer).plan == "premium"
        [(topic, text)] = world.topics.published
        assert topic == world.settings.account_changes_topic
        assert AccountChanged.from_json(text).user_id == customer.user_id

    def test_the_event_may_have_been_quicker(self, world: FrontendWorld, customer: User) -> None:
        world.billing.subscribe(customer.customer_id)
        world.change(customer, plan="premium", plan_since=world.time)
        browser = world.browser(world.alice)
        assert "Welcome to premium" in browser.follow(browser.get("/account/subscription?came_from=checkout")).words

    @pytest.mark.parametrize(
        "typed",
        ["", "?came_from=checkout", "?came_from=checkout&session_id=cs_of_alice", "?plan=premium&status=active"],
    )
    def test_typed_by_hand_it_gives_nobody_a_plan(self, world: FrontendWorld, customer: User, typed: str) -> None:
        world.billing.subscribe(customer.customer_id)
        browser = world.browser(world.bob)
        page = browser.follow(browser.get("/account/subscription" + typed))
        assert "nothing was charged" in page.words
        assert now_is(world, world.bob).plan == now_is(world, customer).plan == "free"

    def test_typed_by_hand_before_paying_it_says_that_no_payment_is_known(
        self, world: FrontendWorld, customer: User
    ) -> None:
        browser = world.browser(world.alice)
        page = browser.follow(browser.get("/account/subscription?came_from=checkout"))
        assert "Stripe has confirmed no payment yet" in page.words
        assert now_is(world, customer).plan == "free"

    def test_an_old_premium_user_is_not_welcomed_again(self, world: FrontendWorld, customer: User) -> None:
        world.billing.subscribe(customer.customer_id)
        browser = world.browser(world.alice)
        browser.follow(browser.get("/account/subscription?came_from=checkout"))
        world.later(hours=2)
        assert "Welcome" not in browser.follow(browser.get("/account/subscription?came_from=checkout")).words

    def test_after_a_cancellation_at_once_the_plan_is_free(self, world: FrontendWorld, customer: User) -> None:
        world.billing.subscribe(customer.customer_id)
        browser = world.browser(world.alice)
        browser.get("/account/subscription?came_from=checkout")
        browser.get("/account")
        world.billing.close(customer.customer_id)
        page = browser.follow(browser.get("/account/subscription"))
        assert "You have the free plan again" in page.words

    def test_the_event_of_a_cancellation_may_have_been_quicker(self, world: FrontendWorld, customer: User) -> None:
        browser = world.browser(world.alice)
        world.change(customer, plan="free", plan_since=world.time)
        assert "You have the free plan again." in browser.follow(browser.get("/account/subscription")).words
        world.later(hours=2)
        assert "You have the free plan again." not in browser.follow(browser.get("/account/subscription")).words

    def test_after_a_cancellation_at_the_end_of_the_period_the_page_says_when(
        self, world: FrontendWorld, customer: User
    ) -> None:
        subscription = world.billing.subscribe(customer.customer_id)
        browser = world.browser(world.alice)
        browser.follow(browser.get("/account/subscription?came_from=checkout"))
        world.billing.becomes(customer.customer_id, SubscriptionStatus.ACTIVE, ends_at=subscription.period_end)
        page = browser.follow(browser.get("/account/subscription"))
        assert "Your subscription is changed." in page.words
        assert "Cancelled: it ends, and the free plan begins, on 5 April 2026." in page.words

    @pytest.mark.parametrize("what", ["billing", "topics"])
    def test_while_something_is_away_the_person_is_not_alarmed(
        self, world: FrontendWorld, customer: User, what: str
    ) -> None:
        world.billing.subscribe(customer.customer_id)
        getattr(world, what).fail_with = Unavailable("It is away.")
        browser = world.browser(world.alice)
        page = browser.follow(browser.get("/account/subscription?came_from=checkout"))
        assert (page.status, "Look again in a minute" in page.words) == (200, True)

    def test_it_is_for_signed_in_people(self, world: FrontendWorld) -> None:
        page = world.browser().get("/account/subscription?came_from=checkout")
        assert (page.location or "").startswith("/sign-in?next=/account/subscription")
