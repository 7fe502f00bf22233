"""For Flask: from the request to a message, and from an error to the answer."""

from __future__ import annotations

from flask import Request, Response
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from shared.sns_verify.errors import Malformed, TooLarge, VerificationError
from shared.sns_verify.message import MAX_BODY, Message
from shared.sns_verify.verifier import Verifier

RETRY_AFTER_SECONDS = 5
"""What a 503 asks for. SNS keeps to its own delivery policy; proxies and people may read it."""

_CHUNK = 64 * 1024


def read_push(request: Request, verifier: Verifier) -> Message:
    """The verified message in the request. Raises `VerificationError`.

    At most `MAX_BODY` bytes and one are read, whether or not the request says how many there are. Content-Type does not
    count: SNS says text/plain, a subscription can ask for another, and neither is signed.
    """
    return verifier.verify(_body(request), dict(request.headers.items()))


def answer(error: VerificationError) -> Response:
    """The response that SNS gets: the error's sentence in plain text, under its status."""
    response = Response(f"{error}\n", status=error.status, mimetype="text/plain")
    if not error.is_final:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _body(request: Request) -> bytes:
    if (request.content_length or 0) > MAX_BODY:
        raise _too_large()
    parts: list[bytes] = []
    left = MAX_BODY + 1
    try:
        while part := request.stream.read(min(left, _CHUNK)):
            parts.append(part)
            left -= len(part)
    except RequestEntityTooLarge:  # the application's own bound is smaller
        raise TooLarge("too-large", "The body has more bytes than this application takes.") from None
    except (ClientDisconnected, OSError):
        raise Malformed("cut-short", "The body ended before its announced length.") from None
    if left == 0:
        raise _too_large()
    return b"".join(parts)


def _too_large() -> TooLarge:
    return TooLarge("too-large", f"The body has more than {MAX_BODY} bytes.")
