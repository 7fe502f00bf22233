"""How everything around the pages stands at this moment: queues, pauses, subscriptions, servers.

Each is asked by itself: what does not answer is one of the things that are wrong, and hides nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from frontend.operators.memory import Memory
from frontend.services import Services
from shared.core.channels import Channel, Readiness, Subscriptions, SubscriptionView
from shared.core.errors import GasError, NotFound
from shared.core.inbox import Pause

T = TypeVar("T")

_AT_ONCE = 4
_SUBSCRIPTIONS_LIFE = timedelta(seconds=60)
"""They change when somebody deploys, and SNS answers slowly."""


@dataclass(frozen=True)
class ChannelView:
    """A channel's subscriptions, and what is wrong with them, in a sentence; empty where nothing is."""

    subscriptions: Sequence[SubscriptionView]
    trouble: str


@dataclass(frozen=True)
class ServerView:
    """A server that takes pushes."""

    channels: Sequence[str]
    """Those that are pushed to it."""
    why_not: str
    """Why it is not ready, in a sentence; empty where it is."""


@dataclass(frozen=True)
class Surroundings:
    """All of it."""

    counts: Mapping[str, int]
    """Channel → about how many dead letters there are; empty when they cannot be counted."""
    pauses: Mapping[str, Pause]
    channels: Mapping[str, ChannelView]
    servers: Sequence[ServerView]
    silent: Sequence[str]
    """What does not answer, a sentence each."""


def look_around(around: Services, memory: Memory) -> Surroundings:
    """Asks all at once."""
    operations = around.operations
    silent: list[str] = []

    def ask(what: str, question: Callable[[], T], otherwise: T) -> T:
        try:
            return question()
        except GasError as error:
            silent.append(f"{what}: {error}")
            return otherwise

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="overview") as pool:
        counts = pool.submit(ask, "The dead letters cannot be counted", operations.office.counts, {})
        pauses = pool.submit(ask, "What is paused cannot be read", around.inbox.pauses, {})
        channels = memory.recall(
            "subscriptions",
            life=_SUBSCRIPTIONS_LIFE,
            find_out=lambda: dict(
                pool.map(lambda one: (one.name, look_at(operations.subscriptions, one)), operations.channels)
            ),
        )
        servers = ask_servers(around.readiness, channels, pool)
        return Surroundings(counts.result(), pauses.result(), channels, servers, silent)


def ask_servers(readiness: Readiness, channels: Mapping[str, ChannelView], pool: Executor) -> list[ServerView]:
    """How each server is that one of the channels is pushed to; each is asked once."""
    served: dict[str, dict[str, None]] = {}
    endpoints: dict[str, str] = {}
    for name, view in channels.items():
        for one in view.subscriptions:
            if one.endpoint.startswith("http"):
                # One endpoint stands for all of its server.
                server = one.endpoint.partition("/hooks/")[0]
                endpoints.setdefault(server, one.endpoint)
                served.setdefault(server, {})[name] = None
    answers = pool.map(readiness.of, endpoints.values())
    return [ServerView(list(names), why_not) for names, why_not in zip(served.values(), answers, strict=True)]


def look_at(subscriptions: Subscriptions, channel: Channel) -> ChannelView:
    """The channel's subscriptions. SNS being away is one of the things that may be wrong with them."""
    try:
        found = subscriptions.of(channel.topic_arn)
    except NotFound:
        return ChannelView((), "The topic does not exist. Deploy the stack again.")
    except GasError as error:
        return ChannelView((), f"Its subscription cannot be looked at: {error}")
    return ChannelView(found, _trouble(found))


def _trouble(found: Sequence[SubscriptionView]) -> str:
    """What keeps the channel from working, or from losing nothing."""
    confirmed = [one for one in found if one.is_confirmed]
    if not found:
        return "Nobody is subscribed: what is published now is lost. Its server subscribes itself when it starts."
    if not confirmed:
        return "The subscription is not confirmed: nothing is pushed. Its server confirms it when it starts."
    if not all(one.has_dead_letters for one in confirmed):
        return "The subscription has no dead-letter queue: what cannot be delivered is lost. Deploy the stack again."
    if len(confirmed) > 1:
        return "There is more than one subscription: each message is pushed to all of them."
    return ""
