"""Simulated time: what happens when, and code that waits without waiting.

The inbox's code is written for threads. Here each runs as a greenlet: where it would wait, `Clock.sleep` lets everything
else of the simulated world go on until its moment has come.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count

from greenlet import getcurrent, greenlet

MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)


class Sleeper:
    """Where one greenlet waits; whoever has it can wake it early."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._greenlet = getcurrent()
        self._awake = False

    def wake(self) -> None:
        """Harmless when repeated, and when its moment has come already."""
        if not self._awake:
            self._clock.at(self._clock.now, self._go_on)

    def _go_on(self) -> None:
        if not self._awake:
            self._awake = True
            self._greenlet.switch()


class Clock:
    """Seconds since midnight of the simulated day."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], object]]] = []
        self._number = count()
        self._hub = getcurrent()

    def utc(self) -> datetime:
        """The moment, as GAS knows moments."""
        return MIDNIGHT + timedelta(seconds=self.now)

    def at(self, moment: float, act: Callable[[], object]) -> None:
        """Calls it then; what has the same moment in the order in which it was said."""
        heapq.heappush(self._events, (moment, next(self._number), act))

    def spawn(self, act: Callable[[], object]) -> None:
        """Calls it now, in a greenlet of its own, which may sleep."""
        self.at(self.now, greenlet(act, self._hub).switch)

    def sleep(self, seconds: float, *, hand_over: Callable[[Sleeper], object] | None = None) -> None:
        """In a greenlet: lets time pass. ``hand_over`` gets what wakes it early."""
        sleeper = Sleeper(self)
        if hand_over is not None:
            hand_over(sleeper)
        self.at(self.now + seconds, partial(Sleeper._go_on, sleeper))
        self._hub.switch()

    def run(self, until: float) -> None:
        """Until that moment, or nothing is left to happen."""
        while self._events and self._events[0][0] <= until:
            self.now, _, act = heapq.heappop(self._events)
            act()
        self.now = max(self.now, until)
