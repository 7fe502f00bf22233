"""The push channels of the stack: a topic, the endpoint that it is pushed to, and its dead-letter queue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Channel:
    """One channel."""

    name: str
    """Such as ``job-requests``: the route of the endpoint (``/hooks/<name>``), of its inbox entries, of its queue."""
    topic_arn: str
    dead_letters: str
    """The queue's URL."""
    has_inbox: bool = True
    """False where a Lambda function is subscribed instead of a server: nothing can be replayed through an inbox then."""


@dataclass(frozen=True)
class SubscriptionView:
    """A topic's subscription as SNS has it."""

    endpoint: str
    """An URL, or a function's ARN."""
    is_confirmed: bool
    delivery_policy: str
    """JSON, as it takes effect; empty where there is none (functions)."""
    has_dead_letters: bool
    """Whether it has a RedrivePolicy."""
    arn: str = ""
    """Empty while it is not confirmed."""


class Subscriptions(Protocol):
    """What SNS says of the channels' subscriptions. May raise `Unavailable`."""

    def of(self, topic_arn: str) -> list[SubscriptionView]:
        """Every subscription of the topic; raises `NotFound` where there is no such topic."""
        ...


class Readiness(Protocol):
    """Asks a server whether it takes pushes."""

    def of(self, endpoint: str) -> str:
        """Why the server of this push endpoint (an `http(s)` URL) is not ready, in a sentence; empty when it is. Its
        ``/readyz`` is asked. Raises nothing."""
        ...


@dataclass(frozen=True)
class ChannelTotals:
    """What happened on one channel in one stretch of time."""

    start: datetime
    received: int = 0
    handled: int = 0
    retried: int = 0
    """Entries that needed more than one attempt."""
    dead: int = 0


Totals = Mapping[str, list[ChannelTotals]]
"""Channel → its totals, oldest first, without gaps."""
