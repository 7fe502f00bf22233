"""Time and threads for deliveries, kept apart from them so that tests bring their own."""

from __future__ import annotations

import heapq
import itertools
import queue
import threading
import time
import traceback
from collections.abc import Callable
from typing import Protocol

Task = Callable[[], None]


class Timer(Protocol):
    """Knows the time and runs tasks later."""

    def now(self) -> float:
        """Seconds since some fixed moment, never going back."""
        ...

    def later(self, seconds: float, task: Task) -> None:
        """Runs the task, which must be quick, after that many seconds."""
        ...


class Lane(Protocol):
    """Where one subscription's attempts run: a slow endpoint holds up nobody's deliveries but its own."""

    def run(self, task: Task) -> None:
        """Returns at once; the task may take its time."""
        ...


class ThreadTimer:
    """The real time, and one daemon thread."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Task]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        threading.Thread(target=self._loop, name="sns-timer", daemon=True).start()

    def now(self) -> float:
        return time.monotonic()

    def later(self, seconds: float, task: Task) -> None:
        with self._changed:
            heapq.heappush(self._heap, (self.now() + seconds, next(self._order), task))
            self._changed.notify()

    def _loop(self) -> None:
        while True:
            _guarded(self._next())

    def _next(self) -> Task:
        with self._changed:
            while not self._heap or self._heap[0][0] > self.now():
                self._changed.wait(self._heap[0][0] - self.now() if self._heap else None)
            return heapq.heappop(self._heap)[2]


class ThreadLane:
    """At most ``width`` daemon threads, started as they are needed.

    Not `concurrent.futures`: its threads are waited for at exit, so that a hanging endpoint would keep the process.
    """

    def __init__(self, width: int = 16) -> None:
        self._width = width
        self._tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._waiting = 0
        """Tasks that were given and not yet finished."""

    def run(self, task: Task) -> None:
        with self._lock:
            self._waiting += 1
            more = self._threads < min(self._width, self._waiting)
            self._threads += more
        self._tasks.put(task)
        if more:
            threading.Thread(target=self._loop, name="sns-delivery", daemon=True).start()

    def _loop(self) -> None:
        while True:
            _guarded(self._tasks.get())
            with self._lock:
                self._waiting -= 1


def _guarded(task: Task) -> None:
    try:
        task()
    except Exception:  # noqa: BLE001 - one bad delivery must not end the thread that serves the others
        traceback.print_exc()
