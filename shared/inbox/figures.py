"""How much, how fast: made of the heads of messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from shared.core.channels import ChannelTotals, Totals
from shared.core.inbox import EntryState, Head


@dataclass(frozen=True)
class Percentiles:
    """Of some durations: so many percent of them were as long or shorter."""

    count: int
    p50: timedelta
    p95: timedelta
    p99: timedelta


@dataclass(frozen=True)
class Timings:
    """How long one channel's messages took. None where no message came so far.

    All but the first are of messages that were handled without an operator: of a dead or a replayed one they would tell
    how long it lay there.
    """

    accepting: Percentiles | None
    """From the push to the durable receipt, of every message."""
    waiting: Percentiles | None
    """From the receipt to the start of the handler's latest attempt."""
    working: Percentiles | None
    """Of the latest attempt: from its start to its end."""
    whole: Percentiles | None
    """From the push to the end."""


def timings(heads: Sequence[Head]) -> Mapping[str, Timings]:
    """Channel → its timings, of the channels that the heads are of."""
    return {
        route: _timings([head for head in heads if head.route == route])
        for route in dict.fromkeys(head.route for head in heads)
    }


def totals(
    heads: Sequence[Head], *, routes: Sequence[str], since: datetime, until: datetime, step: timedelta
) -> Totals:
    """What became of the messages that were accepted in each ``step`` of the time, counted at its start; so received is
    handled, dead, and what is not finished yet."""
    starts = [since + step * number for number in range(ceil((until - since) / step))]
    counted: Counter[tuple[str, int, str]] = Counter()
    for head in heads:
        number = (head.accepted_at - since) // step
        counted[head.route, number, "received"] += 1
        counted[head.route, number, "handled"] += head.state is EntryState.DONE
        counted[head.route, number, "dead"] += head.state is EntryState.DEAD
        counted[head.route, number, "retried"] += head.attempts > 1 or head.replays > 0
    return {
        route: [
            ChannelTotals(
                start,
                **{what: counted[route, number, what] for what in ("received", "handled", "retried", "dead")},
            )
            for number, start in enumerate(starts)
        ]
        for route in routes
    }


def _timings(heads: Sequence[Head]) -> Timings:
    done = [head for head in heads if head.state is EntryState.DONE and head.replays == 0]
    return Timings(
        accepting=_percentiles([head.accepted_at - head.received_at for head in heads]),
        waiting=_percentiles([head.started_at - head.accepted_at for head in done if head.started_at]),
        working=_percentiles(
            [head.finished_at - head.started_at for head in done if head.started_at and head.finished_at]
        ),
        whole=_percentiles([head.finished_at - head.received_at for head in done if head.finished_at]),
    )


def _percentiles(durations: Sequence[timedelta]) -> Percentiles | None:
    """By the nearest rank."""
    if not durations:
        return None
    # Each moment is told by one of several machines' clocks, which may differ a little.
    ranked = sorted(max(duration, timedelta()) for duration in durations)

    def rank(percent: int) -> timedelta:
        return ranked[ceil(len(ranked) * percent / 100) - 1]

    return Percentiles(len(ranked), rank(50), rank(95), rank(99))
