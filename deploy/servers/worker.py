"""gunicorn's threaded worker, made patient with slow clients only so far.

gunicorn gives a connection a thread before its first byte is there, and then waits for the rest without end: as many
silent or dripping connections as there are threads would keep everybody else out for good.
"""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

FIRST_BYTE_SECONDS = 15.0
"""How long a new connection may stay silent. It costs no thread in that time."""
REQUEST_SECONDS = 20.0
"""How long a request may take to arrive: longer than the 15 s that SNS takes at most, and enough for the largest form
over a slow line. What has not arrived then counts as cut short; an answer that is under way is not disturbed."""
ANSWER_SECONDS = 90.0
"""How long a request may take altogether: a client that does not read its answer keeps a thread as well."""


class PatientWorker(ThreadWorker):
    """Bounds how long a client may keep a thread."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]  # gunicorn has no types
        self._busy: dict[Any, float] = {}
        """Connection → when a thread began to read its present request."""

    def accept(self, listener: Any) -> None:
        """As gunicorn's, but a thread is taken when there is something to read."""
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return
        self.nr_conns += 1
        connection: Any = TConn(self.cfg, client, address, listener.getsockname())  # type: ignore[no-untyped-call]  # gunicorn has no types
        connection.timeout = time.monotonic() + FIRST_BYTE_SECONDS
        self.pending_conns.append(connection)
        readable: Callable[[Any], None] = partial(self.on_pending_socket_readable, connection)
        poller: selectors.BaseSelector = self.poller  # type: ignore[assignment]  # gunicorn sets it to None first
        poller.register(client, selectors.EVENT_READ, readable)

    def handle(self, conn: Any) -> Any:
        """In a thread: one request."""
        self._busy[conn] = time.monotonic()
        try:
            return super().handle(conn)  # type: ignore[no-untyped-call]  # gunicorn has no types
        finally:
            del self._busy[conn]

    def murder_pending(self) -> None:
        """Called about once a second by the main loop, which alone closes connections."""
        super().murder_pending()  # type: ignore[no-untyped-call]  # gunicorn has no types
        now = time.monotonic()
        for connection, began in list(self._busy.items()):
            for seconds, how in ((REQUEST_SECONDS, socket.SHUT_RD), (ANSWER_SECONDS, socket.SHUT_RDWR)):
                if now - began > seconds:
                    with contextlib.suppress(OSError):  # it is gone already
                        connection.sock.shutdown(how)
