"""Time and threads that a test moves by hand."""

from __future__ import annotations

import heapq
import itertools
from datetime import UTC, datetime, timedelta

from deploy.local.sns.lanes import Task, Work

EPOCH = datetime(2026, 3, 6, 12, 0, tzinfo=UTC)


class VirtualTime:
    """Implements `deploy.local.sns.lanes.Timer`; an hour passes in no time."""

    def __init__(self) -> None:
        self.stopped = timedelta()
        self._now = 0.0
        self._heap: list[tuple[float, int, Task]] = []
        self._order = itertools.count()

    def now(self) -> float:
        return self._now

    def later(self, seconds: float, task: Task) -> None:
        heapq.heappush(self._heap, (self._now + seconds, next(self._order), task))

    def at(self, moment: datetime, task: Task) -> None:
        self.later((moment - self.wall()).total_seconds(), task)

    def spend(self, seconds: float) -> None:
        """Time passes while something else happens."""
        self._now += seconds

    def run(self) -> None:
        """Until nothing is left to be done."""
        while self._heap:
            self._run_next()

    def pass_by(self, seconds: float) -> None:
        """So much time, and what is to be done in it."""
        end = self._now + seconds
        while self._heap and self._heap[0][0] <= end:
            self._run_next()
        self._now = end

    def wall(self) -> datetime:
        """The same time as a clock on the wall shows it."""
        return EPOCH + timedelta(seconds=self._now)

    def _run_next(self) -> None:
        due, _, task = heapq.heappop(self._heap)
        self._now = max(self._now, due)
        task()


class InlineLane:
    """Implements `deploy.local.sns.lanes.Lane`: runs at once, in this thread."""

    def run(self, work: Work) -> None:
        done = work()
        if done is not None:
            done()


class Told:
    """Implements `deploy.local.sns.publisher.Publish`: keeps what was published; refuses it while ``error`` is set."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []
        """Topic ARN, message."""
        self.error: Exception | None = None

    def __call__(self, topic_arn: str, message: str, *, subject: str | None = None) -> str:
        if self.error is not None:
            raise self.error
        self.messages.append((topic_arn, message))
        return f"m{len(self.messages)}"
