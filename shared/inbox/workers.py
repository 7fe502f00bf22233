"""The threads that run entries, and the queue before them."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

import structlog

from shared.core.inbox import Entry

log = structlog.get_logger()

_REMEMBERED = 64


class Workers:
    """``slots`` threads that run what is offered: the routes take turns, and within each the first comes first.

    So thousands of messages of one kind, which one person's upgrade may cause, do not hold up everybody else's.

    The queue is no promise: what waits in it is durable in the inbox, and whoever claims an entry first runs it, be it
    another instance.
    """

    def __init__(self, run: Callable[[str, Entry | None], None], *, slots: int, on_idle: Callable[[], None]) -> None:
        """``on_idle`` is called when the queue has become empty."""
        self._run = run
        self._slots = slots
        self._on_idle = on_idle
        self._changed = threading.Condition()
        self._queues: OrderedDict[str, OrderedDict[str, Entry | None]] = OrderedDict()
        """By route, those whose turn comes first in front; none is empty."""
        self._closed = False
        self._running = 0

    def start(self) -> None:
        """Starts the threads."""
        for number in range(self._slots):
            threading.Thread(target=self._loop, name=f"inbox-worker-{number}", daemon=True).start()

    def offer(self, entry_id: str, known: Entry | None = None) -> None:
        """Runs the entry as soon as a thread is free. Harmless when repeated.

        ``known`` saves the thread from reading the entry. A long queue holds ids alone: envelopes can be large.
        """
        with self._changed:
            queue = self._queues.setdefault(entry_id.partition("#")[0], OrderedDict())
            queue.setdefault(entry_id, known if len(queue) < _REMEMBERED else None)
            self._changed.notify()

    @property
    def waiting(self) -> int:
        """How many entries no thread has taken yet."""
        with self._changed:
            return sum(map(len, self._queues.values()))

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
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queues or self._closed)
                if self._closed:
                    return
                entry_id, known = self._take()
                self._running += 1
                is_idle = not self._queues
            try:
                self._run(entry_id, known)
            except BaseException:
                # Not even `sys.exit` in a handler ends the thread: the lease runs out and a sweep tries again.
                log.exception("worker failed", entry_id=entry_id)
            finally:
                with self._changed:
                    self._running -= 1
                    self._changed.notify_all()
            if is_idle:
                self._on_idle()

    def _take(self) -> tuple[str, Entry | None]:
        route, queue = self._queues.popitem(last=False)
        taken = queue.popitem(last=False)
        if queue:
            self._queues[route] = queue  # behind the others
        return taken
