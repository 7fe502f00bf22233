"""Time and threads that a test moves by hand."""

from __future__ import annotations

import heapq
import itertools

from deploy.local.sns.lanes import Task


class VirtualTime:
    """Implements `deploy.local.sns.lanes.Timer`; an hour passes in no time."""

    def __init__(self) -> None:
        self._now = 0.0
        self._heap: list[tuple[float, int, Task]] = []
        self._order = itertools.count()

    def now(self) -> float:
        return self._now

    def later(self, seconds: float, task: Task) -> None:
        heapq.heappush(self._heap, (self._now + seconds, next(self._order), task))

    def spend(self, seconds: float) -> None:
        """Time passes while something else happens."""
        self._now += seconds

    def run(self) -> None:
        """Until nothing is left to be done."""
        while self._heap:
            due, _, task = heapq.heappop(self._heap)
            self._now = max(self._now, due)
            task()


class InlineLane:
    """Implements `deploy.local.sns.lanes.Lane`: runs at once, in this thread."""

    def run(self, task: Task) -> None:
        task()
