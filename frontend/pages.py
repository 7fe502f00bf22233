"""The home page and what load balancers ask."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from frontend.access import current_user, services
from shared.core.errors import GasError

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
def home() -> ResponseReturnValue:
    """What GAS does, for visitors; their jobs, for those who are signed in."""
    if current_user() is not None:
        return redirect(url_for("jobs.index"))
    return render_template("home.html")


@blueprint.get("/healthz")
def healthz() -> Response:
    """200 as long as the process answers."""
    return _plain("ok", 200)


@blueprint.get("/readyz")
def readyz() -> Response:
    """200 when pages can be served: the users table answers."""
    try:
        services().users.by_email("readyz@localhost")
    except GasError as error:
        return _plain(str(error), 503)
    return _plain("ready", 200)


def _plain(text: str, status: int) -> Response:
    response = make_response(text + "\n", status)
    response.mimetype = "text/plain"
    return response
