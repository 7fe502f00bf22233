"""How this frontend stands: for the load balancer, which asks, and for Prometheus, which is told.

Prometheus is told here, too, how many dead letters wait for an operator, since the frontend knows every queue. Several
frontends count the same queues.
"""

from __future__ import annotations

import threading

import structlog

from frontend.announcer import Announcer
from frontend.services import Services
from shared import metrics
from shared.core.errors import GasError
from shared.core.health import Check, Checks, reached

log = structlog.get_logger()

WATCH_SECONDS = 15.0
"""As often as Prometheus asks."""


def readiness(services: Services, *, draining: bool) -> Checks:
    """Whether pages can be served: the users table and the bucket of results answer, and the server is not stopping."""
    return {
        "database": reached(lambda: services.users.by_email("readyz@localhost")),
        "bucket": reached(lambda: services.results.size("readyz")),
        "draining": Check(ok=not draining, detail="This server is stopping." if draining else ""),
    }


class Watch:
    """The thread that tells Prometheus."""

    def __init__(self, services: Services, announcer: Announcer) -> None:
        self._services = services
        self._announcer = announcer
        self._stopping = threading.Event()

    def start(self) -> None:
        """Starts the thread; after gunicorn has forked."""
        threading.Thread(target=self._run, name="watch", daemon=True).start()

    def stop(self) -> None:
        """Ends the thread after its present look, for which nobody needs to wait."""
        self._stopping.set()

    def look(self) -> None:
        """One look. Raises `Unavailable` when the dead letters cannot be counted."""
        checks = readiness(self._services, draining=self._announcer.draining)
        metrics.set_ready(all(check.ok for check in checks.values()))
        metrics.dead_letters(self._services.operations.office.counts())

    def _run(self) -> None:
        while True:
            try:
                self.look()
            except GasError as error:
                log.warning("dead letters not counted", error=str(error))
            except Exception:  # the thread must outlive what nobody foresaw; the log has the traceback
                log.exception("watch failed unexpectedly")
            if self._stopping.wait(WATCH_SECONDS):
                return


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
