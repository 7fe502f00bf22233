"""Events on their way to webhook endpoints: signed, posted, and posted again until they are taken.

Sources: "Receive Stripe events in your webhook endpoint" (signature, retries for up to three days with exponential
back-off, a new signature at each attempt, any answer but 2xx is a failure), Stripe's documentation. Stripe waits
minutes before the first retry; here it is seconds, so that it can be watched.
"""

from __future__ import annotations

import functools
import hmac
import json
import logging
from collections.abc import Callable

from deploy.local.sns.delivery import Answer, Poster
from deploy.local.sns.envelope import Push
from deploy.local.sns.lanes import Lane, Task, Timer
from deploy.local.stripe import objects
from deploy.local.stripe.records import Delivery, Endpoint, Event
from shared.core.clock import Clock

log = logging.getLogger(__name__)

FIRST_DELAY, LONGEST_DELAY = 1.0, 3600.0
GIVE_UP_AFTER = 3 * 24 * 3600.0


class Webhooks:
    """Posts events: each on its own, in no particular order."""

    def __init__(self, post: Poster, timer: Timer, make_lane: Callable[[], Lane], now: Clock) -> None:
        self._post = post
        self._timer = timer
        self._make_lane = make_lane
        self._now = now
        self._lanes: dict[str, Lane] = {}

    def send(self, event: Event, endpoint: Endpoint) -> None:
        """Returns at once; the event tells how it goes."""
        delivery = Delivery(endpoint)
        event.deliveries.append(delivery)
        body = json.dumps(objects.event(event), indent=2)
        began = self._timer.now()
        self._run(event, delivery, body, began)

    def dump(self) -> dict[str, Lane]:
        """The lanes, by the ids of the endpoints."""
        return self._lanes

    def load(self, kept: dict[str, Lane]) -> None:
        """These are the lanes."""
        self._lanes = kept

    def _run(self, event: Event, delivery: Delivery, body: str, began: float) -> None:
        if delivery.endpoint.id not in self._lanes:
            self._lanes[delivery.endpoint.id] = self._make_lane()
        self._lanes[delivery.endpoint.id].run(functools.partial(self._attempt, event, delivery, body, began))

    def _attempt(self, event: Event, delivery: Delivery, body: str, began: float) -> Task:
        endpoint = delivery.endpoint
        sent = int(self._now().timestamp())
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": f"t={sent},v1={sign(body, endpoint.secret, sent)}",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        answer = self._post(Push(endpoint.url, body, headers))
        return functools.partial(self._answered, event, delivery, body, began, answer)

    def _answered(self, event: Event, delivery: Delivery, body: str, began: float, answer: Answer) -> None:
        delivery.attempts += 1
        if isinstance(answer, int) and 200 <= answer < 300:
            delivery.state, delivery.outcome = "delivered", f"answered {answer}"
            return
        delay = min(FIRST_DELAY * 2 ** (delivery.attempts - 1), LONGEST_DELAY)
        if self._timer.now() + delay > began + GIVE_UP_AFTER:
            delivery.state, delivery.outcome = "failed", f"given up: {_told(answer)}"
            return
        delivery.outcome = f"{_told(answer)}; again after {delay:.0f} s"
        log.info("%s %s: %s", event.type, event.id, delivery.outcome)
        self._timer.later(delay, functools.partial(self._run, event, delivery, body, began))


def sign(body: str, secret: str, sent: int) -> str:
    """The scheme v1: HMAC-SHA256 of ``<seconds>.<body>``, hexadecimal."""
    return hmac.new(secret.encode(), f"{sent}.{body}".encode(), "sha256").hexdigest()


def _told(answer: Answer) -> str:
    return f"answered {answer}" if isinstance(answer, int) else answer.reason
