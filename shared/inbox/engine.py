"""Everything behind the endpoints that runs in threads: workers, heartbeat, sweep, and subscribing."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import structlog

from shared.core.clock import Clock
from shared.core.errors import GasError
from shared.core.inbox import Entry, Inbox
from shared.core.ports import DeadLetters, Topics
from shared.core.settings import HookSettings
from shared.inbox.attempts import Attempts
from shared.inbox.backlog import Backlog
from shared.inbox.leases import Leases
from shared.inbox.route import Route
from shared.inbox.sweeper import Sweeper
from shared.inbox.workers import Workers

log = structlog.get_logger()

LAST_SECONDS = 2.0
"""How long handlers that were told to stop may take for it before their leases are given back over their heads."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds between attempts to subscribe; doubling."""


class Engine:
    """One for each process."""

    def __init__(
        self,
        settings: HookSettings,
        routes: Sequence[Route[Any]],
        *,
        inbox: Inbox,
        topics: Topics,
        dead_letters: DeadLetters,
        now: Clock,
    ) -> None:
        self.backlog = Backlog(settings.max_backlog)
        self.draining = False
        self._settings = settings
        self._routes = routes
        self._inbox = inbox
        self._topics = topics
        self._now = now
        self._leases = Leases(inbox, length=timedelta(seconds=settings.lease_seconds), now=now)
        attempts = Attempts(
            inbox,
            dead_letters,
            {route.name: route for route in routes},
            self._leases,
            self.backlog,
            holder=f"{socket.gethostname()}:{os.getpid()}",
            max_attempts=settings.max_attempts,
            now=now,
        )
        self._workers = Workers(attempts.run, slots=settings.worker_slots, on_idle=self._on_idle)
        self._sweeper = Sweeper(
            inbox, [route.name for route in routes], self.backlog, offer=self._workers.offer, now=now
        )
        self._has_swept = False
        self._more = False
        self._nudge = threading.Event()
        self._stopped = threading.Event()

    @property
    def is_ready(self) -> bool:
        """Whether pushes are taken: not while stopping, and not before the inbox was reached once."""
        return self._has_swept and not self.draining

    def offer(self, entry: Entry) -> None:
        """Starts an accepted entry at once, if a slot is free."""
        self._workers.offer(entry.entry_id, entry)

    def start(self) -> None:
        """Starts the threads, and returns at once. Called after a fork: a fork does not copy threads."""
        self._workers.start()
        _thread("inbox-sweep", self._sweep)
        _thread("inbox-heartbeat", self._beat)
        if self._settings.subscribe_at_start:
            _thread("inbox-subscribe", self._subscribe)

    def stop(self, seconds: float) -> None:
        """Starts nothing more, lets what runs go on for so many seconds, and gives the rest back.

        What is given back is free at once for other instances. What waits in the queue is in the inbox anyway.
        """
        self.draining = True
        self._workers.close()
        if not self._workers.wait_until_still(seconds):
            self._leases.lose_all()
            if not self._workers.wait_until_still(LAST_SECONDS):
                for entry in self._leases.held():
                    try:
                        self._inbox.settle(entry, entry.released(self._now()))
                    except GasError as error:
                        log.warning("not given back", entry_id=entry.entry_id, error=str(error))
        self._stopped.set()
        self._nudge.set()

    def _sweep(self) -> None:
        while not self.draining:
            self._nudge.clear()
            try:
                self._more = self._sweeper.sweep()
                self._has_swept = True
            except GasError as error:
                log.warning("sweep failed", error=str(error))
            except Exception:
                log.exception("sweep failed unexpectedly")  # and must go on: it is what recovers everything else
            self._nudge.wait(self._settings.sweep_seconds)

    def _on_idle(self) -> None:
        if self._more:  # arrears: the next page at once, not at the next beat of the sweep
            self._nudge.set()

    def _beat(self) -> None:
        while not self._stopped.wait(self._settings.lease_seconds / 3):
            try:
                self._leases.beat()
            except Exception:
                log.exception("heartbeat failed unexpectedly")

    def _subscribe(self) -> None:
        """Until it is done: SNS may be away, or the stack not complete."""
        for route in self._routes:
            endpoint = f"{self._settings.hook_url}/hooks/{route.name}"
            pause = FIRST_PAUSE
            while True:
                try:
                    self._topics.subscribe(route.topic_arn, endpoint, dead_letters=route.dead_letters)
                except GasError as error:
                    log.warning("not subscribed yet", route=route.name, error=str(error))
                except Exception:
                    log.exception("subscribing failed unexpectedly", route=route.name)
                else:
                    log.info("subscribed", route=route.name, endpoint=endpoint)
                    break
                if self._stopped.wait(pause):
                    return
                pause = min(pause * 2, LONGEST_PAUSE)


def _thread(name: str, loop: Callable[[], None]) -> None:
    threading.Thread(target=loop, name=name, daemon=True).start()
