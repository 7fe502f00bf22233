"""The leases that this process holds, and their heartbeat."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from shared.core.clock import Clock
from shared.core.errors import Conflict, GasError
from shared.core.inbox import Entry, Inbox
from shared.inbox.route import Lease

log = structlog.get_logger()


@dataclass
class _Held:
    entry: Entry
    lease: Lease
    holds_until: datetime


class Leases:
    """Thread-safe. `beat` is called at a third of ``length``: two heartbeats may fail before a lease is lost."""

    def __init__(self, inbox: Inbox, *, length: timedelta, now: Clock) -> None:
        self.length = length
        self._inbox = inbox
        self._now = now
        self._lock = threading.Lock()
        self._held: dict[int, _Held] = {}

    def hold(self, entry: Entry) -> Lease:
        """The lease of an entry that was just claimed; kept alive until `drop`."""
        lease = Lease(entry.entry_id, entry.fence, entry.replays)
        with self._lock:
            self._held[id(lease)] = _Held(entry, lease, (entry.claimed_at or self._now()) + self.length)
        return lease

    def drop(self, lease: Lease) -> None:
        """Its entry is settled, or left to others."""
        with self._lock:
            self._held.pop(id(lease), None)

    def beat(self) -> None:
        """One heartbeat for each lease. Those that are somebody else's, or ran out meanwhile, are lost from then on."""
        for held in self._all():
            self._lose_lapsed()  # also in between: while AWS is away each call takes seconds
            if held.lease.lost.is_set():
                continue
            now = self._now()
            try:
                self._inbox.beat(held.lease.work, until=now + self.length)
            except Conflict:
                held.lease.lost.set()
            except GasError as error:
                log.warning("heartbeat failed", entry_id=held.lease.entry_id, error=str(error))
            else:
                held.holds_until = now + self.length
        self._lose_lapsed()

    def lose_all(self) -> None:
        """Tells every handler that it shall stop."""
        for held in self._all():
            held.lease.lost.set()

    def held(self) -> list[Entry]:
        """The entries that are not settled, as they were claimed."""
        return [held.entry for held in self._all()]

    def _lose_lapsed(self) -> None:
        now = self._now()
        for held in self._all():
            if held.holds_until <= now and not held.lease.lost.is_set():
                log.warning("lease ran out", entry_id=held.lease.entry_id)
                held.lease.lost.set()

    def _all(self) -> list[_Held]:
        with self._lock:
            return list(self._held.values())
