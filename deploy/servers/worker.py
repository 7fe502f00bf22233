"""gunicorn's threaded worker, made patient with slow clients only so far, and polite when it is told to go.

gunicorn gives a connection a thread before its first byte is there, and then waits for the rest without end: as many
silent or dripping connections as there are threads would keep everybody else out for good.

And told to stop it stops listening at once, while a load balancer still sends requests here: it learns of the end at its
next check. This worker says at once that it is not ready, and listens until that was noticed.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import selectors
import signal
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from gunicorn.workers.base import Worker
from gunicorn.workers.gthread import TConn, ThreadWorker
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.core.settings import FromEnvironment

FIRST_BYTE_SECONDS = 15.0
"""How long a new connection may stay silent. It costs no thread in that time."""
REQUEST_SECONDS = 20.0
"""How long a request may take to arrive: longer than the 15 s that SNS takes at most, and enough for the largest form
over a slow line. What has not arrived then counts as cut short; an answer that is under way is not disturbed."""
HURRIED_SECONDS, CROWDED = 2.0, 0.75
"""How long it may take to arrive while such a part of the threads is taken: then slow clients make room for others."""
ANSWER_SECONDS = 90.0
"""How long a request may take altogether: a client that does not read its answer keeps a thread as well."""

_reloads = mmap.mmap(-1, 1)
"""How often the master reloaded, as its workers see it, too: the memory is shared, and no reload makes it anew."""


class DrainSettings(FromEnvironment):
    """Settings of a server's end."""

    model_config = SettingsConfigDict(env_prefix="GAS_")

    drain_notice_seconds: int = Field(
        default=0,
        ge=0,
        le=600,
        description="How long a server that was told to stop goes on listening, not ready and answering pushes 503: a "
        "little longer than the load balancer takes to notice.",
    )


def reloaded() -> None:
    """In the master, before it starts workers that take the place of those there are."""
    _reloads[0] = (_reloads[0] + 1) % 256


class PatientWorker(ThreadWorker):
    """Bounds how long a client may keep a thread, and gives notice before it stops listening."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]  # gunicorn has no types
        self._busy: dict[Any, float] = {}
        """Connection → when a thread began to read its present request."""
        self._reload = _reloads[0]
        self._notice = DrainSettings.at_entrance().drain_notice_seconds
        self._leaves_at: float | None = None
        """When it stops listening; monotonic."""

    def handle_exit(self, sig: Any, frame: Any) -> None:  # noqa: ARG002 - gunicorn's signature
        """SIGTERM. Where others listen on the same socket already, there is nobody to be given notice."""
        if self._leaves_at is not None or not self.alive:
            return
        is_replaced = self._reload != _reloads[0]
        self._leaves_at = time.monotonic() + (0 if is_replaced else self._notice)
        if hasattr(self, "wsgi"):
            self.wsgi.extensions["gas"].drain()
        self._leave_in_time()

    def handle_quit(self, sig: Any, frame: Any) -> None:
        """SIGQUIT: at once. gunicorn's own closes the thread pool first, whose lock the main thread may hold in the very
        moment in which the signal interrupts it: it would wait for itself until the master kills it. Python closes the
        pool anyway when the process exits."""
        Worker.handle_quit(self, sig, frame)  # type: ignore[no-untyped-call]  # gunicorn has no types

    def _leave_in_time(self) -> None:
        if self._leaves_at is not None and time.monotonic() >= self._leaves_at:
            super().handle_exit(signal.SIGTERM, None)  # type: ignore[no-untyped-call]  # gunicorn has no types

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
        self._leave_in_time()
        now = time.monotonic()
        is_crowded = len(self._busy) >= self.cfg.threads * CROWDED
        patience = HURRIED_SECONDS if is_crowded else REQUEST_SECONDS
        for connection, began in list(self._busy.items()):
            for seconds, how in ((patience, socket.SHUT_RD), (ANSWER_SECONDS, socket.SHUT_RDWR)):
                if now - began > seconds:
                    with contextlib.suppress(OSError):  # it is gone already
                        connection.sock.shutdown(how)
