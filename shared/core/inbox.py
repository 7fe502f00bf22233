"""One accepted push and what may become of it, and what the inbox asks of its store.

::

    RECEIVED ──claim──▶ RUNNING ──▶ DONE
      ▲   ▲               │  └────▶ DEAD
      │   └retry, release─┘          │
      └─────────replay───────────────┘
    RUNNING ──claim──▶ RUNNING, when the lease ran out
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


class Outcome(StrEnum):
    """How one attempt ended."""

    DONE = "done"
    RETRY = "retry"
    """It failed in a way that may pass, and is tried again."""
    DEAD = "dead"
    """It failed for good."""
    RELEASED = "released"
    """The server stopped and gave it back; it does not count."""
    LOST = "lost"
    """Nothing was heard of it: its lease ran out."""


@dataclass(frozen=True)
class Attempt:
    """One past attempt."""

    holder: str
    """Who made it: ``host:process``."""
    claimed_at: datetime
    started_at: datetime | None
    """When the handler was called; None when it was not, or nothing was heard of it."""
    ended_at: datetime
    outcome: Outcome
    error: str = ""


HISTORY = 20
"""How many attempts an entry remembers, the latest: ten, and ten more of a replay."""


@dataclass(frozen=True)
class About:
    """Whom and what a message is about, as far as it says; for finding it again. Empty where it does not."""

    job_id: str = ""
    user_id: str = ""
    request_id: str = ""


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
    about: About = About()
    history: tuple[Attempt, ...] = ()
    """Attempts that ended, oldest first; at most `HISTORY`."""
    replays: int = 0
    """How often an operator had it handled anew after it was dead."""
    verdict: str = ""
    """Why it is given up, stored before that begins: no attempt calls its handler any more."""

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
        history = self._with(now, Outcome.LOST) if self.state is EntryState.RUNNING else self.history
        return replace(
            self,
            state=EntryState.RUNNING,
            attempts=self.attempts + 1,
            fence=self.fence + 1,
            holder=holder,
            claimed_at=now,
            started_at=None,
            due_at=now + lease,
            history=history,
        )

    def completed(self, now: datetime) -> Entry:
        """DONE."""
        return replace(
            self,
            state=EntryState.DONE,
            due_at=None,
            finished_at=now,
            error="",
            forget_at=now + KEPT,
            history=self._with(now, Outcome.DONE),
        )

    def postponed(self, now: datetime, due_at: datetime, error: str) -> Entry:
        """RECEIVED again, to be tried at ``due_at``."""
        history = self._with(now, Outcome.RETRY, error)
        return replace(self, state=EntryState.RECEIVED, due_at=due_at, error=error, history=history)

    def released(self, now: datetime) -> Entry:
        """RECEIVED again and due at once; the attempt does not count."""
        history = self._with(now, Outcome.RELEASED)
        return replace(self, state=EntryState.RECEIVED, due_at=now, attempts=self.attempts - 1, history=history)

    def condemned(self, verdict: str, due_at: datetime) -> Entry:
        """RUNNING still, under the same fence until ``due_at``, but given up whatever happens."""
        return replace(self, verdict=verdict, due_at=due_at)

    def dead(self, now: datetime, error: str, *, is_buried: bool) -> Entry:
        """DEAD. When it is not buried, this is the message's only copy, and it is never forgotten."""
        return replace(
            self,
            state=EntryState.DEAD,
            due_at=None,
            finished_at=now,
            error=error,
            forget_at=now + KEPT if is_buried else None,
            history=self._with(now, Outcome.DEAD, error),
        )

    def replayed(self, now: datetime) -> Entry:
        """RECEIVED and due at once, with all its attempts before it. Raises `Conflict` when it is not DEAD."""
        if self.state is not EntryState.DEAD:
            raise Conflict(f"Inbox entry {self.entry_id} is {self.state}, not DEAD.")
        return replace(
            self,
            state=EntryState.RECEIVED,
            due_at=now,
            attempts=0,
            finished_at=None,
            forget_at=None,
            replays=self.replays + 1,
            verdict="",
        )

    def hurried(self, now: datetime) -> Entry:
        """Due at once. Raises `Conflict` when it does not wait to be tried (again)."""
        if self.state is not EntryState.RECEIVED:
            raise Conflict(f"Inbox entry {self.entry_id} is {self.state}: it does not wait to be tried.")
        return replace(self, due_at=now)

    def _with(self, now: datetime, outcome: Outcome, error: str = "") -> tuple[Attempt, ...]:
        """The history with the present attempt at its end."""
        ended = Attempt(self.holder, self.claimed_at or now, self.started_at, now, outcome, error)
        return (*self.history, ended)[-HISTORY:]


@dataclass(frozen=True)
class Survey:
    """What is unfinished of one route."""

    due: Sequence[Waiting]
    """Entries whose `Entry.due_at` has come: their owners take turns, and of each what is longest due comes first."""
    unfinished: int
    """How many there are, due or not."""


@dataclass(frozen=True)
class Waiting:
    """An entry that somebody should work on."""

    entry_id: str
    user_id: str
    """Whom it is about; empty where the message does not say."""


@dataclass(frozen=True)
class Head:
    """An entry without its envelope and history: what lists show. An index has it, so it may be a second old."""

    entry_id: str
    route: str
    message_id: str
    state: EntryState
    received_at: datetime
    accepted_at: datetime
    due_at: datetime | None = None
    attempts: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: str = ""
    about: About = About()
    replays: int = 0


@dataclass(frozen=True)
class Query:
    """Which messages. Everything that is given has to hold."""

    routes: Sequence[str]
    """At least one."""
    states: frozenset[EntryState] = frozenset(EntryState)
    job_id: str = ""
    user_id: str = ""
    since: datetime | None = None
    """Accepted then or later."""
    until: datetime | None = None
    """Accepted before."""
    error: str = ""
    """Part of the latest error, upper or lower case."""


@dataclass(frozen=True)
class Found:
    """Some of the messages that were asked for, latest accepted first."""

    heads: Sequence[Head]
    next: str | None
    """Opaque: where to go on; None at the end. With it there may be fewer than were asked for, even none."""


@dataclass(frozen=True)
class Line:
    """What waits and what runs of one route, as far as was counted."""

    waiting: Sequence[Waiting]
    """RECEIVED, in the order of `Survey.due`."""
    running: int


@dataclass(frozen=True)
class Pause:
    """An operator stopped the pushes of a route: they are answered 503 until somebody resumes it."""

    route: str
    who: str
    why: str
    at: datetime


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

    def get_all(self, entry_ids: Sequence[str]) -> Mapping[str, Entry]:
        """Id → the entry as it is now, of those that are there; at most 100 ids."""
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

    def change(self, entry: Entry, changed: Entry) -> None:
        """An operator's change: stores ``changed`` in place of ``entry``, which nobody works on.

        Raises `Conflict` when ``entry`` is not what is stored (any more).
        """
        ...

    def find(self, query: Query, *, limit: int, start: str | None = None) -> Found:
        """At most ``limit`` messages. Raises `Permanent` when ``start`` is not a `Found.next` of this query."""
        ...

    def line(self, route: str, *, limit: int) -> Line:
        """What waits and runs, at most ``limit`` together."""
        ...

    def oldest(self, route: str) -> datetime | None:
        """When the oldest of what is unfinished of the route was accepted; None when all is finished. May lag behind by
        moments."""
        ...

    def pauses(self) -> Mapping[str, Pause]:
        """Route → its pause, of those that are paused."""
        ...

    def pause(self, pause: Pause) -> None:
        """From now on the route's pushes are answered 503 by every server, within a sweep. Harmless when repeated."""
        ...

    def resume(self, route: str) -> None:
        """Harmless when repeated."""
        ...
