"""What a server says about one push endpoint, and what a handler is handed beside its message."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from shared.core.inbox import About
from shared.core.ports import Work


class Parsed(Protocol):
    """What a route's messages have in common."""

    def about(self) -> About:
        """Whom and what it is about."""
        ...


M = TypeVar("M", bound=Parsed)


@dataclass(frozen=True)
class Lease:
    """The right to work on one inbox entry, for as long as `lost` is not set.

    A handler that writes under `fence` is safe even when it does not look at `lost`: looking saves work in vain.
    """

    entry_id: str
    fence: int
    """Grows with each claim of the entry."""
    replays: int = 0
    """How often an operator had the message handled anew after it was given up."""
    lost: threading.Event = field(default_factory=threading.Event, compare=False)
    """Set when another claim may exist, or the server stops: what the handler does from now on does not count."""

    @property
    def work(self) -> Work:
        """The same right, as the jobs table knows it."""
        return Work(self.entry_id, self.fence)


@dataclass(frozen=True)
class Route(Generic[M]):
    """``POST /hooks/<name>``: one topic's pushes and what becomes of them."""

    name: str
    """Lower case, digits and dashes: part of the address and of every entry's key."""
    topic_arn: str
    """The only topic whose messages this endpoint believes."""
    dead_letters: str
    """URL of the queue for what cannot be handled: the one that SNS uses for what it cannot deliver."""
    parse: Callable[[str], M]
    """The message in a push's text. Raises `Permanent`."""
    handle: Callable[[M, Lease], None]
    """Does the work; safe to run twice. Raises `Retryable` or `Permanent`; anything else is a bug and is retried."""
    abandon: Callable[[M, str, Lease], None] | None = None
    """Called with the reason before a message is dead-lettered, perhaps more than once. Raises `Retryable`. Another
    message may be about the same thing: only what is nobody's, or was this lease's, may be given up."""
