"""The part of Stripe's API that a shop with one subscription needs. Source: Stripe API reference.

As Stripe does, it refuses parameters that it does not know, and answers a repeated idempotency key with what it
answered before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Blueprint, Request, Response, request

from deploy.local.stripe import objects, subscriptions
from deploy.local.stripe.account import Account, Answer
from deploy.local.stripe.params import ApiError, a_list, decode, missing, only, whole_number
from deploy.local.stripe.records import Checkout, Endpoint, Portal, Price

Json = dict[str, Any]
T = TypeVar("T")

_CHECKOUT_LIFE = timedelta(hours=24)
_KEY_LIFE = timedelta(hours=24)
_MAX_PAGE = 100
_UNKNOWN_KEY = 401
_FIRST_ERROR = 400
_REPLAYED = "Idempotent-Replayed"


def blueprint(account: Account) -> Blueprint:
    """Routes under ``/v1``."""
    api = Blueprint("api", __name__, url_prefix="/v1")

    def route(method: str, path: str) -> Callable[[Callable[..., Json]], Callable[..., Json]]:
        def register(view: Callable[..., Json]) -> Callable[..., Json]:
            def call(**ids: str) -> Response:
                return _respond(view(given=_given(request), **ids))

            api.add_url_rule(path, view.__name__, call, methods=[method])
            return view

        return register

    @api.before_request
    def admit() -> Response | None:
        authorization = request.headers.get("Authorization", "")
        key = authorization.removeprefix("Bearer ")
        if not re.fullmatch(r"(sk|rk)_test_\w+", key):
            raise ApiError(_UNKNOWN_KEY, f"Invalid API Key provided: {key[:8]}***")
        known = account.answers.get(_idempotency_key(request))
        if known is None or known.at < account.now() - _KEY_LIFE:
            return None
        if known.asked != _fingerprint(request):
            raise ApiError(
                400,
                "Keys for idempotent requests can only be used with the same parameters they were first used with.",
                kind="idempotency_error",
            )
        replayed = Response(known.body, known.status, mimetype="application/json")
        replayed.headers[_REPLAYED] = "true"
        return replayed

    @api.after_request
    def remember(response: Response) -> Response:
        key = _idempotency_key(request)
        if key and response.status_code < _FIRST_ERROR and _REPLAYED not in response.headers:
            account.answers[key] = Answer(
                account.now(), _fingerprint(request), response.status_code, response.get_data()
            )
        return response

    @api.errorhandler(ApiError)
    def refused(error: ApiError) -> Response:
        return _respond(error.body, error.status)

    @route("POST", "/prices")
    def create_price(given: Json) -> Json:
        only(given, required=("currency", "unit_amount", "recurring", "product_data"))
        recurring, product = given["recurring"], given["product_data"]
        only(recurring, required=("interval",))
        only(product, required=("name",))
        if recurring["interval"] not in {"day", "week", "month", "year"}:
            raise ApiError(400, "Invalid recurring[interval]", param="recurring[interval]")
        amount = whole_number(given, "unit_amount", 0)
        currency = str(given["currency"]).lower()
        made = Price(account.new_id("price"), account.now(), product["name"], amount, currency, recurring["interval"])
        account.prices[made.id] = made
        return objects.price(made)

    @route("GET", "/prices")
    def list_prices(given: Json) -> Json:
        only(given, "limit", "starting_after")
        return _page(reversed(account.prices.values()), objects.price, given)

    @route("GET", "/prices/<price_id>")
    def retrieve_price(given: Json, price_id: str) -> Json:
        only(given)
        found = account.prices.get(price_id)
        if found is None:
            raise missing("price", price_id, param="price", status=404)
        return objects.price(found)

    @route("POST", "/webhook_endpoints")
    def create_endpoint(given: Json) -> Json:
        only(given, required=("url", "enabled_events"))
        events = tuple(a_list(given["enabled_events"]))
        made = Endpoint(account.new_id("we"), account.now(), _address(given, "url"), account.new_id("whsec"), events)
        account.endpoints[made.id] = made
        return {**objects.endpoint(made), "secret": made.secret}

    @route("POST", "/webhook_endpoints/<endpoint_id>")
    def update_endpoint(given: Json, endpoint_id: str) -> Json:
        only(given, "url", "enabled_events")
        found = account.endpoints.get(endpoint_id)
        if found is None:
            raise missing("webhook_endpoint", endpoint_id)
        if "url" in given:
            found.url = _address(given, "url")
        if "enabled_events" in given:
            found.events = tuple(a_list(given["enabled_events"]))
        return objects.endpoint(found)

    @route("POST", "/customers")
    def create_customer(given: Json) -> Json:
        only(given, "email", "name", "metadata")
        metadata = given.get("metadata") or {}
        return objects.customer(account.new_customer(given.get("email", ""), given.get("name", ""), metadata))

    @route("GET", "/customers/<customer_id>")
    def retrieve_customer(given: Json, customer_id: str) -> Json:
        only(given)
        if customer_id not in account.customers:
            raise missing("customer", customer_id)
        return objects.customer(account.customers[customer_id])

    @route("DELETE", "/customers/<customer_id>")
    def delete_customer(given: Json, customer_id: str) -> Json:
        only(given)
        found = account.customer(customer_id, param="id")
        subscriptions.delete_customer(account, found)
        return objects.customer(found)

    @route("GET", "/subscriptions")
    def list_subscriptions(given: Json) -> Json:
        only(given, "status", "limit", "starting_after", required=("customer",))
        if given["customer"] not in account.customers:
            raise missing("customer", given["customer"], param="customer", status=400)
        status = given.get("status")
        found = [
            one
            for one in account.subscriptions_of(account.customers[given["customer"]])
            if status in {"all", one.status} or (status is None and not one.ended)
        ]
        return _page(found, objects.subscription, given)

    @route("GET", "/subscriptions/<subscription_id>")
    def retrieve_subscription(given: Json, subscription_id: str) -> Json:
        only(given)
        if subscription_id not in account.subscriptions:
            raise missing("subscription", subscription_id)
        return objects.subscription(account.subscriptions[subscription_id])

    @route("DELETE", "/subscriptions/<subscription_id>")
    def cancel_subscription(given: Json, subscription_id: str) -> Json:
        only(given)
        found = account.subscriptions.get(subscription_id)
        if found is None or found.ended:
            raise missing("subscription", subscription_id)
        subscriptions.cancel(account, found, when="now")
        return objects.subscription(found)

    @route("POST", "/invoices/create_preview")
    def create_preview(given: Json) -> Json:
        only(given, "customer", required=("subscription",))
        found = account.subscriptions.get(given["subscription"])
        if found is None or given.get("customer", found.customer.id) != found.customer.id:
            raise missing("subscription", given["subscription"], param="subscription")
        if found.ended or found.cancel_at_period_end:
            raise ApiError(404, f"No upcoming invoices for customer: {found.customer.id}", code="invoice_upcoming_none")
        return objects.preview(found)

    @route("POST", "/checkout/sessions")
    def create_checkout(given: Json) -> Json:
        known = ("client_reference_id", "subscription_data", "cancel_url")
        only(given, *known, required=("mode", "customer", "line_items", "success_url"))
        if given["mode"] != "subscription":
            raise ApiError(400, "Only mode=subscription is known here.", param="mode")
        about = given.get("subscription_data", {})
        only(about, "metadata")
        items = a_list(given["line_items"])
        if len(items) != 1 or items[0].get("quantity", "1") != "1":
            raise ApiError(400, "Exactly one price, once, is known here.", param="line_items")
        only(items[0], "quantity", required=("price",))
        price = account.prices.get(items[0]["price"])
        if price is None:
            raise missing("price", items[0]["price"], param="line_items[0][price]", status=400)
        now = account.now()
        made = Checkout(
            account.new_id("cs_test"),
            now,
            account.customer(given["customer"]),
            price,
            given.get("client_reference_id", ""),
            _address(given, "success_url"),
            _address(given, "cancel_url") if "cancel_url" in given else "",
            now + _CHECKOUT_LIFE,
            about.get("metadata") or {},
        )
        account.checkouts[made.id] = made
        return objects.checkout(made, account.checkout_url(made))

    @route("GET", "/checkout/sessions")
    def list_checkouts(given: Json) -> Json:
        only(given, "customer", "status", "limit", "starting_after")
        wanted_customer, status = given.get("customer"), given.get("status")
        found = [
            one
            for one in reversed(account.checkouts.values())
            if wanted_customer in {None, one.customer.id} and status in {None, one.status}
        ]
        return _page(found, lambda one: objects.checkout(one, account.checkout_url(one)), given)

    @route("POST", "/checkout/sessions/<session_id>/expire")
    def expire_checkout(given: Json, session_id: str) -> Json:
        only(given)
        found = account.checkouts.get(session_id)
        if found is None:
            raise missing("checkout.session", session_id, param="session")
        if found.status != "open":
            raise ApiError(
                400, f"Only Checkout Sessions with a status in [open] can be expired; this one is {found.status}."
            )
        subscriptions.expire(account, found)
        return objects.checkout(found, account.checkout_url(found))

    @route("POST", "/billing_portal/sessions")
    def create_portal(given: Json) -> Json:
        only(given, "return_url", required=("customer",))
        made = Portal(
            account.new_id("bps"),
            account.now(),
            account.customer(given["customer"]),
            _address(given, "return_url") if "return_url" in given else "",
        )
        account.portals[made.id] = made
        return objects.portal(made, account.portal_url(made))

    @api.route("/<path:path>", methods=["GET", "POST", "DELETE"])
    def unknown(path: str) -> Response:
        raise ApiError(404, f"Unrecognized request URL ({request.method}: /v1/{path}).")

    return api


def _given(asked: Request) -> Json:
    fields = asked.args if asked.method == "GET" else asked.form
    return decode(fields.items(multi=True))


def _idempotency_key(asked: Request) -> str:
    return asked.headers.get("Idempotency-Key", "") if asked.method == "POST" else ""


def _fingerprint(asked: Request) -> str:
    return json.dumps([asked.path, sorted(asked.form.items(multi=True))])


def _respond(body: Json, status: int = 200) -> Response:
    return Response(json.dumps(body, indent=2), status, mimetype="application/json")


def _page(found: Iterable[T], shown: Callable[[T], Json], given: Json) -> Json:
    size = whole_number(given, "limit", 10)
    if not 1 <= size <= _MAX_PAGE:
        raise ApiError(400, "Invalid limit: between 1 and 100.", param="limit")
    data = [shown(one) for one in found]
    if "starting_after" in given:
        places = [place for place, one in enumerate(data) if one["id"] == given["starting_after"]]
        if not places:
            raise missing("object", given["starting_after"], param="starting_after", status=400)
        data = data[places[0] + 1 :]
    return objects.a_page(data[:size], url=request.path, has_more=len(data) > size)


def _address(given: Json, name: str) -> str:
    text = given[name]
    parts = urlsplit(text) if isinstance(text, str) else None
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ApiError(400, "Not a valid URL", code="url_invalid", param=name)
    return str(text)
