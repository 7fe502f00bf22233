"""Where a queued job stands in line, and when it is likely to start.

A courtesy: read from the annotator's inbox, a moment old, and left out where that does not answer at once.
"""

from __future__ import annotations

import math
import statistics
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from flask import current_app

from frontend.access import services
from shared.core.errors import GasError
from shared.core.inbox import EntryState, Inbox, Query
from shared.core.jobs import Job, JobState

log = structlog.get_logger()

ROUTE = "job-requests"
FRESH_SECONDS = 2.0
"""How long an answer is shown before the inbox is asked again, counted from when it came."""
REMEMBERED_SECONDS = 60.0
"""How long an answer is shown while the next one does not come."""
PATIENCE_SECONDS = 0.15
"""How long a page waits for it. Until it has come, the answer before is shown."""
AT_ONCE = timedelta(seconds=1)
"""Most jobs start sooner than that, and nobody asks."""
_COUNTED = 500
"""Of a longer line the end is not looked at: whoever stands there reads no number."""
_RECENT = 20
_NAME = "job-queue"


@dataclass(frozen=True)
class Place:
    """A place in line."""

    position: int
    """1 for the next."""
    starts_in: timedelta | None
    """About; None where there is nothing to reckon with."""


@dataclass(frozen=True)
class _Line:
    positions: Mapping[str, int]
    """Inbox entry → its place."""
    running: int
    seconds: float | None
    """How long a job takes."""


@dataclass
class _Asked:
    """About one job."""

    answer: Future[Place | None] = field(default_factory=Future)
    came_at: float | None = None
    """None while it is under way."""
    last: Place | None = None
    """The answer before, and when it came."""
    last_at: float = -math.inf

    def is_younger(self, seconds: float, now: float) -> bool:
        """Whether it is under way, or came less than so many seconds ago."""
        return self.came_at is None or now - self.came_at < seconds


class JobQueue:
    """Answers from any number of requests at once: the inbox is asked by two threads, about each job once in a while."""

    def __init__(
        self,
        inbox: Inbox,
        *,
        patience: float = PATIENCE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inbox = inbox
        self._patience = patience
        self._monotonic = monotonic
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="job-queue")
        self._asking = threading.Lock()
        self._asked: dict[str, _Asked] = {}
        self._reading = threading.Lock()
        self._line: tuple[float, _Line] | None = None
        """When it was read, and what it was."""
        self._seconds: float | None = None
        """How long jobs took when that was last known: in front of a long line, what is done is not always found."""

    def place(self, job_id: str) -> Place | None:
        """None where it is not known: the job is not in line (yet), far behind, or the inbox does not answer."""
        asked = self._ask(job_id)
        try:
            return asked.answer.result(self._patience)
        except TimeoutError:
            return asked.last if self._monotonic() - asked.last_at < REMEMBERED_SECONDS else None
        except GasError as error:
            log.info("place in line not known", job_id=job_id, error=str(error))
            return None

    def _ask(self, job_id: str) -> _Asked:
        now = self._monotonic()
        with self._asking:
            self._asked = {
                key: asked for key, asked in self._asked.items() if asked.is_younger(REMEMBERED_SECONDS, now)
            }
            before = self._asked.get(job_id)
            if before is not None and before.is_younger(FRESH_SECONDS, now):
                return before
            asked = self._asked[job_id] = _Asked()
            if before is not None and before.came_at is not None and before.answer.exception() is None:
                asked.last, asked.last_at = before.answer.result(), before.came_at
            self._pool.submit(self._answer, asked, job_id)
            return asked

    def _answer(self, asked: _Asked, job_id: str) -> None:
        try:
            place = self._find(job_id)
        except Exception as error:  # noqa: BLE001 - raised by whoever waits for the answer
            asked.came_at = self._monotonic()
            asked.answer.set_exception(error)
        else:
            asked.came_at = self._monotonic()
            asked.answer.set_result(place)

    def _find(self, job_id: str) -> Place | None:
        # More than one entry where an announcement was repeated: the first that is started starts the job.
        waiting = Query(routes=(ROUTE,), states=frozenset({EntryState.RECEIVED}), job_id=job_id)
        heads = self._inbox.find(waiting, limit=10).heads
        line = self._present_line()
        positions = [line.positions[head.entry_id] for head in heads if head.entry_id in line.positions]
        if not positions:
            return None
        position = min(positions)
        if line.seconds is None:
            return Place(position, None)
        return Place(position, timedelta(seconds=math.ceil(position / max(1, line.running)) * line.seconds))

    def _present_line(self) -> _Line:
        with self._reading:
            if self._line is None or self._monotonic() - self._line[0] >= FRESH_SECONDS:
                line = self._read_line()
                self._line = self._monotonic(), line
            return self._line[1]

    def _read_line(self) -> _Line:
        line = self._inbox.line(ROUTE, limit=_COUNTED)
        done = Query(routes=(ROUTE,), states=frozenset({EntryState.DONE}))
        took = [
            (head.finished_at - head.started_at).total_seconds()
            for head in self._inbox.find(done, limit=_RECENT).heads
            if head.started_at is not None and head.finished_at is not None
        ]
        if took:
            self._seconds = statistics.median(took)
        positions = {waiting.entry_id: number for number, waiting in enumerate(line.waiting, start=1)}
        return _Line(positions, line.running, self._seconds)


def place_of(job: Job) -> Place | None:
    """Where the job stands in line, if it has stood there for a while."""
    if job.state is not JobState.QUEUED or job.queued_at is None or services().now() - job.queued_at < AT_ONCE:
        return None
    queue = current_app.extensions.get(_NAME)
    if queue is None:
        queue = current_app.extensions.setdefault(_NAME, JobQueue(services().inbox))
    place: Place | None = queue.place(job.job_id)
    return place
