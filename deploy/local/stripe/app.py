"""A local Stripe: its API for the official SDK, its pages for people, its signed events for the webhook endpoint.

Stateful and in memory. Nothing in GAS knows that it is not Stripe: the SDK's base address is a setting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from flask import Flask, Response, g, render_template
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from deploy.local.sns.delivery import Poster
from deploy.local.sns.lanes import Lane, ThreadLane, ThreadTimer, Timer
from deploy.local.sns.poster import post as post_over_network
from deploy.local.stripe import api, desk, pages, subscriptions
from deploy.local.stripe.account import Account, StripeClock
from deploy.local.stripe.webhooks import Webhooks
from shared.core.clock import Clock, to_iso, utc_now

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PREFIX = "/stripe"
_SIGNS = {"eur": "€", "usd": "$", "gbp": "£"}
_SECONDS_FOR_AN_ANSWER = 10.0


class LocalStripe:
    """A WSGI application; ``url`` is where it is reached, ``account`` what tests look into (under its lock)."""

    def __init__(
        self,
        url: str,
        *,
        now: Clock = utc_now,
        post: Poster = lambda push: post_over_network(push, seconds=_SECONDS_FOR_AN_ANSWER),
        timer: Timer | None = None,
        make_lane: Callable[[], Lane] = ThreadLane,
    ) -> None:
        self.webhooks = Webhooks(post, timer or ThreadTimer(), make_lane, now)
        self.account = Account(url, StripeClock(now), self.webhooks.send)
        self._app = _create_app(self.account)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """One request at a time, each on a state in which everything has happened that is due."""
        with self.account.lock:
            subscriptions.advance(self.account, self.account.clock.now())
            return list(self._app(environ, start_response))

    def mounted(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The same, where ``url`` ends in `PREFIX` and the server's own paths come in."""
        shifted = {
            **environ,
            "SCRIPT_NAME": environ.get("SCRIPT_NAME", "") + PREFIX,
            "PATH_INFO": environ["PATH_INFO"].removeprefix(PREFIX) or "/",
        }
        return self(shifted, start_response)


def _create_app(account: Account) -> Flask:
    app = Flask(__name__, static_folder="../static", static_url_path="/static")
    app.register_blueprint(api.blueprint(account))
    app.register_blueprint(pages.blueprint(account))
    app.register_blueprint(desk.blueprint(account))
    app.add_template_filter(_money, "money")
    app.add_template_filter(_day, "day")
    app.add_template_filter(to_iso, "iso")

    @app.errorhandler(HTTPException)
    def failed(error: HTTPException) -> ResponseReturnValue:
        return render_template("failed.html", error=error), error.code or 500

    @app.after_request
    def protect(response: Response) -> Response:
        targets = " ".join(["'self'", *g.get("form_targets", ())])
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action {targets}; "
            "frame-ancestors 'none'"
        )
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"  # an address of a session opens it
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return app


def _money(amount: int, currency: str) -> str:
    """Such as ``€9.00``; for currencies with hundredths."""
    sign = _SIGNS.get(currency, f"{currency.upper()} ")
    return f"{sign}{amount / 100:,.2f}"


def _day(moment: datetime) -> str:
    """Such as ``6 March 2026``."""
    return f"{moment.day} {moment:%B %Y}"
