"""What became of the messages of one channel, a bar for each step of time, as coordinates of an SVG drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core.channels import ChannelTotals

HEIGHT = 30.0
"""Of the tallest bar, in the drawing's units; a bar and its gap are one unit wide in 10."""
WIDTH = 10.0
_LEAST = 1.5
"""Something is never nothing to see."""


@dataclass(frozen=True)
class Piece:
    """A part of a bar. ``kind``: ``dead``, ``handled`` or ``unfinished``."""

    kind: str
    y: float
    height: float


@dataclass(frozen=True)
class Bar:
    """The messages that were accepted from `start` to `end`."""

    x: float
    start: datetime
    end: datetime
    totals: ChannelTotals
    pieces: Sequence[Piece]

    @property
    def words(self) -> str:
        """All of its numbers."""
        counts = self.totals
        parts = [
            (counts.received, "received"),
            (counts.handled, "handled"),
            (counts.retried, "retried"),
            (counts.dead, "dead"),
            (counts.received - counts.handled - counts.dead, "not finished"),
        ]
        shown = ", ".join(f"{number:,} {word}" for number, word in parts if number) or "none"
        return f"{self.start:%H:%M} to {self.end:%H:%M} UTC: {shown}"


def bars(totals: Sequence[ChannelTotals], step: timedelta) -> list[Bar]:
    """Dead at the foot, then what was handled, what is not finished on top; the tallest has `HEIGHT`."""
    tallest = max((total.received for total in totals), default=0)
    return [
        Bar(number * WIDTH, total.start, total.start + step, total, _pieces(total, tallest))
        for number, total in enumerate(totals)
    ]


def _pieces(total: ChannelTotals, tallest: int) -> list[Piece]:
    pieces: list[Piece] = []
    foot = HEIGHT
    unfinished = total.received - total.handled - total.dead
    for kind, number in (("dead", total.dead), ("handled", total.handled), ("unfinished", unfinished)):
        if number > 0:
            height = round(max(_LEAST, HEIGHT * number / tallest), 2)
            foot = round(max(0.0, foot - height), 2)
            pieces.append(Piece(kind, foot, height))
    return pieces
