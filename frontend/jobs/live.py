"""Parts of pages that update themselves: htmx asks for them again and again, and is mostly told that nothing changed.

The part carries its ETag in its own markup (``hx-headers``), so that the request is conditional without any help of
the browser's cache, and 304 reaches htmx, which then leaves the page alone. A part that is final carries no ``hx-get``
and is never asked for again.
"""

from __future__ import annotations

import hashlib

from flask import Response, make_response, render_template, request


def etag(*seen: object) -> str:
    """A tag of whatever the part shows. CSRF tokens differ in every answer and are no part of it."""
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:20]


def part(template: str, tag: str, **context: object) -> Response:
    """304 when the one who asks has this part already, the part otherwise."""
    if tag in request.if_none_match:
        return make_response("", 304)
    response = make_response(render_template(template, etag=tag, **context))
    response.set_etag(tag)
    response.headers["Cache-Control"] = "no-store"
    return response
