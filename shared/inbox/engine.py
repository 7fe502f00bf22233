"""Everything behind the endpoints that runs in threads: workers, heartbeat, sweep, watch, and subscribing."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from shared import metrics
from shared.core.clock import Clock
from shared.core.errors import GasError
from shared.core.health import Check, Checks
from shared.core.inbox import Entry, Inbox, Pause
from shared.core.load import Load
from shared.core.ports import DeadLetters, Topics
from shared.core.settings import HookSettings
from shared.inbox import sweeper
from shared.inbox.attempts import Attempts
from shared.inbox.backlog import Backlog
from shared.inbox.leases import Leases
from shared.inbox.reach import Reach
from shared.inbox.route import Route
from shared.inbox.sweeper import Sweeper
from shared.inbox.workers import Workers

log = structlog.get_logger()

LAST_SECONDS = 2.0
"""How long handlers that were told to stop may take for it before their leases are given back over their heads."""
READY_SECONDS = 30.0
"""How long after DynamoDB or S3 should have answered a server still counts as ready: a sweep that DynamoDB does not
answer may take ten seconds for each of its queries, and is no reason yet to take the server out of service."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds between attempts to subscribe; doubling."""
PUBLISH_SECONDS = 60.0
"""How often the load is published: Auto Scaling sums over minutes."""


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
        bucket: Callable[[], object] | None = None,
        publish: Callable[[Load], object] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``bucket`` asks S3 for next to nothing, and raises `GasError` when it does not answer. ``publish`` is told the
        load once a minute, and raises `GasError` likewise."""
        self.backlog = Backlog(settings.max_backlog)
        self.draining = False
        self._settings = settings
        self._routes = routes
        self._inbox = inbox
        self._topics = topics
        self._bucket = bucket
        self._publish = publish
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
        patience = settings.sweep_seconds + READY_SECONDS
        self._database_reach, self._bucket_reach = Reach(patience, monotonic), Reach(patience, monotonic)
        self._pauses: Mapping[str, Pause] = {}
        self._more = False
        self._monotonic = monotonic
        self._sweep_at = monotonic()
        self._nudge = threading.Event()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def is_ready(self) -> bool:
        """Whether this server should get pushes."""
        return all(check.ok for check in self.readiness.values())

    @property
    def readiness(self) -> Checks:
        """Not while stopping, and only while the inbox and the bucket are reached and every thread lives.

        A full backlog is told, and makes no server unready: as it is full for all of them, a load balancer would take
        each out of service. Pauses are told for the same reason.
        """
        workers, backlog = self._workers, self.backlog
        numbers = {"slots": workers.slots, "busy": workers.busy, "waiting": workers.waiting}
        is_full = "Too many messages wait: pushes are answered 503." if backlog.is_full else ""
        return {
            "database": self._database_reach.check,
            **({"bucket": self._bucket_reach.check} if self._bucket is not None else {}),
            "workers": Check(ok=self.liveness["threads"].ok, numbers=numbers),
            "backlog": Check(
                ok=True, detail=is_full, numbers={"unfinished": backlog.unfinished, "bound": backlog.bound}
            ),
            "pauses": Check(ok=True, detail=_paused(self._pauses)),
            "draining": Check(ok=not self.draining, detail="This server is stopping." if self.draining else ""),
        }

    @property
    def liveness(self) -> Checks:
        """Whether every thread lives that should. None ends by itself; should one, a new process is the only remedy."""
        dead = self._workers.dead
        if not self.draining:
            dead = dead + [thread.name for thread in self._threads if not thread.is_alive()]
        return {"threads": Check(ok=not dead, detail=f"These threads have ended: {', '.join(dead)}." if dead else "")}

    def pause_of(self, route: str) -> Pause | None:
        """Who stopped the pushes of this route, if anybody did, as of the latest sweep."""
        return self._pauses.get(route)

    def offer(self, entry: Entry) -> None:
        """Starts an accepted entry at once, if a slot is free and it is its owner's turn."""
        self._workers.offer(entry.entry_id, entry.about.user_id, entry)

    def start(self) -> None:
        """Starts the threads, and returns at once. Called after a fork: a fork does not copy threads."""
        self._workers.start()
        self._threads = [
            _thread("inbox-sweep", self._sweep),
            _thread("inbox-heartbeat", self._beat),
            _thread("inbox-report", self._report),
        ]
        if self._bucket is not None:
            self._threads.append(_thread("inbox-bucket", self._watch_bucket))
        if self._publish is not None:
            self._threads.append(_thread("inbox-load", partial(self._publish_load, self._publish)))
        if self._settings.subscribe_at_start:
            _thread("inbox-subscribe", self._subscribe)

    def drain(self) -> None:
        """Takes no more pushes and starts nothing more; what runs goes on. Harmless when repeated."""
        self.draining = True
        self._workers.close()
        self._nudge.set()

    def stop(self, seconds: float) -> None:
        """Starts nothing more, lets what runs go on for so many seconds, and gives the rest back.

        What is given back is free at once for other instances. What waits in the queue is in the inbox anyway.
        """
        self.drain()
        if not self._workers.wait_until_still(seconds):
            self._leases.lose_all()
            if not self._workers.wait_until_still(LAST_SECONDS):
                for entry in self._leases.held():
                    released = entry.released(self._now())
                    try:
                        self._inbox.settle(entry, released)
                    except GasError as error:
                        log.warning("not given back", entry_id=entry.entry_id, error=str(error))
                    else:
                        metrics.attempt_ended(entry.route, released.history[-1])
        self._stopped.set()

    def _sweep(self) -> None:
        while not self.draining:
            _survive("sweep", partial(self._database_reach.ask, self._sweep_once))
            if self._nudge.wait(self._settings.sweep_seconds):
                self._nudge.clear()
                self._sweep_at = self._monotonic()

    def _sweep_once(self) -> None:
        """The pauses at every beat: that is one small item."""
        self._pauses = self._inbox.pauses()
        now = self._monotonic()
        if now >= self._sweep_at:
            self._more = self._sweeper.sweep()
            self._sweep_at = now + sweeper.pause(self._settings.sweep_seconds, self.backlog.unfinished)

    def _on_idle(self) -> None:
        if self._more:  # arrears: the next page at once, not at the next beat of the sweep
            self._nudge.set()

    def _watch_bucket(self) -> None:
        """In a thread of its own: S3 may take a minute not to answer, and nothing else should wait for that."""
        while self._bucket is not None:
            _survive("look at the bucket", partial(self._bucket_reach.ask, self._bucket))
            if self._stopped.wait(self._settings.sweep_seconds):
                return

    def _report(self) -> None:
        """In a thread of its own, too: it tells that AWS is away."""
        while True:
            _survive("report", self._report_once)
            if self._stopped.wait(self._settings.sweep_seconds):
                return

    def _report_once(self) -> None:
        metrics.server_state(
            ready=self.is_ready,
            backlog=self.backlog.unfinished,
            bound=self.backlog.bound,
            slots=self._workers.slots,
            busy=self._workers.busy,
        )

    def _publish_load(self, publish: Callable[[Load], object]) -> None:
        """Not before the backlog was counted, nor while the count is old. A server that stops has no slots any more."""
        pause = FIRST_PAUSE
        while not self._stopped.wait(pause) and not self.draining:
            pause = FIRST_PAUSE
            if self._database_reach.check.ok:
                load = Load(backlog=self.backlog.unfinished, slots=self._workers.slots, busy=self._workers.busy)
                _survive("publish the load", partial(publish, load))
                pause = PUBLISH_SECONDS

    def _beat(self) -> None:
        while not self._stopped.wait(self._settings.lease_seconds / 3):
            _survive("heartbeat", self._leases.beat)

    def _subscribe(self) -> None:
        """Until every route is: SNS may be away, the stack not complete, or this server not reached by SNS yet.

        A confirmation that did not arrive within SNS's own few tries is asked for again.
        """
        waiting, pause = list(self._routes), FIRST_PAUSE
        while waiting := [route for route in waiting if not self._is_subscribed(route)]:
            if self._stopped.wait(pause):
                return
            pause = min(pause * 2, LONGEST_PAUSE)

    def _is_subscribed(self, route: Route[Any]) -> bool:
        endpoint = f"{self._settings.hook_url}/hooks/{route.name}"
        try:
            is_confirmed = self._topics.subscribe(route.topic_arn, endpoint, dead_letters=route.dead_letters)
        except GasError as error:
            log.warning("not subscribed yet", route=route.name, error=str(error))
            return False
        except Exception:
            log.exception("subscribing failed unexpectedly", route=route.name)
            return False
        log.info("subscribed" if is_confirmed else "waiting for confirmation", route=route.name, endpoint=endpoint)
        return is_confirmed


def _survive(what: str, act: Callable[[], object]) -> None:
    """Once, in a loop that must go on whatever comes: it is what recovers everything else."""
    try:
        act()
    except GasError as error:
        log.warning(f"{what} failed", error=str(error))
    except Exception:
        log.exception(f"{what} failed unexpectedly")


def _paused(pauses: Mapping[str, Pause]) -> str:
    return f"Operators paused {', '.join(sorted(pauses))}." if pauses else ""  # who and why is for operators alone


def _thread(name: str, loop: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=loop, name=name, daemon=True)
    thread.start()
    return thread
