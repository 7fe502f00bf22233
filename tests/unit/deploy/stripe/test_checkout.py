"""Checkout and the bank's question."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from tests.unit.deploy.stripe.world import (
    AUTHENTICATE,
    AUTHENTICATE_ALWAYS,
    DECLINED,
    FAILS_LATER,
    GOOD,
    POOR,
    World,
)


def test_a_good_card_subscribes_and_leads_back(world: World) -> None:
    customer = world.customer()
    page = world.checkout(customer)
    response = world.give_card(page, GOOD)
    session_id = page.rsplit("/", 1)[1]
    assert (response.status_code, response.location) == (303, f"http://gas.example/return?session={session_id}")
    assert world.subscription(customer)["status"] == "active"


def test_subscribing_tells_of_the_subscription_its_payment_and_the_session(world: World) -> None:
    world.subscriber()
    assert {"customer.subscription.created", "invoice.paid", "checkout.session.completed"} <= set(world.types())


@pytest.mark.parametrize("number", [DECLINED, POOR, FAILS_LATER])
def test_a_declined_card_is_told_of_and_subscribes_nobody(world: World, number: str) -> None:
    customer = world.customer()
    response = world.give_card(world.checkout(customer), number)
    assert response.status_code == 200
    assert 'role="alert"' in response.text
    assert world.api("GET", "/subscriptions", {"customer": customer, "status": "all"})["data"] == []


def test_another_card_may_be_tried_after_a_declined_one(world: World) -> None:
    page = world.checkout(world.customer())
    world.give_card(page, DECLINED)
    assert world.give_card(page, GOOD).status_code == 303


def test_a_wrong_field_is_marked_and_keeps_what_was_typed(world: World) -> None:
    response = world.give_card(world.checkout(world.customer()), GOOD, expiry="99/99")
    assert 'value="99/99"' in response.text
    assert response.text.count("aria-invalid") == 1


@pytest.mark.parametrize("number", [AUTHENTICATE, AUTHENTICATE_ALWAYS])
def test_the_bank_asks_and_then_it_is_paid(world: World, number: str) -> None:
    customer = world.customer()
    asked = world.give_card(world.checkout(customer), number)
    assert "/3ds/" in asked.location
    assert world.api("GET", "/subscriptions", {"customer": customer})["data"] == []
    assert "Complete authentication" in world.client.get(asked.location).text
    answered = world.client.post(asked.location, data={"answer": "complete"})
    assert answered.location.startswith("http://gas.example/return")
    assert world.subscription(customer)["status"] == "active"


def test_who_fails_at_the_bank_is_back_at_checkout(world: World) -> None:
    customer = world.customer()
    page = world.checkout(customer)
    asked = world.give_card(page, AUTHENTICATE)
    answered = world.client.post(asked.location, data={"answer": "fail"})
    assert urlsplit(answered.location).path == page
    assert "unable to authenticate" in world.client.get(answered.location).text
    assert world.api("GET", "/subscriptions", {"customer": customer, "status": "all"})["data"] == []


def test_a_bank_is_answered_once(world: World) -> None:
    asked = world.give_card(world.checkout(world.customer()), AUTHENTICATE)
    world.client.post(asked.location, data={"answer": "complete"})
    assert world.client.post(asked.location, data={"answer": "complete"}).status_code == 404


def test_two_questions_of_the_bank_for_one_page_are_paid_once(world: World) -> None:
    customer = world.customer()
    page = world.checkout(customer)
    asked = [world.give_card(page, AUTHENTICATE).location for _ in range(2)]
    for location in asked:
        assert world.client.post(location, data={"answer": "complete"}).location.startswith("http://gas.example/")
    assert len(world.account.subscriptions) == 1


def test_a_page_that_is_sent_twice_is_paid_once(world: World) -> None:
    page = world.checkout(world.customer())
    first, second = world.give_card(page, GOOD), world.give_card(page, GOOD)
    assert first.location == second.location
    assert len(world.account.subscriptions) == 1
    assert "subscribed already" in world.client.get(page).text


def test_a_page_expires_after_a_day(world: World) -> None:
    page = world.checkout(world.customer())
    world.real_time_passes(timedelta(hours=24))
    assert "has expired" in world.client.get(page).text
    world.give_card(page, GOOD)
    assert world.account.subscriptions == {}
    assert "checkout.session.expired" in world.types()


def test_a_form_may_lead_to_the_shop_and_nowhere_else(world: World) -> None:
    policy = world.client.get(world.checkout(world.customer())).headers["Content-Security-Policy"]
    assert "form-action 'self' http://gas.example;" in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy


def test_a_session_that_nobody_opened_is_not_found(world: World) -> None:
    response = world.client.get("/c/pay/cs_test_made_up")
    assert response.status_code == 404
    assert "begin again" in response.text
