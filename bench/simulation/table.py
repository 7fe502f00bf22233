"""The inbox table as many servers meet it: conditional writes, an index in the order of `due_at`, and DynamoDB's limits.

Heartbeats are not made one by one: the lease of what runs on a living server holds, its beats are counted when the work
ends, and of a server that died the leases run out when its last beat says.
"""

from __future__ import annotations

import math
import zlib
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

from bench.simulation.capacity import READS_OF_A_PARTITION, Meter, indexes, size, write_units
from bench.simulation.clock import MIDNIGHT, Clock
from shared.aws.inbox_items import SHARDS, to_item
from shared.core.errors import Conflict, Unavailable
from shared.core.inbox import Entry, EntryState, Found, Line, Pause, Query, Survey, Waiting
from shared.core.ports import Work
from shared.core.turns import in_turns

ANSWER_SECONDS = 0.005
"""How long DynamoDB takes for one item."""
LOOKED_AT = 1000
"""Due entries of each shard among which owners take turns, as in `shared.aws.inbox`."""
_WRITE_ID = {"write_id": {"S": uuid4().hex}}
_BY_DUE = [f"by-due#{shard}" for shard in range(SHARDS)]
"""What has a limit of its own: a shard of the index. Of the other indexes none is written more."""
_BLOCK = 4096


class SimulatedInbox:
    """The part of `shared.core.inbox.Inbox` that servers use; and what it cost."""

    def __init__(self, clock: Clock, *, lease: timedelta, sample: Callable[[], Entry]) -> None:
        """``sample`` makes an entry such as will be stored: all of them cost what that one costs."""
        self.unfinished: dict[str, Entry] = {}
        self.writes, self.reads = Meter(), Meter()
        self.throttled = 0
        self.lost_claims = 0
        self._clock = clock
        self._beat = lease.total_seconds() / 3
        self._lease = lease
        self._due: list[list[tuple[float, str]]] = [[] for _ in range(SHARDS)]
        self._counts = [0] * SHARDS
        self.running: dict[str, dict[str, Entry]] = defaultdict(dict)
        """Holder → what it works on."""
        self._units, self._part, self._whole = _costs(sample(), clock, lease)

    def accept(self, entry: Entry) -> Entry | None:
        if (known := self.unfinished.get(entry.entry_id)) is not None:
            return known
        self._write("accept", entry)
        self.unfinished[entry.entry_id] = entry
        self._counts[_shard(entry)] += 1
        self._wait(entry)
        return None

    def get(self, entry_id: str) -> Entry | None:
        """What is finished is not found here; a server would find that it is, and leave it alone as well."""
        self._clock.sleep(ANSWER_SECONDS)
        self._read("table", math.ceil(self._whole / _BLOCK))
        entry = self.unfinished.get(entry_id)
        return self._as_beaten(entry) if entry is not None else None

    def claim(self, entry: Entry, claimed: Entry) -> None:
        self._clock.sleep(ANSWER_SECONDS)
        found = self.unfinished.get(entry.entry_id)
        stored = self._as_beaten(found) if found is not None else None
        if stored is None or (stored.state, stored.fence, stored.due_at) != (entry.state, entry.fence, entry.due_at):
            self.lost_claims += 1
            self.writes.total += self._units["claim"][1]
            raise Conflict(f"Inbox entry {entry.entry_id} is not free.")
        self._write("claim", entry)
        self._wait_no_more(stored)
        self.unfinished[entry.entry_id] = claimed
        self.running[claimed.holder][entry.entry_id] = claimed

    def settle(self, held: Entry, settled: Entry) -> None:
        self._clock.sleep(ANSWER_SECONDS)
        stored = self.unfinished.get(held.entry_id)
        if stored is None or stored.state is not EntryState.RUNNING or stored.fence != held.fence:
            raise Conflict(f"The lease on inbox entry {held.entry_id} is lost.")
        self._count_beats(held)
        self._write("settle", held)
        self.running[held.holder].pop(held.entry_id, None)
        if settled.state is EntryState.RECEIVED:
            self.unfinished[held.entry_id] = settled
            self._wait(settled)
        else:
            del self.unfinished[held.entry_id]
            self._counts[_shard(held)] -= 1

    def survey(self, route: str, *, now: datetime, due: int, unfinished: int) -> Survey:  # noqa: ARG002 - one route, one clock
        """Raises `Unavailable` when a shard is asked for more than its partition gives."""
        found: list[tuple[float, Waiting]] = []
        for shard in range(SHARDS):
            self._look(shard, min(self._counts[shard], unfinished))
            for due_at, entry_id in self._due[shard][:LOOKED_AT]:
                if due_at > self._clock.now:
                    break
                found.append((due_at, Waiting(entry_id, self.unfinished[entry_id].about.user_id)))
        found.sort(key=lambda pair: (pair[0], pair[1].entry_id))
        waiting = in_turns([waiting for _, waiting in found], lambda waiting: waiting.user_id)
        return Survey(waiting[:due], min(len(self.unfinished), unfinished))

    def pauses(self) -> Mapping[str, Pause]:
        self._read("pauses", 1)
        return {}

    # What operators do, and single heartbeats: nobody calls these here.

    def beat(self, work: Work, *, until: datetime) -> None:
        raise NotImplementedError

    def change(self, entry: Entry, changed: Entry) -> None:
        raise NotImplementedError

    def get_all(self, entry_ids: Sequence[str]) -> Mapping[str, Entry]:
        raise NotImplementedError

    def oldest(self, route: str) -> datetime | None:
        raise NotImplementedError

    def find(self, query: Query, *, limit: int, start: str | None = None) -> Found:
        raise NotImplementedError

    def line(self, route: str, *, limit: int) -> Line:
        raise NotImplementedError

    def pause(self, pause: Pause) -> None:
        raise NotImplementedError

    def resume(self, route: str) -> None:
        raise NotImplementedError

    @property
    def is_anything_due(self) -> bool:
        """Whether a survey would show something."""
        return any(waiting and waiting[0][0] <= self._clock.now for waiting in self._due)

    def die(self, holder: str) -> None:
        """The server is gone: nobody prolongs its leases."""
        held = list(self.running.get(holder, {}).values())
        beaten = [self._as_beaten(entry) for entry in held]
        self.running.pop(holder, None)
        for entry, left in zip(held, beaten, strict=True):
            self._count_beats(entry)
            self.unfinished[entry.entry_id] = left
            self._wait(left)

    def _as_beaten(self, entry: Entry) -> Entry:
        """The entry as the heartbeats of a living holder have left it."""
        if entry.state is not EntryState.RUNNING or entry.claimed_at is None or not self._is_alive(entry):
            return entry
        beats = (self._clock.utc() - entry.claimed_at).total_seconds() // self._beat
        return replace(entry, due_at=entry.claimed_at + timedelta(seconds=beats * self._beat) + self._lease)

    def _is_alive(self, entry: Entry) -> bool:
        return entry.entry_id in self.running.get(entry.holder, ())

    def _count_beats(self, entry: Entry) -> None:
        assert entry.claimed_at is not None
        began = (entry.claimed_at - MIDNIGHT).total_seconds()
        beats = int((self._clock.now - began) // self._beat)
        # Minute by minute: there are many.
        while beats > 0:
            minute_ends = (self._at(began, 1) // 60 + 1) * 60
            now = min(beats, max(1, int((minute_ends - began) // self._beat)))
            self._write("beat", entry, times=now, moment=self._at(began, 1))
            began, beats = self._at(began, now), beats - now

    def _at(self, began: float, beats: int) -> float:
        return began + beats * self._beat

    def _wait(self, entry: Entry) -> None:
        insort(self._due[_shard(entry)], (_seconds(entry), entry.entry_id))

    def _wait_no_more(self, entry: Entry) -> None:
        waiting, place = self._due[_shard(entry)], (_seconds(entry), entry.entry_id)
        index = bisect_left(waiting, place)
        if index < len(waiting) and waiting[index] == place:
            del waiting[index]

    def _write(self, what: str, entry: Entry, *, times: int = 1, moment: float | None = None) -> None:
        altogether, of_table, of_shard = self._units[what]
        moment = self._clock.now if moment is None else moment
        self.writes.total += altogether * times
        self.writes.take("table", moment, of_table * times)
        self.writes.take(_BY_DUE[_shard(entry)], moment, of_shard * times)

    def _look(self, shard: int, count: int) -> None:
        """One query of the index, page by page."""
        read = count * self._part
        units = max(1, math.ceil(read / _BLOCK)) / 2
        if not self.reads.admits(_BY_DUE[shard], self._clock.now, units, READS_OF_A_PARTITION):
            self.throttled += 1
            raise Unavailable("DynamoDB did not do what it was asked (ProvisionedThroughputExceededException).")
        self._read(_BY_DUE[shard], units)

    def _read(self, thing: str, units: float) -> None:
        self.reads.total += units
        self.reads.take(thing, self._clock.now, units)


def _seconds(entry: Entry) -> float:
    assert entry.due_at is not None
    return (entry.due_at - MIDNIGHT).total_seconds()


def _shard(entry: Entry) -> int:
    return zlib.crc32(entry.message_id.encode()) % SHARDS


def _costs(entry: Entry, clock: Clock, lease: timedelta) -> tuple[dict[str, tuple[int, int, int]], int, int]:
    """Write → units altogether, of the table, and of the index of what is due; bytes of it in the index of what is due, and of it whole."""
    of = indexes("Inbox")
    now = clock.utc()
    claimed = entry.claimed(holder="ip-10-0-1-234:1234", now=now, lease=lease)
    later = replace(claimed, due_at=now + 2 * lease)
    states = {
        name: {**to_item(one), **_WRITE_ID} for name, one in (("new", entry), ("held", claimed), ("later", later))
    }
    done = {**to_item(replace(later, started_at=now).completed(now)), **_WRITE_ID}
    units = {
        "accept": write_units(None, states["new"], of),
        "claim": write_units(states["new"], states["held"], of),
        "beat": write_units(states["held"], states["later"], of),
        "settle": write_units(states["later"], done, of),
    }
    by_due = next(index for index in of if index.name == "by-due").part(states["held"])
    assert by_due is not None
    taken = {what: (sum(one.values()), one["table"], one["by-due"]) for what, one in units.items()}
    return taken, size(by_due), size(states["held"])
