"""The inbox table from memory; see `tests.fakes`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime

from shared.aws import page_token
from shared.aws.inbox_search import listing
from shared.core.clock import to_iso
from shared.core.errors import Conflict
from shared.core.inbox import Entry, EntryState, Found, Head, Line, Pause, Query, Survey, Waiting
from shared.core.ports import Work
from shared.core.turns import in_turns
from tests.fake_jobs import Fake


class FakeInbox(Fake):
    """The inbox table. ``entries``: entry_id → entry as stored; ``paused``: route → its pause."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[str, Entry] = {}
        self.paused: dict[str, Pause] = {}

    def accept(self, entry: Entry) -> Entry | None:
        self.reach()
        with self.lock:
            known = self.entries.get(entry.entry_id)
            if known is None:
                self.entries[entry.entry_id] = entry
            return known

    def get(self, entry_id: str) -> Entry | None:
        self.reach()
        return self.entries.get(entry_id)

    def get_all(self, entry_ids: Sequence[str]) -> dict[str, Entry]:
        self.reach()
        return {entry_id: self.entries[entry_id] for entry_id in entry_ids if entry_id in self.entries}

    def claim(self, entry: Entry, claimed: Entry) -> None:
        self.reach()
        with self.lock:
            stored = self.entries.get(entry.entry_id)
            if stored is None or stored.due_at is None or _identity(stored) != _identity(entry):
                raise Conflict(f"Inbox entry {entry.entry_id} is not free.")
            self.entries[entry.entry_id] = claimed

    def beat(self, work: Work, *, until: datetime) -> None:
        self.reach()
        with self.lock:
            self.entries[work.entry_id] = replace(self._held(work), due_at=until)

    def settle(self, held: Entry, settled: Entry) -> None:
        self.reach()
        with self.lock:
            self._held(held.work)
            self.entries[held.entry_id] = settled

    def change(self, entry: Entry, changed: Entry) -> None:
        self.reach()
        with self.lock:
            stored = self.entries.get(entry.entry_id)
            if stored is None or _identity(stored) != _identity(entry):
                raise Conflict(f"Inbox entry {entry.entry_id} was changed by somebody else meanwhile.")
            self.entries[entry.entry_id] = changed

    def survey(self, route: str, *, now: datetime, due: int, unfinished: int) -> Survey:
        self.reach()
        entries = self._unfinished(route)
        are_due = [entry for entry in entries if entry.due_at is not None and entry.due_at <= now]
        return Survey(_waiting(are_due)[:due], min(len(entries), unfinished))

    def find(self, query: Query, *, limit: int, start: str | None = None) -> Found:
        self.reach()
        after = tuple(page_token.decode_place(start, listing(query), (str, str))) if start is not None else None
        with self.lock:
            entries = list(self.entries.values())
        wanted = sorted((entry for entry in entries if _is_wanted(entry, query)), key=_place, reverse=True)
        left = [entry for entry in wanted if after is None or _place(entry) < after]
        heads = [Head(**{each.name: getattr(entry, each.name) for each in fields(Head)}) for entry in left[:limit]]
        more = page_token.encode_place(listing(query), _place(left[limit - 1])) if len(left) > limit else None
        return Found(heads, more)

    def line(self, route: str, *, limit: int) -> Line:
        self.reach()
        entries = self._unfinished(route)
        running = min(sum(entry.state is EntryState.RUNNING for entry in entries), limit)
        waiting = _waiting([entry for entry in entries if entry.state is EntryState.RECEIVED])
        return Line(waiting[: limit - running], running)

    def oldest(self, route: str) -> datetime | None:
        self.reach()
        return min((entry.accepted_at for entry in self._unfinished(route)), default=None)

    def pauses(self) -> Mapping[str, Pause]:
        self.reach()
        return dict(self.paused)

    def pause(self, pause: Pause) -> None:
        self.reach()
        self.paused.setdefault(pause.route, pause)

    def resume(self, route: str) -> None:
        self.reach()
        self.paused.pop(route, None)

    def _unfinished(self, route: str) -> list[Entry]:
        """What is longest due first."""
        with self.lock:
            waiting = [
                (entry.due_at, entry.entry_id, entry)
                for entry in self.entries.values()
                if entry.route == route and entry.due_at is not None
            ]
        return [entry for _, _, entry in sorted(waiting, key=lambda item: item[:2])]

    def _held(self, work: Work) -> Entry:
        entry = self.entries.get(work.entry_id)
        if entry is None or entry.state is not EntryState.RUNNING or entry.fence != work.fence:
            raise Conflict(f"The lease on inbox entry {work.entry_id} is lost.")
        return entry


def _identity(entry: Entry) -> tuple[object, ...]:
    return entry.state, entry.fence, entry.due_at


def _waiting(entries: list[Entry]) -> list[Waiting]:
    waiting = [Waiting(entry.entry_id, entry.about.user_id) for entry in entries]
    return in_turns(waiting, lambda one: one.user_id)


def _place(entry: Entry) -> tuple[str, str]:
    return to_iso(entry.accepted_at), entry.entry_id


def _is_wanted(entry: Entry, query: Query) -> bool:
    asked = (query.job_id, entry.about.job_id), (query.user_id, entry.about.user_id)
    return (
        entry.route in query.routes
        and entry.state in query.states
        and all(not wanted or wanted == present for wanted, present in asked)
        and (query.since is None or query.since <= entry.accepted_at)
        and (query.until is None or entry.accepted_at < query.until)
        and query.error.lower() in entry.error.lower()
    )
