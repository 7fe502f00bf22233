"""For Flask: from the request to a message, and from an error to the answer."""

from __future__ import annotations

from flask import Request, Response
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from shared.sns_verify.errors import TooLarge, Undecided, VerificationError
from shared.sns_verify.message import MAX_BODY, Message
from shared.sns_verify.verifier import Verifier

RETRY_AFTER_SECONDS = 5
"""What a 503 asks for. SNS keeps to its own delivery policy; proxies and people may read it."""

_CHUNK = 64 * 1024
_SNS_HEADER = "HTTP_X_AMZ_SNS_"


def read_push(request: Request, verifier: Verifier) -> Message:
    """The verified message in the request. Raises `VerificationError`.

    At most `MAX_BODY` bytes and one are read, whether or not the request says how many there are. Content-Type does not
    count: SNS says text/plain, a subscription can ask for another, and neither is signed.
    """
    return verifier.verify(_body(request), _sns_headers(request))


def answer(error: VerificationError) -> Response:
    """The response that SNS gets: the error's sentence in plain text, under its status."""
    response = Response(f"{error}\n", status=error.status, mimetype="text/plain")
    if not error.is_final:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _sns_headers(request: Request) -> dict[str, str]:
    """Those that the verifier looks at, by their names in WSGI: a request has many others."""
    return {
        name[5:].replace("_", "-"): value for name, value in request.environ.items() if name.startswith(_SNS_HEADER)
    }


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
        raise _cut_short() from None
    if left == 0:
        raise _too_large()
    body = b"".join(parts)
    if len(body) < (request.content_length or 0):  # some servers just end the stream then, such as gunicorn
        raise _cut_short()
    return body


def _cut_short() -> Undecided:
    """The network's fault, as far as anybody can tell: whoever still listens shall send it again."""
    return Undecided("cut-short", "The body ended before its announced length.")


def _too_large() -> TooLarge:
    return TooLarge("too-large", f"The body has more than {MAX_BODY} bytes.")
