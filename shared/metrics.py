"""What Prometheus is told about this process: every metric of GAS, and the few functions that set them.

Names, labels and units follow Prometheus's conventions: seconds, `_total` for what only grows. Label values are words
of this code (routes, outcomes, endpoints), never anything that a sender chose: each value is a time series for ever.

Under gunicorn each process writes to files of its own and the master sums them up (`deploy.servers.metrics`). Elsewhere,
as in commands and tests, the numbers stay in memory. Setting one never raises what an operator would have to mend.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from prometheus_client import Counter, Gauge, Histogram

from shared.core.errors import Permanent
from shared.core.inbox import Attempt, Entry

_QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15)
"""Seconds in which somebody waits for an answer; SNS waits 15."""
_SLOW = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 10800)
"""Seconds of work, and of waiting for it."""

PUSHES = Counter("gas_pushes_total", "Pushes of SNS, by what became of them.", ["route", "outcome"])
PUSH_SECONDS = Histogram("gas_push_seconds", "How long a push took to be answered.", ["route"], buckets=_QUICK)
MESSAGES = Counter("gas_messages_total", "Attempts to handle a message that ended, by outcome.", ["route", "outcome"])
MESSAGE_WAIT_SECONDS = Histogram(
    "gas_message_wait_seconds", "From a message's acceptance to its first attempt.", ["route"], buckets=_SLOW
)
MESSAGE_WORK_SECONDS = Histogram(
    "gas_message_work_seconds", "How long a handler ran, each attempt.", ["route"], buckets=_SLOW
)
# A server's processes count the same entries: the latest count is the best.
BACKLOG = Gauge("gas_backlog", "Accepted messages that are not finished.", multiprocess_mode="livemostrecent")
BACKLOG_BOUND = Gauge(
    "gas_backlog_bound", "The backlog at which pushes are answered 503.", multiprocess_mode="livemostrecent"
)
WORKER_SLOTS = Gauge("gas_worker_slots", "Messages that can be handled at once.", multiprocess_mode="livesum")
WORKER_BUSY = Gauge("gas_worker_busy", "Messages that are being handled.", multiprocess_mode="livesum")
READY = Gauge("gas_ready", "1 while every process of this server is ready.", multiprocess_mode="livemin")
DEAD_LETTERS = Gauge(
    "gas_dead_letters", "Dead letters that wait for an operator.", ["queue"], multiprocess_mode="livemostrecent"
)
HTTP_REQUESTS = Counter("gas_http_requests_total", "Requests to the pages.", ["endpoint", "method", "status"])
HTTP_REQUEST_SECONDS = Histogram(
    "gas_http_request_seconds", "How long a page took to be made.", ["endpoint"], buckets=_QUICK
)
JOBS = Counter("gas_jobs_total", "Jobs that reached their end in the annotator, by outcome.", ["outcome"])
JOB_SECONDS = Histogram(
    "gas_job_seconds", "How long the attempt that completed a job took, download to upload.", buckets=_SLOW
)
MAILS = Counter("gas_mails_total", "E-mails handed to SES, by kind and by what SES said.", ["kind", "outcome"])

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def push_answered(route: str, outcome: str, seconds: float) -> None:
    """A push was answered. ``outcome``: `Receipt`, the reason of a `VerificationError`, or a word of like kind."""
    PUSHES.labels(route, outcome).inc()
    PUSH_SECONDS.labels(route).observe(seconds)


def attempt_started(entry: Entry) -> None:
    """The handler of the claimed ``entry`` is about to be called. Counts the wait of a message's first attempt alone:
    what later ones wait for is the retry's delay, or an operator."""
    if entry.fence == 1 and entry.claimed_at is not None:
        waited = entry.claimed_at - entry.accepted_at
        MESSAGE_WAIT_SECONDS.labels(entry.route).observe(max(0.0, waited.total_seconds()))


def attempt_ended(route: str, attempt: Attempt) -> None:
    """An attempt ended and this is stored: the last of `Entry.history`."""
    MESSAGES.labels(route, attempt.outcome.value).inc()
    if attempt.started_at is not None:
        MESSAGE_WORK_SECONDS.labels(route).observe(max(0.0, (attempt.ended_at - attempt.started_at).total_seconds()))


def set_ready(ready: bool) -> None:
    """Whether this process is ready. For servers without an inbox; `server_state` says it, too."""
    READY.set(ready)


def server_state(*, ready: bool, backlog: int, bound: int, slots: int, busy: int) -> None:
    """How a hook server's process stands. Called every few seconds, also while AWS is away."""
    READY.set(ready)
    BACKLOG.set(backlog)
    BACKLOG_BOUND.set(bound)
    WORKER_SLOTS.set(slots)
    WORKER_BUSY.set(busy)


def dead_letters(counts: Mapping[str, int]) -> None:
    """Channel → about how many dead letters it has."""
    for queue, count in counts.items():
        DEAD_LETTERS.labels(queue).set(count)


def request_answered(endpoint: str, method: str, status: int, seconds: float) -> None:
    """A page was answered. ``endpoint``: Flask's name of it; empty where no page was asked for."""
    endpoint = endpoint or "(none)"
    HTTP_REQUESTS.labels(endpoint, method if method in _METHODS else "(other)", str(status)).inc()
    HTTP_REQUEST_SECONDS.labels(endpoint).observe(seconds)


def job_ended(outcome: str, took: timedelta | None = None) -> None:
    """A job reached its end. ``outcome``: ``completed``, ``rejected`` (its file's fault) or ``failed`` (ours)."""
    JOBS.labels(outcome).inc()
    if took is not None:
        JOB_SECONDS.observe(took.total_seconds())


@contextmanager
def sending_mail(kind: str) -> Iterator[None]:
    """Around the call that hands an e-mail to SES: ``sent``; ``refused``, for good; or ``failed``."""
    try:
        yield
    except Permanent:
        MAILS.labels(kind, "refused").inc()
        raise
    except Exception:
        MAILS.labels(kind, "failed").inc()
        raise
    MAILS.labels(kind, "sent").inc()
