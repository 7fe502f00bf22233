"""Every request has an id: in its answer's headers, on error pages, in every log line, and in the jobs it begins.

So an id that somebody copies from a page leads through all servers' logs, to the e-mail at the end.
"""

from __future__ import annotations

import time
import uuid

import structlog
from flask import Flask, Response, g, request

from shared import metrics

log = structlog.get_logger()

QUIET_ENDPOINTS = frozenset({"static", "pages.healthz", "pages.readyz"})
"""Asked for all the time and of no interest while they succeed."""


def request_id() -> str:
    """The present request's id: 32 hexadecimal digits. Made here; what a client sends is not believed."""
    if "request_id" not in g:
        g.request_id = uuid.uuid4().hex
    return str(g.request_id)


def attach(app: Flask) -> None:
    """Gives ids to requests, counts them, and writes one log line about each."""

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()
        structlog.contextvars.clear_contextvars()  # threads serve one request after the other
        structlog.contextvars.bind_contextvars(request_id=request_id())

    @app.after_request
    def end(response: Response) -> Response:
        response.headers["X-Request-Id"] = request_id()
        status = response.status_code
        outcome = "failed" if status >= 500 else "refused" if status >= 400 else "done"
        write = log.debug if request.endpoint in QUIET_ENDPOINTS and outcome == "done" else log.info
        seconds = time.perf_counter() - g.get("began", time.perf_counter())
        write(
            "request",
            method=request.method,
            route=_route(),
            status=status,
            ms=round(seconds * 1000, 1),
            outcome=outcome,
            **_subjects(),
        )
        metrics.request_answered(request.endpoint or "", request.method, status, seconds)
        return response


def _route() -> str:
    """The rule, not the path: paths carry the secrets of links in e-mails."""
    return request.url_rule.rule if request.url_rule else "(none)"


def _subjects() -> dict[str, str]:
    """Whom and what it was about, where known."""
    subjects = {}
    if (user := g.get("user")) is not None:
        subjects["user_id"] = user.user_id
    if job_id := (request.view_args or {}).get("job_id"):
        subjects["job_id"] = str(job_id)[:64]
    return subjects
