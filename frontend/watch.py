"""How this frontend stands: for the load balancer, which asks, and for Prometheus, which is told.

Prometheus is told here, too, how many dead letters wait for an operator, since the frontend knows every queue. Several
frontends count the same queues.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

import structlog

from frontend.announcer import Announcer
from frontend.services import Services
from shared import metrics
from shared.core.errors import GasError
from shared.core.health import Check, Checks
from shared.inbox.reach import Reach

log = structlog.get_logger()

PROBE_SECONDS = 5.0
"""Between two looks at what the pages need, and as often Prometheus is told what came of them."""
PATIENCE_SECONDS = 15.0
"""How long what the pages need may not answer before no more visitors should be sent here."""
COUNT_SECONDS = 15.0
"""Between two counts of the dead letters: as often as Prometheus asks."""


class Watch:
    """Looks at what the pages need, again and again, so that whoever asks is answered from memory.

    Each thing has a thread of its own: one that hangs keeps no other from being looked at, nor this server from saying
    that it hangs.
    """

    def __init__(
        self, services: Services, announcer: Announcer, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._services = services
        self._announcer = announcer
        self._reach = {name: Reach(PATIENCE_SECONDS, monotonic) for name in services.probes}
        self._stopping = threading.Event()

    @property
    def readiness(self) -> Checks:
        """Whether pages can be served: what they need answered lately, and the server is not stopping."""
        draining = self._announcer.draining
        return {
            **{name: reach.check for name, reach in self._reach.items()},
            "draining": Check(ok=not draining, detail="This server is stopping." if draining else ""),
        }

    def start(self) -> None:
        """Starts the threads; after gunicorn has forked."""
        for name in self._reach:
            self._repeat(f"look at the {name}", partial(self.probe, name), PROBE_SECONDS)
        self._repeat("report", self.report, PROBE_SECONDS)
        self._repeat("count of dead letters", self.count, COUNT_SECONDS)

    def stop(self) -> None:
        """Ends each thread after what it does at present, for which nobody needs to wait."""
        self._stopping.set()

    def probe(self, name: str) -> None:
        """One look at one thing. Raises what its probe raises."""
        try:
            self._reach[name].ask(self._services.probes[name])
        finally:
            self.report()

    def report(self) -> None:
        """Tells Prometheus whether this server is ready."""
        metrics.set_ready(all(check.ok for check in self.readiness.values()))

    def count(self) -> None:
        """Tells Prometheus how many dead letters there are. Raises `Unavailable` when they cannot be counted."""
        metrics.dead_letters(self._services.operations.office.counts())

    def _repeat(self, what: str, act: Callable[[], None], seconds: float) -> None:
        def run() -> None:
            while True:
                try:
                    act()
                except GasError as error:
                    log.warning(f"{what} failed", error=str(error))
                except Exception:  # the thread must outlive what nobody foresaw; the log has the traceback
                    log.exception(f"{what} failed unexpectedly")
                if self._stopping.wait(seconds):
                    return

        threading.Thread(target=run, name=f"watch: {what}", daemon=True).start()


class Threads:
    """What runs beside the pages."""

    def __init__(self, services: Services) -> None:
        self.announcer = Announcer(services)
        self.watch = Watch(services, self.announcer)

    def start(self) -> None:
        """After gunicorn has forked."""
        self.announcer.start()
        self.watch.start()

    def drain(self) -> None:
        """The frontend is about to stop. It goes on answering, and `/readyz` says so."""
        self.announcer.drain()

    def stop(self, seconds: float) -> None:
        """Ends what runs, and waits for that at most so long."""
        self.watch.stop()
        self.announcer.stop(seconds)
