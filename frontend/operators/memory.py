"""What takes long to find out is remembered for a moment: a page that asks every ten seconds, in several browsers, must
not keep the database busy that it is looked at for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from shared.core.clock import Clock

T = TypeVar("T")

RESTS = 20
"""What took a second is remembered for so many: the pages take no larger part of their server's time than that."""
LONGEST_REST = timedelta(minutes=2)
"""What took very long, since something was away, must not be shown for long after that is back."""
FAILURE_LIFE = timedelta(seconds=5)
"""How long a failure is remembered at least; one that took longer to come is remembered for as long as it took."""


@dataclass(frozen=True)
class _Outcome:
    came_at: datetime
    took: timedelta
    answer: Any = None
    error: Exception | None = None

    def is_fresh(self, now: datetime, life: timedelta) -> bool:
        if self.error is not None:
            life = max(FAILURE_LIFE, min(self.took, LONGEST_REST))
        else:
            life = max(life, min(self.took * RESTS, LONGEST_REST))
        return timedelta() <= now - self.came_at < life


class Memory:
    """Safe with threads: of those who ask for the same at once, one finds out, and the others wait for what comes of it."""

    def __init__(self, now: Clock, timer: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self._timer = timer
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._known: dict[str, _Outcome] = {}

    def recall(self, key: str, *, life: timedelta, find_out: Callable[[], T]) -> T:
        """What ``find_out`` answered for this key at most ``life`` ago (or longer, see `RESTS`), or answers now. Raises
        what it raises, or raised just now, see `FAILURE_LIFE`. Keys are few: nothing is ever thrown away."""
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            known = self._known.get(key)
            if known is None or not known.is_fresh(self._now(), life):
                known = self._known[key] = self._outcome(find_out)
            if known.error is not None:
                raise known.error.with_traceback(None)
            answer: T = known.answer
            return answer

    def _outcome(self, find_out: Callable[[], T]) -> _Outcome:
        began = self._timer()
        answer, error = None, None
        try:
            answer = find_out()
        except Exception as failure:  # noqa: BLE001 - raised by whoever recalls it
            error = failure
        return _Outcome(self._now(), timedelta(seconds=self._timer() - began), answer, error)
