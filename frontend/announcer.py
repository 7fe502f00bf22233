"""Publishes again what was queued but, as far as is known, never announced.

A job and its announcement go to two stores, DynamoDB and SNS, and no transaction spans them. So a job carries the mark
`unannounced` from the moment it is queued until its publish succeeded; this sweep looks for marks that are too old.
Announcing twice is harmless: the annotator starts a run once.
"""

from __future__ import annotations

import threading
from datetime import timedelta

import structlog

from frontend.services import Services
from shared.core.errors import GasError
from shared.core.jobs import Job
from shared.core.messages import JobRequested

log = structlog.get_logger()

PATIENCE = timedelta(seconds=10)
"""How old a mark must be: the request that made it may still be about to publish."""
SWEEP_SECONDS = 3.0
"""How often marks are looked for."""


def announce(job: Job, services: Services) -> bool:
    """Publishes `JobRequested` for the job's present run; False when that could not be done now.

    A job left unannounced is no failure: `Announcer` publishes it within seconds, and until then it is queued.
    """
    message = JobRequested(job_id=job.job_id, run=job.run, user_id=job.user_id, request_id=job.request_id)
    with structlog.contextvars.bound_contextvars(job_id=job.job_id, run=job.run, request_id=job.request_id):
        try:
            services.topics.publish(services.job_requests_topic, message.to_json())
            services.jobs.announced(job.job_id, run=job.run)
        except GasError as error:
            log.warning("job not announced yet", error=str(error))
            return False
    return True


class Announcer:
    """The sweep, in a thread of its own. Several frontends may sweep at once."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.draining = False
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the thread; after gunicorn has forked."""
        self._thread = threading.Thread(target=self._run, name="announcer", daemon=True)
        self._thread.start()

    def drain(self) -> None:
        """The frontend is about to stop. It goes on answering, and `/readyz` says so."""
        self.draining = True

    def stop(self, seconds: float) -> None:
        """Ends the thread, and waits for that at most so long."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(seconds)

    @property
    def is_running(self) -> bool:
        """Whether the thread lives."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def has_died(self) -> bool:
        """Whether the thread ended though nobody stopped it."""
        return self._thread is not None and not self._thread.is_alive() and not self._stopping.is_set()

    def sweep(self) -> int:
        """One look; answers how many jobs were announced. Raises `Unavailable` when the jobs cannot be read."""
        overdue = self._services.jobs.unannounced(before=self._services.now() - PATIENCE)
        return sum(announce(job, self._services) for job in overdue)

    def _run(self) -> None:
        while not self._stopping.wait(SWEEP_SECONDS):
            try:
                self.sweep()
            except GasError as error:
                log.warning("sweep for unannounced jobs failed", error=str(error))
            except Exception:  # the thread must outlive what nobody foresaw; the log has the traceback
                log.exception("sweep for unannounced jobs crashed")
