"""Time and threads for deliveries, kept apart from them so that tests bring their own.

What is to be done is part of the cloud's state: it is kept over a restart. So tasks are functions of a module or
methods, with `functools.partial` for their arguments, and no closures.
"""

from __future__ import annotations

import heapq
import itertools
import queue
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from deploy.local.gate import Gate
from shared.core.clock import utc_now

Task = Callable[[], None]
"""Quick, and done in one step."""
Work = Callable[[], Task | None]
"""May take its time. It changes nothing itself: what it returns does, in one step with the work's being finished."""

GRACE_SECONDS = 3.0
"""How long a cloud that was started again does nothing of what is left to be done: the servers start after it."""


class Timer(Protocol):
    """Knows the time and runs tasks later."""

    @property
    def stopped(self) -> timedelta:
        """For how long the cloud stood still so far, between its runs."""
        ...

    def now(self) -> float:
        """Seconds since some fixed moment, never going back. While the cloud does not run, they stand still."""
        ...

    def later(self, seconds: float, task: Task) -> None:
        """Runs the task after that many seconds."""
        ...

    def at(self, moment: datetime, task: Task) -> None:
        """Runs the task at that moment; it passes also while the cloud does not run."""
        ...


class Lane(Protocol):
    """Where one subscription's attempts run: a slow endpoint holds up nobody's deliveries but its own."""

    def run(self, work: Work) -> None:
        """Returns at once."""
        ...


@dataclass(frozen=True)
class Hours:
    """What is kept of a timer."""

    now: float
    wall: datetime
    stopped: timedelta
    tasks: list[tuple[float, datetime | None, Task]]
    """When they are due, in the timer's seconds or at a moment."""


class ThreadTimer:
    """The real time, and one daemon thread. Its tasks are changes at the gate."""

    def __init__(self, gate: Gate | None = None) -> None:
        self.stopped = timedelta()
        self._gate = gate or Gate()
        self._ahead = 0.0
        """Of the machine's own count of seconds, which begins anew with the machine."""
        self._heap: list[tuple[float, int, datetime | None, Task]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        threading.Thread(target=self._loop, name="timer", daemon=True).start()

    def now(self) -> float:
        return time.monotonic() + self._ahead

    def later(self, seconds: float, task: Task) -> None:
        self._add(self.now() + seconds, None, task)

    def at(self, moment: datetime, task: Task) -> None:
        self._add(self.now() + (moment - utc_now()).total_seconds(), moment, task)

    def dump(self) -> Hours:
        """What is left to be done. Only while the gate is closed."""
        return Hours(self.now(), utc_now(), self.stopped, [(due, moment, task) for due, _, moment, task in self._heap])

    def load(self, kept: Hours) -> None:
        """Goes on from there, after `GRACE_SECONDS`. Only while the gate is closed."""
        wall = utc_now()
        self._ahead = kept.now - time.monotonic()
        self.stopped = kept.stopped + max(wall - kept.wall, timedelta())
        for due, moment, task in sorted(kept.tasks, key=lambda one: one[0]):
            left = due - kept.now if moment is None else (moment - wall).total_seconds()
            self._add(self.now() + max(left, GRACE_SECONDS), moment, task)

    def _add(self, due: float, moment: datetime | None, task: Task) -> None:
        with self._changed:
            heapq.heappush(self._heap, (due, next(self._order), moment, task))
            self._changed.notify()

    def _loop(self) -> None:
        while True:
            self._wait()
            with self._gate.change():
                _guarded(self._next())

    def _wait(self) -> None:
        with self._changed:
            while (left := self._left()) is None or left > 0:
                self._changed.wait(left)

    def _next(self) -> Task:
        with self._changed:
            return heapq.heappop(self._heap)[3]

    def _left(self) -> float | None:
        return self._heap[0][0] - self.now() if self._heap else None


class ThreadLane:
    """At most ``width`` daemon threads, started as they are needed.

    Not `concurrent.futures`: its threads are waited for at exit, so that a hanging endpoint would keep the process.
    """

    def __init__(self, width: int = 16, gate: Gate | None = None) -> None:
        self.width = width
        self._gate = gate or Gate()
        self._queue: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._numbers = itertools.count()
        self._unfinished: dict[int, Work] = {}
        self._lock = threading.Lock()
        self._threads = 0

    def run(self, work: Work) -> None:
        with self._lock:
            number = next(self._numbers)
            self._unfinished[number] = work
            more = self._threads < min(self.width, len(self._unfinished))
            self._threads += more
        self._queue.put(number)
        if more:
            threading.Thread(target=self._loop, name="lane", daemon=True).start()

    def unfinished(self) -> list[Work]:
        """What was given and is not done, in the order in which it was given. Only while the gate is closed."""
        return list(self._unfinished.values())

    def _loop(self) -> None:
        while True:
            number = self._queue.get()
            done = _guarded(self._unfinished[number])
            with self._gate.change():
                if done is not None:
                    _guarded(done)
                with self._lock:
                    del self._unfinished[number]


class Lanes:
    """Makes lanes, and knows what is under way on them."""

    def __init__(self, gate: Gate, timer: Timer) -> None:
        self._gate = gate
        self._timer = timer
        self._lanes: list[ThreadLane] = []

    def new(self, width: int = 16) -> ThreadLane:
        """One more."""
        lane = ThreadLane(width, self._gate)
        self._lanes.append(lane)
        return lane

    def dump(self) -> list[tuple[ThreadLane, list[Work]]]:
        """Work that is not finished, with its lane. Only while the gate is closed."""
        return [(lane, work) for lane in self._lanes if (work := lane.unfinished())]

    def load(self, kept: list[tuple[ThreadLane, list[Work]]]) -> None:
        """It is begun again, after `GRACE_SECONDS`: nobody knows how far it was."""
        for lane, unfinished in kept:
            self._timer.later(GRACE_SECONDS, _Begun(lane, unfinished))


@dataclass(frozen=True)
class _Begun:
    lane: ThreadLane
    unfinished: list[Work]

    def __call__(self) -> None:
        for work in self.unfinished:
            self.lane.run(work)


def _guarded(task: Work) -> Task | None:
    try:
        return task()
    except Exception:  # noqa: BLE001 - one bad delivery must not end the thread that serves the others
        traceback.print_exc()
        return None
