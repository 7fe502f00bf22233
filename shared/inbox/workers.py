"""The threads that run entries, and the queue before them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from shared.core.inbox import Entry
from shared.inbox.turns import Turn, Turns

log = structlog.get_logger()

_REMEMBERED = 64


class Workers:
    """``slots`` threads that run what is offered, in turns (`Turns`).

    The queue is no promise: what waits in it is durable in the inbox, and whoever claims an entry first runs it, be it
    another instance.
    """

    def __init__(self, run: Callable[[str, Entry | None], None], *, slots: int, on_idle: Callable[[], None]) -> None:
        """``on_idle`` is called when the queue has become empty."""
        self.slots = slots
        self._run = run
        self._on_idle = on_idle
        self._changed = threading.Condition()
        self._turns = Turns()
        self._closed = False
        self._running = 0
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Starts the threads."""
        self._threads = [
            threading.Thread(target=self._loop, name=f"inbox-worker-{number}", daemon=True)
            for number in range(self.slots)
        ]
        for thread in self._threads:
            thread.start()

    def offer(self, entry_id: str, user_id: str, known: Entry | None = None) -> None:
        """Runs the entry, which is about this user, as soon as a thread is free. Harmless when repeated.

        ``known`` saves the thread from reading the entry. A long queue holds ids alone: envelopes can be large.
        """
        with self._changed:
            self._turns.add(entry_id, user_id, known, remembered=_REMEMBERED)
            self._changed.notify()

    @property
    def waiting(self) -> int:
        """How many entries no thread has taken yet."""
        with self._changed:
            return len(self._turns)

    @property
    def busy(self) -> int:
        """How many threads run an entry."""
        return self._running

    @property
    def dead(self) -> list[str]:
        """Names of threads that ended although nobody closed this."""
        return [] if self._closed else [thread.name for thread in self._threads if not thread.is_alive()]

    def close(self) -> None:
        """Nothing more is started."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait_until_still(self, seconds: float) -> bool:
        """Whether all that runs has ended within so many seconds."""
        deadline = time.monotonic() + seconds
        with self._changed:
            return self._changed.wait_for(lambda: self._running == 0, max(0.0, deadline - time.monotonic()))

    def _loop(self) -> None:
        while (turn := self._next()) is not None:
            try:
                self._run(turn.entry_id, turn.known)
            except BaseException:
                # Not even `sys.exit` in a handler ends the thread: the lease runs out and a sweep tries again.
                log.exception("worker failed", entry_id=turn.entry_id)
            finally:
                is_idle = self._release(turn)
            if is_idle:
                self._on_idle()

    def _next(self) -> Turn | None:
        """Waits for it; None when nothing more is to be started."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._turns) or self._closed)
            if self._closed:
                return None
            self._running += 1
            return self._turns.take()

    def _release(self, turn: Turn) -> bool:
        """Whether nothing waits any more."""
        with self._changed:
            self._running -= 1
            self._turns.release(turn)
            self._changed.notify_all()
            return not len(self._turns)
