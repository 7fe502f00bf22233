"""What takes long to find out is remembered for a moment: a page that asks every ten seconds, in several browsers, must
not keep the database busy that it is looked at for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from shared.core.clock import Clock

T = TypeVar("T")


class Memory:
    """Safe with threads: of those who ask for the same at once, one finds out and the others wait for it."""

    def __init__(self, now: Clock) -> None:
        self._now = now
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._known: dict[str, tuple[datetime, Any]] = {}

    def recall(self, key: str, *, life: timedelta, find_out: Callable[[], T]) -> T:
        """What ``find_out`` answered for this key at most ``life`` ago, or answers now. Raises what it raises, and does
        not remember that. Keys are few: nothing is ever thrown away."""
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            now = self._now()
            if key in self._known:
                found_at, known = self._known[key]
                if timedelta() <= now - found_at < life:
                    answer: T = known
                    return answer
            found = find_out()
            self._known[key] = now, found
            return found
