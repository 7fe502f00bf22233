"""DeliveryPolicy: how often and how fast SNS pushes to an HTTP(S) endpoint.

Source: "Amazon SNS message delivery retries" in the Amazon SNS Developer Guide. SNS adds jitter to the delays, which
is left out here: a local cloud is better predictable.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, get_args

BackoffFunction = Literal["linear", "arithmetic", "geometric", "exponential"]

MOST_RETRIES = 100
LONGEST_DELAY = 3600
"""Seconds; also the most that all delays of a policy may make together."""

_CONTENT_TYPES = (
    "text/plain",
    "text/plain; charset=UTF-8",
    "application/json",
    "application/octet-stream",
    "application/soap+xml",
    "application/xml",
    "application/x-www-form-urlencoded",
    "text/css",
    "text/csv",
    "text/html",
    "text/plain",
    "text/xml",
)

_RETRY_FIELDS = {
    "numRetries": "retries",
    "numNoDelayRetries": "no_delay_retries",
    "numMinDelayRetries": "min_delay_retries",
    "numMaxDelayRetries": "max_delay_retries",
    "minDelayTarget": "min_delay",
    "maxDelayTarget": "max_delay",
}


class InvalidPolicy(ValueError):
    """SNS would refuse this policy. ``str(error)`` says what is wrong with it."""


@dataclass(frozen=True)
class DeliveryPolicy:
    """One subscription's policy; the defaults are SNS's own."""

    retries: int = 3
    """All of them; what the three phases below do not take is the backoff phase."""
    no_delay_retries: int = 0
    min_delay_retries: int = 0
    max_delay_retries: int = 0
    min_delay: int = 20
    """Seconds."""
    max_delay: int = 20
    """Seconds."""
    backoff: BackoffFunction = "linear"
    per_second: float | None = None
    """At most so many attempts a second; None is no limit."""
    content_type: str = "text/plain; charset=UTF-8"

    def delays(self) -> tuple[float, ...]:
        """Seconds to wait before each retry, in order: immediate, pre-backoff, backoff, post-backoff."""
        backoff_retries = self.retries - self.no_delay_retries - self.min_delay_retries - self.max_delay_retries
        return (
            (0.0,) * self.no_delay_retries
            + (float(self.min_delay),) * self.min_delay_retries
            + tuple(self._backoff(step, backoff_retries - 1) for step in range(backoff_retries))
            + (float(self.max_delay),) * self.max_delay_retries
        )

    def to_json(self) -> str:
        """As SNS writes the attribute EffectiveDeliveryPolicy of a subscription."""
        throttle = None if self.per_second is None else {"maxReceivesPerSecond": self.per_second}
        retry = {theirs: getattr(self, ours) for theirs, ours in _RETRY_FIELDS.items()}
        return json.dumps(
            {
                "healthyRetryPolicy": {**retry, "backoffFunction": self.backoff},
                "sicklyRetryPolicy": None,
                "throttlePolicy": throttle,
                "requestPolicy": {"headerContentType": self.content_type},
                "guaranteed": False,
            }
        )

    def _backoff(self, step: int, last: int) -> float:
        """The delay at ``step`` of 0 … ``last``: the least at the first, the greatest at the last.

        SNS publishes a picture and no formulas. Linear grows by equal amounts; arithmetic by amounts that grow
        equally; geometric by a constant factor; exponential by factors that grow, so that it stays low longest.
        """
        if last == 0 or self.min_delay == self.max_delay:
            return float(self.min_delay)
        low, high, part = self.min_delay, self.max_delay, step / last
        if self.backoff == "linear":
            return low + (high - low) * part
        if self.backoff == "arithmetic":
            return low + (high - low) * (step * (step + 1)) / (last * (last + 1))
        if self.backoff == "geometric":
            return float(low * (high / low) ** part)
        return float(low * (high / low) ** (part * part))


def parse(text: str, *, of_topic: bool = False) -> DeliveryPolicy:
    """The policy in a DeliveryPolicy attribute. A topic's has its retry policy under ``http``.

    Raises `InvalidPolicy` as SNS refuses it.
    """
    policy = _object(_json(text), "DeliveryPolicy")
    if of_topic:
        policy = _object(policy.get("http", {}), "http")
        retry, throttle, request = "defaultHealthyRetryPolicy", "defaultThrottlePolicy", "defaultRequestPolicy"
        known = {retry, throttle, request, "disableSubscriptionOverrides"}
    else:
        retry, throttle, request = "healthyRetryPolicy", "throttlePolicy", "requestPolicy"
        known = {retry, throttle, request, "sicklyRetryPolicy", "guaranteed"}
    _only(policy, known)
    retries = _section(policy, retry)
    throttles = _section(policy, throttle)
    requests = _section(policy, request)
    _only(throttles, {"maxReceivesPerSecond"})
    _only(requests, {"headerContentType"})
    parsed = DeliveryPolicy(
        **_retry_fields(retries),
        per_second=_rate(throttles.get("maxReceivesPerSecond")),
        content_type=_content_type(requests.get("headerContentType", DeliveryPolicy.content_type)),
    )
    total = sum(parsed.delays())
    if total > LONGEST_DELAY:
        raise InvalidPolicy(f"the total policy retry time of {total:.0f} s is above {LONGEST_DELAY} s")
    return parsed


def _retry_fields(section: dict[str, Any]) -> dict[str, Any]:
    _only(section, {*_RETRY_FIELDS, "backoffFunction"})
    fields: dict[str, Any] = {
        ours: _whole(section[theirs], theirs)
        for theirs, ours in _RETRY_FIELDS.items()
        if section.get(theirs) is not None
    }
    function = section.get("backoffFunction", "linear")
    if function not in get_args(BackoffFunction):
        raise InvalidPolicy(f"backoffFunction must be one of {', '.join(get_args(BackoffFunction))}")
    policy = DeliveryPolicy(**fields, backoff=function)
    if policy.retries > MOST_RETRIES:
        raise InvalidPolicy(f"numRetries must be at most {MOST_RETRIES}")
    if policy.no_delay_retries + policy.min_delay_retries + policy.max_delay_retries > policy.retries:
        raise InvalidPolicy("numRetries must be at least the sum of the phases' retries")
    if policy.min_delay < 1:
        raise InvalidPolicy("minDelayTarget must be at least 1")
    if policy.max_delay > LONGEST_DELAY:
        raise InvalidPolicy(f"maxDelayTarget must be at most {LONGEST_DELAY}")
    if policy.min_delay > policy.max_delay:
        raise InvalidPolicy("minDelayTarget must be at most maxDelayTarget")
    return {**fields, "backoff": function}


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise InvalidPolicy("failed to parse JSON") from None


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidPolicy(f"{name} must be an object")
    return value


def _section(policy: dict[str, Any], name: str) -> dict[str, Any]:
    value = policy.get(name)
    return {} if value is None else _object(value, name)


def _only(section: dict[str, Any], known: set[str]) -> None:
    unknown = sorted(set(section) - known)
    if unknown:
        raise InvalidPolicy(f"unexpected JSON member: {unknown[0]}")


def _whole(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidPolicy(f"{name} must be a whole number, zero or greater")
    return value


def _rate(value: Any) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or value < 1:
        raise InvalidPolicy("maxReceivesPerSecond must be a number, 1 or greater")
    return float(value)


def _content_type(value: Any) -> str:
    if value not in _CONTENT_TYPES:
        raise InvalidPolicy("headerContentType is not one that SNS supports")
    return str(value)
