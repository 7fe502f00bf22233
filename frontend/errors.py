"""The one place where a failure becomes an answer: a page, a fragment for htmx, or JSON for a script.

Each says what is wrong in a clear sentence, offers a way out, and shows the request's id to copy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog
from flask import Flask, Response, jsonify, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from frontend import tracing
from frontend.access import is_fragment_request
from frontend.limits import TooMany
from shared.core.errors import ConfigurationError, Conflict, GasError, NotFound, Permanent, Retryable, TooLarge

log = structlog.get_logger()


@dataclass(frozen=True)
class Trouble:
    """What a person is told."""

    status: int
    title: str
    sentence: str
    hint: str
    retry: timedelta | None = None
    """When trying again makes sense, where that is known."""

    @property
    def retry_here(self) -> bool:
        """Whether the same address may well answer soon."""
        return self.status in {500, 503}


TROUBLES = {
    trouble.status: trouble
    for trouble in (
        Trouble(
            400, "That did not work", "Your browser sent something that we could not read.", "Go back and try again."
        ),
        Trouble(401, "Please sign in", "This is only for people who are signed in.", "Sign in and come back."),
        Trouble(403, "Not yours to see", "You are not allowed to do this.", "Sign in with the account it belongs to."),
        Trouble(
            404,
            "Nothing here",
            "There is no such page, or it belongs to somebody else.",
            "Check the address, or look for it in the list of your jobs.",
        ),
        Trouble(405, "That is not possible here", "This address does not do what was asked.", "Go back and try again."),
        Trouble(
            409, "Somebody was quicker", "This has changed in the meantime.", "Reload the page to see how it stands."
        ),
        Trouble(413, "That is too large", "What you sent is larger than we accept.", "Upload it as a file instead."),
        Trouble(429, "A little slower, please", "There were too many attempts.", "Try again later."),
        Trouble(
            500,
            "This is our fault",
            "Something broke on our side, and we have a record of it.",
            "Try again. If it happens again, tell us the id below.",
        ),
        Trouble(
            503,
            "Not available just now",
            "Something that we depend on does not answer. Your data is safe.",
            "Try again in a minute.",
        ),
    )
}

STALE_FORM = Trouble(
    400,
    "This form is too old",
    "The page was open for so long that its form has expired, or your browser refuses our cookie.",
    "Go back, reload the page, and send the form again.",
)


def attach(app: Flask) -> None:
    """Answers for every error that a view lets go."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(GasError, _gas)
    app.register_error_handler(Exception, _unforeseen)


def _http(error: HTTPException) -> Response | HTTPException:
    if error.code is None or error.code < 400:
        return error  # a redirect
    if isinstance(error, CSRFError):
        return _answer(STALE_FORM)
    response = _answer(TROUBLES.get(error.code) or replace(TROUBLES[400], status=error.code))
    for name, value in error.get_headers():
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = value
    return response


def _gas(error: GasError) -> Response:
    match error:
        case TooMany():
            return _answer(_too_many(error))
        case Retryable():
            log.warning("unavailable", error=str(error))
            return _answer(replace(TROUBLES[503], retry=error.after or timedelta(seconds=30)))
        case NotFound():
            return _answer(TROUBLES[404])
        case TooLarge():
            return _answer(replace(TROUBLES[413], sentence=str(error), hint="Then try it once more."))
        case Conflict():
            return _answer(replace(TROUBLES[409], sentence=str(error)))
        case Permanent() if not isinstance(error, ConfigurationError):
            return _answer(replace(TROUBLES[400], sentence=str(error)))
        case _:
            return _unforeseen(error)


def _unforeseen(error: Exception) -> Response:
    log.error("unforeseen error", exc_info=error)
    return _answer(TROUBLES[500])


def _too_many(error: TooMany) -> Trouble:
    after = error.after or timedelta(minutes=1)
    minutes = math.ceil(after / timedelta(minutes=1))
    when = "in a minute" if minutes == 1 else f"in {minutes} minutes"
    return replace(TROUBLES[429], sentence=str(error), hint=f"Try again {when}.", retry=after)


def _answer(trouble: Trouble) -> Response:
    if request.accept_mimetypes.best == "application/json":
        body = {"error": trouble.sentence, "hint": trouble.hint, "request_id": tracing.request_id()}
        response = make_response(jsonify(body), trouble.status)
    else:
        template = "error_fragment.html" if is_fragment_request() else "error.html"
        page = render_template(template, trouble=trouble, request_id=tracing.request_id())
        response = make_response(page, trouble.status)
    if trouble.retry is not None:
        response.headers["Retry-After"] = str(math.ceil(trouble.retry.total_seconds()))
    return response
