"""What time does to subscriptions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from deploy.local.stripe.records import Interval
from deploy.local.stripe.subscriptions import after
from tests.unit.deploy.stripe.world import AUTHENTICATE, FAILS_LATER, World


def a_day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "interval", "end"),
    [
        ("2026-01-31", "month", "2026-02-28"),
        ("2028-01-31", "month", "2028-02-29"),
        ("2026-12-06", "month", "2027-01-06"),
        ("2028-02-29", "year", "2029-02-28"),
        ("2026-03-06", "week", "2026-03-13"),
        ("2026-03-06", "day", "2026-03-07"),
    ],
)
def test_a_period_ends_on_the_same_day_or_the_last(start: str, interval: Interval, end: str) -> None:
    assert after(a_day(start), interval, a_day(start).day) == a_day(end)


def test_a_short_month_does_not_move_the_day_for_good() -> None:
    assert after(a_day("2026-02-28"), "month", 31) == a_day("2026-03-31")


def test_a_subscription_renews_and_is_paid(world: World) -> None:
    customer = world.subscriber()
    before = world.subscription(customer)["items"]["data"][0]["current_period_end"]
    world.posts.clear()
    world.advance(31)
    item = world.subscription(customer)["items"]["data"][0]
    assert item["current_period_start"] == before
    assert world.types() == ["invoice.paid", "invoice.payment_succeeded", "customer.subscription.updated"]


def test_an_event_is_dated_when_it_happened(world: World) -> None:
    customer = world.subscriber()
    end = world.subscription(customer)["items"]["data"][0]["current_period_end"]
    world.advance(40)
    assert world.posts[-1].event["created"] == end


def test_a_year_is_twelve_renewals(world: World) -> None:
    world.subscriber()
    world.advance(366)
    assert len(world.account.invoices) == 13


def test_real_time_counts_too(world: World) -> None:
    customer = world.subscriber()
    world.real_time_passes(timedelta(days=31))
    world.subscription(customer)
    assert len(world.account.invoices) == 2


def test_a_card_that_was_authenticated_once_renews_by_itself(world: World) -> None:
    customer = world.customer()
    asked = world.give_card(world.checkout(customer), AUTHENTICATE)
    world.client.post(asked.location, data={"answer": "complete"})
    world.advance(31)
    assert world.subscription(customer)["status"] == "active"


def test_a_failed_renewal_is_past_due_and_tried_again(world: World) -> None:
    customer = world.subscriber()
    world.change_card(customer, FAILS_LATER)
    world.posts.clear()
    world.advance(31)
    assert world.subscription(customer)["status"] == "past_due"
    assert world.types() == ["invoice.payment_failed", "customer.subscription.updated"]
    world.advance(3)
    assert world.types().count("invoice.payment_failed") == 2
    world.change_card(customer, "4242424242424242")
    world.advance(2)
    assert world.subscription(customer)["status"] == "active"


@pytest.mark.parametrize(
    ("become", "last"), [("canceled", "customer.subscription.deleted"), ("unpaid", "customer.subscription.updated")]
)
def test_when_every_retry_has_failed_it_becomes_what_the_account_says(world: World, become: str, last: str) -> None:
    customer = world.subscriber()
    world.client.post("/after-retries", data={"become": become})
    world.change_card(customer, FAILS_LATER)
    world.advance(31 + 7)
    assert world.subscription(customer)["status"] == become
    assert world.types()[-1] == last
    assert world.types().count("invoice.payment_failed") == 4


def test_an_unpaid_subscription_is_billed_no_more(world: World) -> None:
    customer = world.subscriber()
    world.client.post("/after-retries", data={"become": "unpaid"})
    world.change_card(customer, FAILS_LATER)
    world.advance(100)
    assert world.subscription(customer)["status"] == "unpaid"
    assert len(world.account.invoices) == 2


def test_the_clock_goes_to_what_is_next(world: World) -> None:
    customer = world.subscriber()
    world.client.post("/clock", data={"until": "next"})
    assert world.client.get("/clock.json").json == {"now": "2026-04-06T12:00:00.000000Z"}
    assert len(world.account.invoices) == 2
    assert world.subscription(customer)["status"] == "active"


@pytest.mark.parametrize("days", ["", "-1", "x", "801", "99999999999999"])
def test_the_clock_takes_days_that_make_sense(world: World, days: str) -> None:
    assert world.client.post("/clock", data={"days": days}).status_code == 400


def test_forms_answer_tests_with_json(world: World) -> None:
    response = world.client.post("/clock", data={"days": "1"}, headers={"Accept": "application/json"})
    assert response.json == {"now": "2026-03-07T12:00:00.000000Z"}
