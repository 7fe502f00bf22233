"""Who changes the local cloud goes through a gate, so that a snapshot of it shows one moment of all its parts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """Changes go on side by side. A snapshot waits until none is under way, and keeps others out while it is taken."""

    def __init__(self) -> None:
        self.changes = 0
        """How many there were."""
        self._moved = threading.Condition()
        self._inside = 0
        self._closed = False
        self._mine = threading.local()

    @contextmanager
    def change(self) -> Iterator[None]:
        """One change, wholly in a snapshot or not at all. Within another one of the same thread it is part of that."""
        with self._entered():
            try:
                yield
            finally:  # what fails half way has changed something, too
                self.changes += 1

    @contextmanager
    def look(self) -> Iterator[None]:
        """As `change`, of something that leaves everything as it was."""
        with self._entered():
            yield

    @contextmanager
    def away(self) -> Iterator[None]:
        """Within a change that waits for something: what was done so far may be seen meanwhile."""
        if not self._is_mine():
            yield
            return
        self._leave()
        try:
            yield
        finally:
            self._enter()

    @contextmanager
    def still(self) -> Iterator[None]:
        """Nothing changes. Not for a thread that is within a change, and for one thread at a time."""
        with self._moved:
            self._closed = True
            self._moved.wait_for(lambda: self._inside == 0)
        try:
            yield
        finally:
            with self._moved:
                self._closed = False
                self._moved.notify_all()

    @contextmanager
    def _entered(self) -> Iterator[None]:
        if self._is_mine():
            yield
            return
        self._enter()
        try:
            yield
        finally:
            self._leave()

    def _is_mine(self) -> bool:
        return getattr(self._mine, "inside", False)

    def _enter(self) -> None:
        with self._moved:
            self._moved.wait_for(lambda: not self._closed)
            self._inside += 1
        self._mine.inside = True

    def _leave(self) -> None:
        self._mine.inside = False
        with self._moved:
            self._inside -= 1
            self._moved.notify_all()
