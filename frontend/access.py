"""Who is asking: sessions, and what only a signed-in person may see.

A session is a signed cookie with the user's id and the session epoch at which they signed in. It ends when they sign
out, when their epoch rises (a new password, "sign out everywhere"), after `IDLE` without a request, or after `ABSOLUTE`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from datetime import timedelta
from typing import ParamSpec, TypeVar

from flask import Flask, Response, abort, current_app, g, make_response, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response as AnyResponse

from frontend.services import Services
from frontend.settings import FrontendSettings
from shared.core.clock import from_millis, to_millis
from shared.core.errors import GasError, NotFound
from shared.core.users import User

P = ParamSpec("P")
R = TypeVar("R")

ABSOLUTE = timedelta(days=14)
"""How long a session lives at most."""
IDLE = timedelta(days=2)
"""How long a session lives without a request."""
_SEEN_EVERY = timedelta(minutes=10)
"""How often the cookie is renewed while somebody works."""
_LOCAL_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
"""One slash, then printable ASCII without a backslash: browsers read ``//`` and ``/\\`` as another host."""


def attach(app: Flask, settings: FrontendSettings, services: Services) -> None:
    """Makes settings and services known to the app's views, and the viewer to its templates."""
    app.extensions["gas_settings"] = settings
    app.extensions["gas_services"] = services
    app.config["PERMANENT_SESSION_LIFETIME"] = ABSOLUTE
    app.config["SESSION_REFRESH_EACH_REQUEST"] = False
    app.context_processor(lambda: {"viewer": _viewer, "settings": settings})


def services() -> Services:
    """The app's services."""
    found: Services = current_app.extensions["gas_services"]
    return found


def settings() -> FrontendSettings:
    """The app's settings."""
    found: FrontendSettings = current_app.extensions["gas_settings"]
    return found


def current_user() -> User | None:
    """Who is signed in, read once a request. Raises `Unavailable` when that cannot be known."""
    if "user" not in g:
        g.user = _session_user()
    user: User | None = g.user
    return user


def signed_in_user() -> User:
    """As `current_user`, in views under `sign_in_required`; 401 elsewhere."""
    return current_user() or abort(401)


def sign_in(user: User) -> None:
    """Begins a new session; whatever the cookie held before is gone, the CSRF token included."""
    session.clear()
    now = to_millis(services().now())
    session.permanent = True
    session.update(user_id=user.user_id, epoch=user.session_epoch, since=now, seen=now)
    g.user = user


def sign_out() -> None:
    """Ends this browser's session."""
    session.clear()
    g.user = None


def sign_in_required(view: Callable[P, R]) -> Callable[P, R | ResponseReturnValue]:
    """The view is for signed-in people: others are sent to sign in, and back afterwards."""

    @functools.wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R | ResponseReturnValue:
        if current_user() is None:
            return _to_sign_in()
        return view(*args, **kwargs)

    return guarded


def safe_next(target: str | None) -> str | None:
    """``target`` if it is a path of this site, None otherwise: a link to us must not lead to another's page."""
    return target if target and len(target) <= 2000 and _LOCAL_PATH.fullmatch(target) else None


def is_fragment_request() -> bool:
    """Whether htmx asks for a part of a page."""
    return request.headers.get("HX-Request") == "true" and "HX-Boosted" not in request.headers


def _session_user() -> User | None:
    user_id, epoch, since, seen = (session.get(key) for key in ("user_id", "epoch", "since", "seen"))
    if not isinstance(user_id, str) or not isinstance(since, int) or not isinstance(seen, int):
        return None
    now = services().now()
    if now - from_millis(since) > ABSOLUTE or now - from_millis(seen) > IDLE:
        session.clear()
        return None
    try:
        user = services().users.get(user_id)
    except NotFound:
        user = None
    if user is None or user.session_epoch != epoch:
        session.clear()
        return None
    if now - from_millis(seen) > _SEEN_EVERY:
        session["seen"] = to_millis(now)
    return user


def _viewer() -> User | None:
    """`current_user` for the layout: an error page must not fail for the reason it tells of."""
    try:
        return current_user()
    except GasError:
        return None


def _is_read_by_a_script() -> bool:
    """As the genome view reads files: a page that asks to sign in would be taken for a file without variants."""
    return request.headers.get("Sec-Fetch-Dest") == "empty" or "Range" in request.headers


def _to_sign_in() -> AnyResponse:
    if is_fragment_request():
        response: Response = make_response("", 401)
        response.headers["HX-Redirect"] = url_for("accounts.sign_in")
        return response
    if request.accept_mimetypes.best == "application/json" or _is_read_by_a_script():
        abort(401)
    if request.method == "GET":
        return redirect(url_for("accounts.sign_in", next=safe_next(request.full_path.rstrip("?"))))
    return redirect(url_for("accounts.sign_in"), 303)
