"""One accepted push and what may become of it, and what the inbox asks of its store.

::

    RECEIVED ──claim──▶ RUNNING ──▶ DONE
        ▲                 │  └────▶ DEAD
        └──retry, release─┘
    RUNNING ──claim──▶ RUNNING, when the lease ran out
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from shared.core.errors import Conflict
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
    """One accepted push. Frozen: each change is another entry, stored in place of this one by the inbox."""

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
    forget_at: datetime | None = None
    """When it may be deleted; None as long as it is unfinished, and for good when it is the message's only copy."""

    @property
    def work(self) -> Work:
        """The right to work on it, after `claimed`."""
        return Work(self.entry_id, self.fence)

    def is_free(self, now: datetime) -> bool:
        """Whether it may be claimed: RECEIVED, and due or never tried, or RUNNING with its lease over."""
        is_due = self.due_at is not None and self.due_at <= now
        if self.state is EntryState.RECEIVED:
            return is_due or self.attempts == 0
        return self.state is EntryState.RUNNING and is_due

    def claimed(self, *, holder: str, now: datetime, lease: timedelta) -> Entry:
        """RUNNING under the next fence. Raises `Conflict` when it is not free."""
        if not self.is_free(now):
            raise Conflict(f"Inbox entry {self.entry_id} is not free.")
        return replace(
            self,
            state=EntryState.RUNNING,
            attempts=self.attempts + 1,
            fence=self.fence + 1,
            holder=holder,
            claimed_at=now,
            due_at=now + lease,
        )

    def completed(self, now: datetime) -> Entry:
        """DONE."""
        return replace(self, state=EntryState.DONE, due_at=None, finished_at=now, error="", forget_at=now + KEPT)

    def postponed(self, due_at: datetime, error: str) -> Entry:
        """RECEIVED again, to be tried at ``due_at``."""
        return replace(self, state=EntryState.RECEIVED, due_at=due_at, error=error)

    def released(self, now: datetime) -> Entry:
        """RECEIVED again and due at once; the attempt does not count."""
        return replace(self, state=EntryState.RECEIVED, due_at=now, attempts=self.attempts - 1)

    def dead(self, now: datetime, error: str, *, is_buried: bool) -> Entry:
        """DEAD. When it is not buried, this is the message's only copy, and it is never forgotten."""
        forget_at = now + KEPT if is_buried else None
        return replace(self, state=EntryState.DEAD, due_at=None, finished_at=now, error=error, forget_at=forget_at)


@dataclass(frozen=True)
class Survey:
    """What is unfinished of one route."""

    due: Sequence[str]
    """Ids of entries whose `Entry.due_at` has come, longest due first."""
    unfinished: int
    """How many there are, due or not."""


class Inbox(Protocol):
    """The inbox table. Every change is conditional on what is stored.

    Every method may raise `Unavailable`; those that store an entry raise `TooLarge` when the store cannot hold it.
    """

    def accept(self, entry: Entry) -> Entry | None:
        """Stores the entry, unless its id is known already: then answers what is there."""
        ...

    def get(self, entry_id: str) -> Entry | None:
        """The entry as it is now."""
        ...

    def claim(self, entry: Entry, claimed: Entry) -> None:
        """Stores ``claimed`` in place of ``entry``.

        Raises `Conflict` when that is not what is stored (any more): somebody claimed it, or prolonged its lease.
        """
        ...

    def beat(self, work: Work, *, until: datetime) -> None:
        """The lease holds until then. Raises `Conflict` when it is lost."""
        ...

    def settle(self, held: Entry, settled: Entry) -> None:
        """Stores ``settled`` in place of the running ``held``. Raises `Conflict` when its lease is lost."""
        ...

    def survey(self, route: str, *, now: datetime, due: int, unfinished: int) -> Survey:
        """At most ``due`` ids, and a count that stops at about ``unfinished``. May lag behind by moments."""
        ...
