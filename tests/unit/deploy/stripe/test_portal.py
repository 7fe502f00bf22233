"""The Billing Portal."""

from __future__ import annotations

import pytest

from tests.unit.deploy.stripe.world import AUTHENTICATE, AUTHENTICATE_ALWAYS, DECLINED, FAILS_LATER, GOOD, World


def press(world: World, customer: str, what: str) -> None:
    subscription = world.subscription(customer)["id"]
    response = world.client.post(f"{world.portal(customer)}/subscriptions/{subscription}/{what}")
    assert response.status_code == 303


def pay_open_invoice(world: World, customer: str) -> str:
    """What the portal answers: its text, or where it leads."""
    invoice = next(one.id for one in world.account.invoices.values() if one.status == "open")
    response = world.client.post(f"{world.portal(customer)}/invoices/{invoice}/pay")
    return response.location or response.text


def test_it_shows_plan_card_invoices_and_the_way_back(world: World) -> None:
    text = world.client.get(world.portal(world.subscriber())).text
    for expected in ("GAS Premium", "6 April 2026", "Visa •••• 4242", "GAS-0001", "http://gas.example/account"):
        assert expected in text


def test_cancelling_at_the_end_of_the_period_keeps_it_active_until_then(world: World) -> None:
    customer = world.subscriber()
    press(world, customer, "cancel-at-period-end")
    found = world.subscription(customer)
    assert (found["status"], found["cancel_at_period_end"]) == ("active", True)
    assert found["cancel_at"] == found["items"]["data"][0]["current_period_end"]
    assert "customer.subscription.updated" in world.types()
    world.advance(32)
    assert world.subscription(customer)["status"] == "canceled"
    assert world.types()[-1] == "customer.subscription.deleted"


def test_who_resumes_goes_on_and_pays_again(world: World) -> None:
    customer = world.subscriber()
    press(world, customer, "cancel-at-period-end")
    press(world, customer, "resume")
    world.advance(32)
    assert world.subscription(customer)["status"] == "active"
    assert [one.status for one in world.account.invoices.values()] == ["paid", "paid"]


def test_cancelling_now_ends_it_now(world: World) -> None:
    customer = world.subscriber()
    press(world, customer, "cancel-now")
    found = world.subscription(customer)
    assert (found["status"], found["ended_at"]) == ("canceled", int(world.now.timestamp()))


def test_what_has_ended_is_not_resumed(world: World) -> None:
    customer = world.subscriber()
    press(world, customer, "cancel-now")
    press(world, customer, "resume")
    assert world.subscription(customer)["status"] == "canceled"


def test_somebody_elses_subscription_is_not_found(world: World) -> None:
    alices = world.subscription(world.subscriber())["id"]
    portal_of_bob = world.portal(world.subscriber())
    assert world.client.post(f"{portal_of_bob}/subscriptions/{alices}/cancel-now").status_code == 404


def test_a_card_is_changed(world: World) -> None:
    customer = world.subscriber()
    assert world.change_card(customer, "5555555555554444").status_code == 303
    assert "Mastercard •••• 4444" in world.client.get(world.portal(customer)).text


def test_a_declined_card_is_not_taken(world: World) -> None:
    customer = world.subscriber()
    assert "declined" in world.change_card(customer, DECLINED).text
    assert "Visa •••• 4242" in world.client.get(world.portal(customer)).text


@pytest.mark.parametrize(("answer", "last4"), [("complete", "3155"), ("fail", "4242")])
def test_a_card_that_needs_authentication_is_taken_after_it(world: World, answer: str, last4: str) -> None:
    customer = world.subscriber()
    asked = world.change_card(customer, AUTHENTICATE)
    world.client.post(asked.location, data={"answer": answer})
    assert f"Visa •••• {last4}" in world.client.get(world.portal(customer)).text


def test_an_open_invoice_is_paid_with_a_better_card(world: World) -> None:
    customer = world.subscriber()
    world.change_card(customer, FAILS_LATER)
    world.advance(32)
    assert world.subscription(customer)["status"] == "past_due"
    assert 'role="alert"' in pay_open_invoice(world, customer)
    world.change_card(customer, GOOD)
    pay_open_invoice(world, customer)
    assert world.subscription(customer)["status"] == "active"


def test_an_open_invoice_is_paid_once_the_bank_agrees(world: World) -> None:
    customer = world.subscriber()
    asked = world.change_card(customer, AUTHENTICATE_ALWAYS)
    world.client.post(asked.location, data={"answer": "complete"})
    world.advance(32)
    question = pay_open_invoice(world, customer)
    assert world.subscription(customer)["status"] == "past_due"
    world.client.post(question, data={"answer": "complete"})
    assert world.subscription(customer)["status"] == "active"


def test_a_deleted_customer_has_no_portal(world: World) -> None:
    customer = world.subscriber()
    page = world.portal(customer)
    world.api("DELETE", f"/customers/{customer}")
    assert world.client.get(page).status_code == 404
