"""One accepted push and what may become of it, and what the inbox asks of its store.

::

    RECEIVED ──claim──▶ RUNNING ──▶ DONE
        ▲                 │  └────▶ DEAD
        └──retry, release─┘
    RUNNING ──claim──▶ RUNNING, when the lease ran out
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from shared.core.ports import Work

KEPT = timedelta(days=30)
"""How long a finished entry is remembered: SQS keeps dead letters for 14 days, and a replay must still be known."""


class EntryState(StrEnum):
    """Where an entry stands."""

    RECEIVED = "RECEIVED"
    """Accepted; waits to be started."""
    RUNNING = "RUNNING"
    """Claimed; whoever claimed it shows signs of life."""
    DONE = "DONE"
    DEAD = "DEAD"
    """Given up; the envelope lies in the dead-letter queue."""


@dataclass(frozen=True)
class Entry:
    """One accepted push."""

    entry_id: str
    """``<route>#<message_id>``."""
    route: str
    message_id: str
    topic_arn: str
    envelope: str
    """The body of the push, verbatim."""
    digest: str
    """Of what the sender signed as content: tells a repeated message from another one under the same id."""
    received_at: datetime
    """When the push arrived, before it was verified."""
    accepted_at: datetime
    due_at: datetime | None
    """RECEIVED: when a sweep may start it. RUNNING: the end of the lease. Afterwards: None."""
    state: EntryState = EntryState.RECEIVED
    attempts: int = 0
    """Claims so far that were not given back."""
    fence: int = 0
    """The fencing token: claims so far."""
    holder: str = ""
    """Who made the latest claim."""
    claimed_at: datetime | None = None
    started_at: datetime | None = None
    """When the latest attempt's handler was called; stored when the attempt ends."""
    finished_at: datetime | None = None
    error: str = ""
    """Why the latest attempt failed."""


@dataclass(frozen=True)
class Ended:
    """How an attempt ended, for its entry."""

    now: datetime
    started_at: datetime | None = None
    """When its handler was called; None when it was not."""
    error: str = ""


class Inbox(Protocol):
    """The inbox table. Every change is conditional on the state, and of a claimed entry on its fencing token.

    Every method may raise `Unavailable`. Those that take a `Work` raise `Conflict` when it is no longer the entry's.
    """

    def accept(self, entry: Entry) -> Entry | None:
        """Stores the entry, unless its id is known already: then answers what is there.

        Raises `TooLarge` when the store cannot hold it.
        """
        ...

    def claim(self, entry_id: str, *, holder: str, now: datetime, lease: timedelta) -> Entry:
        """RECEIVED, and due or never tried, or RUNNING with its lease over → RUNNING under a higher fence.

        Answers the entry as it is now. Raises `Conflict` when it is not free (any more).
        """
        ...

    def beat(self, work: Work, *, now: datetime, lease: timedelta) -> None:
        """The lease holds for ``lease`` from now."""
        ...

    def complete(self, work: Work, ended: Ended) -> None:
        """RUNNING → DONE."""
        ...

    def retry(self, work: Work, ended: Ended, *, due: datetime) -> None:
        """RUNNING → RECEIVED, to be tried again at ``due``."""
        ...

    def release(self, work: Work, *, now: datetime) -> None:
        """RUNNING → RECEIVED, due at once; the attempt does not count."""
        ...

    def dead(self, work: Work, ended: Ended, *, forget: bool) -> None:
        """RUNNING → DEAD. ``forget`` is false when the entry is the only copy of the message: it is kept for good."""
        ...

    def due(self, route: str, *, now: datetime, limit: int) -> Sequence[str]:
        """Ids of unfinished entries of this route whose `Entry.due_at` has come, longest due first.

        May lag behind the latest changes by moments.
        """
        ...

    def backlog(self, route: str, *, limit: int) -> int:
        """How many entries of this route are unfinished; stops counting at about ``limit``. May lag as `due` does."""
        ...
