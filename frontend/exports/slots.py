"""How many exports are made at once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from frontend.limits import TooMany

AT_ONCE: Final = 4
"""By one process; each holds one of its threads until its reader has taken it."""
AT_ONCE_EACH: Final = 2
"""For one person."""


class Slots:
    """Counts what is going on. Safe with threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()

    @contextmanager
    def one(self, user_id: str) -> Iterator[None]:
        """Raises `TooMany` when too many exports are being made."""
        with self._lock:
            if self._running.total() >= AT_ONCE or self._running[user_id] >= AT_ONCE_EACH:
                raise TooMany("Other exports are still being made.", after=timedelta(seconds=20))
            self._running[user_id] += 1
        try:
            yield
        finally:
            with self._lock:
                self._running -= Counter((user_id,))
