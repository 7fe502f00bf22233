"""What operators do with messages in the inbox, and what they see of all of them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core.audit import Audit, AuditEntry, audit_entry_id
from shared.core.channels import Channel, Totals
from shared.core.clock import Clock
from shared.core.errors import Conflict, NotFound, Permanent
from shared.core.inbox import Entry, EntryState, Head, Inbox, Pause, Query
from shared.inbox import figures
from shared.inbox.figures import Percentiles, Timings

__all__ = ["MessageDesk", "Overview", "Percentiles", "Timings"]

MOST_HEADS = 10_000
"""So many messages are read for one overview at most, the latest."""
_MOST_CALLS = 100
_UNFINISHED = frozenset({EntryState.RECEIVED, EntryState.RUNNING})


@dataclass(frozen=True)
class Overview:
    """All channels at once."""

    totals: Totals
    timings: Mapping[str, Timings]
    """Channel → how long the messages took that were accepted in this time; none where there were none."""
    oldest: Mapping[str, datetime]
    """Channel → when its oldest unfinished message was accepted, whenever that was; none where all are finished."""
    is_cut: bool
    """There are more messages than were read: the figures are those of the latest `MOST_HEADS`."""


class MessageDesk:
    """Any number of operators may work at once. Every method may raise `Unavailable`."""

    def __init__(self, inbox: Inbox, audit: Audit, channels: Sequence[Channel], now: Clock) -> None:
        self._inbox = inbox
        self._audit = audit
        self._channels = {channel.name: channel for channel in channels}
        self._now = now

    def retry(self, entry_id: str, *, who: str, why: str) -> Entry:
        """The message is tried as soon as a server sweeps, without waiting any longer; a dead one with all its attempts
        before it. Answers it as it is stored then.

        Raises `NotFound`, and `Conflict` with a sentence when it is not to be tried, or somebody was quicker.
        """
        _require_reason(who, why)
        entry = self._inbox.get(entry_id)
        if entry is None:
            raise NotFound(f"The inbox has no message {entry_id}; finished ones are forgotten after 30 days.")
        if entry.state is EntryState.DONE:
            raise Conflict(f"The message {entry_id} was handled: there is nothing to try again.")
        if entry.state is EntryState.RUNNING:
            raise Conflict(f"The message {entry_id} is being handled by {entry.holder} at this moment.")
        if entry.state is EntryState.DEAD:
            changed, what = entry.replayed(self._now()), "Had the dead message handled anew."
        else:
            changed, what = entry.hurried(self._now()), "Had the waiting message tried at once."
        try:
            self._inbox.change(entry, changed)
        except Conflict:
            raise Conflict(f"The message {entry_id} has changed at this moment: look at it again.") from None
        self._record(f"message#{entry_id}", what, who, why)
        return changed

    def pause(self, route: str, *, who: str, why: str) -> None:
        """From now on, within a sweep of each server, the route's pushes are answered 503: SNS tries again, for about an
        hour, and then they are dead letters. What was accepted is handled all the same. Raises `NotFound`, and
        `Permanent` for a route that has no inbox."""
        _require_reason(who, why)
        self._require_route(route)
        self._inbox.pause(Pause(route, who, why, self._now()))
        self._record(f"subscription#{route}", "Paused the subscription.", who, why)

    def resume(self, route: str, *, who: str, why: str) -> None:
        """The route's pushes are taken again. Raises as `pause`."""
        _require_reason(who, why)
        self._require_route(route)
        self._inbox.resume(route)
        self._record(f"subscription#{route}", "Resumed the subscription.", who, why)

    def overview(self, *, since: datetime, until: datetime, step: timedelta) -> Overview:
        """Of the messages that were accepted from ``since`` to ``until``. May lag behind by moments."""
        routes = [channel.name for channel in self._channels.values() if channel.has_inbox]
        heads, is_cut = self._read(Query(routes, since=since, until=until))
        unfinished, _ = self._read(Query(routes, states=_UNFINISHED))
        oldest: dict[str, datetime] = {}
        for head in unfinished:
            oldest[head.route] = min(head.accepted_at, oldest.get(head.route, head.accepted_at))
        return Overview(
            totals=figures.totals(heads, routes=routes, since=since, until=until, step=step),
            timings=figures.timings(heads),
            oldest=oldest,
            is_cut=is_cut,
        )

    def _read(self, query: Query) -> tuple[Sequence[Head], bool]:
        """At most `MOST_HEADS`, and whether there are more."""
        heads: list[Head] = []
        start: str | None = None
        for _ in range(_MOST_CALLS):
            found = self._inbox.find(query, limit=MOST_HEADS - len(heads), start=start)
            heads += found.heads
            start = found.next
            if start is None:
                return heads, False
            if len(heads) >= MOST_HEADS:
                break
        return heads, True

    def _require_route(self, route: str) -> None:
        if route not in self._channels:
            raise NotFound(f"There is no topic {route}; there is: {', '.join(self._channels)}.")
        if not self._channels[route].has_inbox:
            raise Permanent(f"{route} is pushed to a function, which cannot be paused here.")

    def _record(self, subject: str, what: str, who: str, why: str) -> None:
        now = self._now()
        self._audit.record(AuditEntry(subject, audit_entry_id(now), now, who, what, why=why))


def _require_reason(who: str, why: str) -> None:
    if not who.strip() or not why.strip():
        raise Permanent("Say who you are and why you do this: the audit log keeps both.")
