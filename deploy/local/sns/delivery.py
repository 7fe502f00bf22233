"""Pushes: attempts, retries by the delivery policy, and what becomes of what could not be delivered.

Source: "Amazon SNS message delivery retries" and "Amazon SNS dead-letter queues", Amazon SNS Developer Guide.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from deploy.local.sns.envelope import Push
from deploy.local.sns.lanes import Lane, Task, Timer
from deploy.local.sns.policy import LONGEST_DELAY, DeliveryPolicy

log = logging.getLogger(__name__)

_TOO_MANY_REQUESTS = 429


@dataclass(frozen=True)
class Unreachable:
    """There was no answer: refused, reset, no such host, or none within 15 s."""

    reason: str


Answer = int | Unreachable
Poster = Callable[[Push], Answer]
"""Makes one attempt: the status code, or why there is none. Never raises."""


class Outlet:
    """One subscription's way out: its lane and its throttle."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self._lock = threading.Lock()
        self._free_at = 0.0

    def wait(self, now: float, per_second: float | None) -> float:
        """Seconds until the next attempt may start; takes that turn."""
        if per_second is None:
            return 0.0
        with self._lock:
            start = max(now, self._free_at)
            self._free_at = start + 1 / per_second
            return start - now


class Deliverer:
    """Delivers pushes, each on its own: `deliver` returns at once."""

    def __init__(self, post: Poster, timer: Timer) -> None:
        self._post = post
        self._timer = timer

    def deliver(
        self, make: Callable[[], Push], policy: DeliveryPolicy, outlet: Outlet, *, give_up: Callable[[Push, str], None]
    ) -> None:
        """Attempts until it is delivered or the policy is exhausted; then ``give_up`` gets the push and the reason.

        ``make`` is called before each attempt, on the lane, so that signing does not hold up the publisher; and what it
        makes goes to where the endpoint is by then.
        """
        delivery = _Delivery(make, policy, outlet, give_up, iter(policy.delays()), self._timer.now())
        self._schedule(delivery, 0.0)

    def _schedule(self, delivery: _Delivery, delay: float) -> None:
        if delay > 0:
            self._timer.later(delay, functools.partial(self._enter, delivery))
        else:
            self._enter(delivery)

    def _enter(self, delivery: _Delivery) -> None:
        wait = delivery.outlet.wait(self._timer.now(), delivery.policy.per_second)
        if wait > 0:
            self._timer.later(wait, functools.partial(self._attempt_on_lane, delivery))
        else:
            self._attempt_on_lane(delivery)

    def _attempt_on_lane(self, delivery: _Delivery) -> None:
        delivery.outlet.lane.run(functools.partial(self._attempt, delivery))

    def _attempt(self, delivery: _Delivery) -> Task | None:
        push = delivery.make()
        answer = self._post(push)
        if isinstance(answer, int) and 200 <= answer < 300:
            return None
        return functools.partial(self._failed, delivery, push, answer)

    def _failed(self, delivery: _Delivery, push: Push, answer: Answer) -> None:
        if not _may_retry(answer):
            delivery.give_up(push, f"answered {answer}, which is permanent")
            return
        delay = next(delivery.delays, None)
        if delay is None:
            delivery.give_up(push, f"no retry is left; {_told(answer)}")
        elif self._timer.now() + delay > delivery.began + LONGEST_DELAY:
            delivery.give_up(push, f"an hour has passed; {_told(answer)}")
        else:
            log.info("%s, next attempt in %.0f s: %s", _told(answer), delay, push.url)
            self._schedule(delivery, delay)


@dataclass
class _Delivery:
    make: Callable[[], Push]
    policy: DeliveryPolicy
    outlet: Outlet
    give_up: Callable[[Push, str], None]
    delays: Iterator[float]
    began: float


def _may_retry(answer: Answer) -> bool:
    """Server errors, 1xx, 429 and silence; 3xx and the other 4xx are permanent."""
    if isinstance(answer, Unreachable):
        return True
    return answer >= 500 or answer < 200 or answer == _TOO_MANY_REQUESTS


def _told(answer: Answer) -> str:
    return answer.reason if isinstance(answer, Unreachable) else f"answered {answer}"
