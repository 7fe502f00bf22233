"""The tester's desk: the clock, what becomes of unpaid subscriptions, who is there, and which events were posted.

Stripe has its dashboard and its test clocks for this. Every form also answers as JSON, for tests.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from flask import Blueprint, abort, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from deploy.local.stripe import subscriptions
from deploy.local.stripe.account import Account
from deploy.local.stripe.records import Event
from shared.core.clock import to_iso

_SHOWN_EVENTS = 100
_FARTHEST = timedelta(days=800)


def blueprint(account: Account) -> Blueprint:
    """``/`` and what its forms post to."""
    desk = Blueprint("desk", __name__)

    def done() -> ResponseReturnValue:
        if request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json":
            return jsonify(now=to_iso(account.now()))
        return redirect(url_for("desk.show"), 303)

    @desk.get("/")
    def show() -> ResponseReturnValue:
        customers = list(reversed(account.customers.values()))
        return render_template(
            "desk.html",
            account=account,
            customers=[(one, account.subscriptions_of(one)) for one in customers],
            events=list(islice(reversed(account.events.values()), _SHOWN_EVENTS)),
            next_due=_next_due(account),
        )

    @desk.get("/events.json")
    def events() -> ResponseReturnValue:
        return jsonify([_event(one) for one in reversed(account.events.values())])

    @desk.get("/endpoints.json")
    def endpoints() -> ResponseReturnValue:
        """With their secrets, which Stripe's dashboard shows as well."""
        return jsonify([{"id": one.id, "url": one.url, "secret": one.secret} for one in account.endpoints.values()])

    @desk.get("/clock.json")
    def clock() -> ResponseReturnValue:
        return jsonify(now=to_iso(account.now()))

    @desk.post("/clock")
    def advance() -> ResponseReturnValue:
        """``days``: how many; or ``until=next``: what happens next happens."""
        if request.form.get("until") == "next":
            moment = _next_due(account) or account.now()
        else:
            days = request.form.get("days", "", type=str)
            if not days.isdecimal() or timedelta(days=int(days[:4])) > _FARTHEST:
                abort(400, "The clock can be advanced by whole days, at most 800.")
            moment = account.now() + timedelta(days=int(days))
        subscriptions.advance(account, max(moment, account.now()))
        return done()

    @desk.post("/after-retries")
    def after_retries() -> ResponseReturnValue:
        """``become``: canceled or unpaid."""
        become = request.form.get("become")
        account.after_retries = "unpaid" if become == "unpaid" else "canceled"
        return done()

    @desk.post("/events/<event_id>/resend")
    def resend(event_id: str) -> ResponseReturnValue:
        account.send(account.events.get(event_id) or abort(404))
        return done()

    @desk.post("/customers/<customer_id>/delete")
    def delete(customer_id: str) -> ResponseReturnValue:
        found = account.customers.get(customer_id) or abort(404)
        if not found.deleted:
            subscriptions.delete_customer(account, found)
        return done()

    return desk


def _next_due(account: Account) -> datetime | None:
    return min((moment for moment, _ in subscriptions.due(account)), default=None)


def _event(one: Event) -> dict[str, Any]:
    return {
        "id": one.id,
        "type": one.type,
        "created": to_iso(one.created),
        "object": one.about,
        "deliveries": [
            {
                "url": delivery.endpoint.url,
                "state": delivery.state,
                "attempts": delivery.attempts,
                "outcome": delivery.outcome,
            }
            for delivery in one.deliveries
        ],
    }
