"""The API: what it refuses, and how it answers what it is asked twice."""

from __future__ import annotations

import pytest

from deploy.local.stripe.params import ApiError, decode
from tests.unit.deploy.stripe.world import World, body_of


def test_nested_parameters_are_decoded() -> None:
    pairs = [("line_items[0][price]", "p"), ("line_items[0][quantity]", "1"), ("mode", "x")]
    assert decode(pairs) == {"line_items": {"0": {"price": "p", "quantity": "1"}}, "mode": "x"}


@pytest.mark.parametrize("name", ["", "[a]", "a[b", "a]b", "a[b]c"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ApiError):
        decode([(name, "x")])


def test_a_value_cannot_be_an_object_too() -> None:
    with pytest.raises(ApiError):
        decode([("a", "x"), ("a[b]", "y")])


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Bearer pk_test_x", "Bearer sk_live_x", "Basic c2s="])
def test_only_a_test_key_is_admitted(world: World, authorization: str) -> None:
    response = world.client.get("/v1/customers/cus_1", headers={"Authorization": authorization})
    assert response.status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "params", "status", "code"),
    [
        ("GET", "/customers/cus_none", None, 404, "resource_missing"),
        ("GET", "/subscriptions", {"customer": "cus_none"}, 400, "resource_missing"),
        ("GET", "/subscriptions", {}, 400, "parameter_missing"),
        ("DELETE", "/subscriptions/sub_none", None, 404, "resource_missing"),
        ("POST", "/customers", {"e-mail": "x"}, 400, "parameter_unknown"),
        ("POST", "/billing_portal/sessions", {"customer": "cus_none"}, 400, "resource_missing"),
        ("POST", "/invoices/create_preview", {"subscription": "sub_none"}, 404, "resource_missing"),
        ("POST", "/checkout/sessions/cs_none/expire", None, 404, "resource_missing"),
        ("POST", "/webhook_endpoints", {"url": "nowhere", "enabled_events[0]": "*"}, 400, "url_invalid"),
        ("GET", "/checkout/sessions", {"limit": "x"}, 400, "parameter_invalid_integer"),
        ("GET", "/refunds", None, 404, None),
    ],
)
def test_a_wrong_request_is_refused_as_stripe_does(
    world: World, method: str, path: str, params: dict[str, str] | None, status: int, code: str | None
) -> None:
    response = world.call(method, path, params)
    assert (response.status_code, body_of(response)["error"].get("code")) == (status, code)


def test_a_subscription_is_cancelled_once(world: World) -> None:
    path = f"/subscriptions/{world.subscription(world.subscriber())['id']}"
    assert world.call("DELETE", path).status_code == 200
    assert world.call("DELETE", path).status_code == 404


def test_there_is_no_next_invoice_of_what_ends(world: World) -> None:
    subscription = world.subscription(world.subscriber())["id"]
    world.api("DELETE", f"/subscriptions/{subscription}")
    response = world.call("POST", "/invoices/create_preview", {"subscription": subscription})
    assert (response.status_code, body_of(response)["error"]["code"]) == (404, "invoice_upcoming_none")


def test_a_checkout_that_was_paid_cannot_be_expired(world: World) -> None:
    world.subscriber()
    (session,) = world.account.checkouts
    assert world.call("POST", f"/checkout/sessions/{session}/expire").status_code == 400


def test_a_repeated_key_gives_the_same_answer_and_does_nothing(world: World) -> None:
    params = {"email": "alice@example.org"}
    first, second = (world.call("POST", "/customers", params, **{"Idempotency-Key": "k"}) for _ in range(2))
    assert first.json == second.json
    assert second.headers["Idempotent-Replayed"] == "true"
    assert len(world.account.customers) == 1


def test_a_key_is_not_for_something_else(world: World) -> None:
    world.call("POST", "/customers", {"email": "alice@example.org"}, **{"Idempotency-Key": "k"})
    response = world.call("POST", "/customers", {"email": "bob@example.org"}, **{"Idempotency-Key": "k"})
    assert (response.status_code, body_of(response)["error"]["type"]) == (400, "idempotency_error")
    again = world.call("POST", "/customers", {"email": "alice@example.org"}, **{"Idempotency-Key": "k"})
    assert again.status_code == 200


def test_a_key_is_forgotten_after_a_day(world: World) -> None:
    params = {"email": "alice@example.org"}
    world.call("POST", "/customers", params, **{"Idempotency-Key": "k"})
    world.advance(2)
    world.call("POST", "/customers", params, **{"Idempotency-Key": "k"})
    assert len(world.account.customers) == 2


def test_long_lists_come_in_pages(world: World) -> None:
    customer = world.customer()
    for _ in range(5):
        world.checkout(customer)
    seen: list[str] = []
    params = {"customer": customer, "limit": "2"}
    more = True
    while more:
        page = world.api("GET", "/checkout/sessions", params)
        seen += [one["id"] for one in page["data"]]
        params["starting_after"], more = seen[-1], page["has_more"]
    assert sorted(seen) == sorted(world.account.checkouts)


def test_the_secret_of_an_endpoint_is_told_when_it_is_made(world: World) -> None:
    assert world.secret.startswith("whsec_")
