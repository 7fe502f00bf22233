"""How much was accepted and not finished, cheaply enough to be asked at every push."""

from __future__ import annotations

import threading


class Backlog:
    """Unfinished entries, about: counted at each sweep, and in between by what this process accepts and finishes.

    Other processes' accepts are seen at the next count, so together they may go over the bound by what they accept in
    that time. The bound is there against days of arrears, not to the piece.
    """

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self._lock = threading.Lock()
        self._counted = 0
        self._since = 0

    @property
    def unfinished(self) -> int:
        """How much it is, about."""
        return max(0, self._counted + self._since)

    @property
    def is_full(self) -> bool:
        """Whether nothing more should be accepted."""
        return self.unfinished >= self.bound

    def accepted(self) -> None:
        """One more."""
        with self._lock:
            self._since += 1

    def finished(self) -> None:
        """One less."""
        with self._lock:
            self._since -= 1

    def begin_count(self) -> int:
        """A mark to hand to `counted` with the count that starts now."""
        return self._since

    def counted(self, number: int, mark: int) -> None:
        """The store holds ``number`` unfinished entries; what changed since ``mark`` may or may not be among them."""
        with self._lock:
            self._counted = number
            self._since -= mark
