"""One attempt over the network, as SNS makes it: no redirect is followed, and 15 s are the end."""

from __future__ import annotations

import contextlib
import functools
import http.client
import socket
import ssl
from urllib.parse import urlsplit

from deploy.local.sns.delivery import Answer, Unreachable
from deploy.local.sns.envelope import Push
from deploy.local.sns.lanes import ThreadTimer

TIMEOUT_SECONDS = 15.0


def post(push: Push, *, seconds: float = TIMEOUT_SECONDS) -> Answer:
    """Posts it. The time is that of the whole attempt: an endpoint that dribbles its answer gains nothing."""
    parts = urlsplit(push.url)
    target = parts.path or "/"
    if parts.query:
        target += f"?{parts.query}"
    if parts.scheme == "https":
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            parts.hostname or "", parts.port, timeout=seconds, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=seconds)
    _watchdog().later(seconds, lambda: _cut(connection))
    try:
        connection.request("POST", target, body=push.body.encode(), headers={**push.headers, "Connection": "close"})
        return connection.getresponse().status
    except TimeoutError:
        return Unreachable(f"no answer within {seconds:.0f} s")
    except (OSError, http.client.HTTPException) as error:
        return Unreachable(f"{type(error).__name__}: {error}")
    finally:
        connection.close()


@functools.cache
def _watchdog() -> ThreadTimer:
    """One for all attempts: a thread for each would be most of an attempt's work."""
    return ThreadTimer()


def _cut(connection: http.client.HTTPConnection) -> None:
    if connection.sock is not None:
        with contextlib.suppress(OSError):  # it ended in the same moment
            connection.sock.shutdown(socket.SHUT_RDWR)
