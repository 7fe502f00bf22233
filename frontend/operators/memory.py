"""What takes long to find out is remembered for a moment: a page that asks every ten seconds, in several browsers, must
not keep the database busy that it is looked at for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from shared.core.clock import Clock

T = TypeVar("T")

RESTS = 20
"""What took a second is remembered for so many: the pages take no larger part of their server's time than that."""


class Memory:
    """Safe with threads: of those who ask for the same at once, one finds out and the others wait for it."""

    def __init__(self, now: Clock, timer: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self._timer = timer
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._known: dict[str, tuple[datetime, timedelta, Any]] = {}

    def recall(self, key: str, *, life: timedelta, find_out: Callable[[], T]) -> T:
        """What ``find_out`` answered for this key at most ``life`` ago (or longer, see `RESTS`), or answers now. Raises
        what it raises, and does not remember that. Keys are few: nothing is ever thrown away."""
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            now = self._now()
            if key in self._known:
                found_at, rest, known = self._known[key]
                if timedelta() <= now - found_at < max(life, rest):
                    answer: T = known
                    return answer
            began = self._timer()
            found = find_out()
            self._known[key] = now, timedelta(seconds=(self._timer() - began) * RESTS), found
            return found
