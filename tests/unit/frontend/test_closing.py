"""The end of an account."""

from __future__ import annotations

import pytest

from shared.core.errors import Unavailable
from shared.core.messages import AccountChanged
from shared.core.users import SubscriptionStatus, User
from tests.client import Page
from tests.frontend_world import PASSWORD, FrontendWorld


def now_is(world: FrontendWorld, user: User) -> User:
    return world.users.users[user.user_id]


def delete(world: FrontendWorld, password: str = PASSWORD) -> Page:
    browser = world.browser(world.alice)
    return browser.submit(browser.get("/account/delete"), "Delete everything", password=password)


@pytest.fixture
def customer(world: FrontendWorld) -> User:
    """Alice, who pays."""
    user = world.users.set_customer(world.alice.user_id, world.billing.create_customer(world.alice))
    world.billing.subscribe(user.customer_id)
    return user


def test_it_is_closed_and_util_hears_of_it(world: FrontendWorld) -> None:
    page = delete(world)
    assert (page.status, page.location) == (303, "/")
    assert now_is(world, world.alice).closed_at == world.time
    [(topic, text)] = world.topics.published
    assert topic == world.settings.account_changes_topic
    assert AccountChanged.from_json(text).user_id == world.alice.user_id
    assert now_is(world, world.alice).announced_epoch == now_is(world, world.alice).plan_epoch


def test_the_person_reads_that_it_is_done(world: FrontendWorld) -> None:
    browser = world.browser(world.alice)
    page = browser.follow(browser.submit(browser.get("/account/delete"), "Delete everything", password=PASSWORD))
    assert "Your account is closed." in page.words
    assert browser.get("/account").status == 302


def test_without_the_password_nothing_happens(world: FrontendWorld, customer: User) -> None:
    for wrong in ("not hers", ""):
        assert delete(world, wrong).status == 422
    assert now_is(world, world.alice).closed_at is None
    assert world.billing.subscriptions[customer.customer_id][0].status is SubscriptionStatus.ACTIVE


def test_the_subscription_ends_and_accounting_keeps_who_paid(world: FrontendWorld, customer: User) -> None:
    delete(world)
    assert world.billing.subscriptions[customer.customer_id][0].status is SubscriptionStatus.CANCELED
    assert customer.customer_id in world.billing.owners
    [entry] = world.audit.of(f"customer#{customer.customer_id}", limit=10)
    assert (entry.at, entry.who) == (world.time, customer.user_id)
    assert "@" not in repr(entry)


def test_while_stripe_is_away_nothing_is_deleted_and_it_is_said(world: FrontendWorld, customer: User) -> None:
    world.billing.fail_with = Unavailable("Stripe does not answer.")
    assert delete(world).status == 503
    assert now_is(world, world.alice).closed_at is None
    world.billing.fail_with = None
    assert delete(world).status == 303


def test_when_it_cannot_be_announced_it_is_closed_all_the_same(world: FrontendWorld) -> None:
    """Nobody can come back and try again; the daily reconciliation announces it."""
    world.topics.fail_with = Unavailable("SNS is away.")
    assert delete(world).status == 303
    assert now_is(world, world.alice).announced_epoch < now_is(world, world.alice).plan_epoch
    assert world.users.billed(limit=10) == ([now_is(world, world.alice)], None)


def test_all_other_browsers_are_signed_out(world: FrontendWorld) -> None:
    other = world.browser(world.alice)
    delete(world)
    assert other.get("/account").status == 302


def test_nobody_signs_in_while_the_data_is_on_its_way_out(world: FrontendWorld) -> None:
    delete(world)
    unknown = world.browser().sign_in("nobody@example.org", PASSWORD)
    closed = world.browser().sign_in(world.alice.email, PASSWORD)
    assert (closed.status, closed.words) == (unknown.status, unknown.words)


def test_no_link_to_a_new_password_brings_it_back(world: FrontendWorld) -> None:
    browser = world.browser()
    browser.submit(browser.get("/forgot-password"), "Send the link", email=world.alice.email)
    before = world.link_to(world.alice.email)
    delete(world)
    assert browser.get(before).status == 410
    browser.submit(browser.get("/forgot-password"), "Send the link", email=world.alice.email)
    assert "has no account" in world.mail_to(world.alice.email).subject


def test_a_free_user_reads_nothing_of_payments(world: FrontendWorld, customer: User) -> None:
    world.change(customer, plan="premium")
    assert "Your subscription ends" in world.browser(world.alice).get("/account/delete").words
    words = world.browser(world.bob).get("/account/delete").words
    assert "subscription" not in words
    assert "Invoices" not in words
