"""The home page and what load balancers ask."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from frontend.access import current_user
from shared.core.health import Check, Checks, report

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
def home() -> ResponseReturnValue:
    """What GAS does, for visitors; their jobs, for those who are signed in."""
    if current_user() is not None:
        return redirect(url_for("jobs.index"))
    return render_template("home.html")


@blueprint.get("/healthz")
def healthz() -> Response:
    """500 when a thread has ended that should not: a new process is the only remedy."""
    announcer = current_app.extensions["gas"].announcer
    dead = "The thread that announces jobs has ended." if announcer.has_died else ""
    return _checked({"threads": Check(ok=not dead, detail=dead)}, good="alive", bad="failed", bad_status=500)


@blueprint.get("/readyz")
def readyz() -> Response:
    """200 when pages can be served; else 503, and why. Answered from memory, also while AWS hangs."""
    return _checked(current_app.extensions["gas"].watch.readiness, good="ready", bad="not ready", bad_status=503)


def _checked(checks: Checks, *, good: str, bad: str, bad_status: int) -> Response:
    text, ok = report(checks, good=good, bad=bad)
    response = make_response(text, 200 if ok else bad_status)
    response.mimetype = "application/json"
    return response
