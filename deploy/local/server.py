"""The local cloud's HTTP server: werkzeug's threaded one, made to keep connections open.

werkzeug closes the connection after every answer, and its unbuffered writes meet Nagle's algorithm: each call of a
boto3 client would cost a new connection. Here a request's body is read before the application runs and its answer is
complete before it is sent, so that the connection is always at the start of the next request.
"""

from __future__ import annotations

import io
import socket
import sys
import traceback
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.exceptions import InternalServerError
from werkzeug.serving import ThreadedWSGIServer

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_NO_BODY = {204, 304}


class KeepAliveHandler(MotoRequestHandler):
    """HTTP/1.1 with persistent connections."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16  # an answer's head and body leave in one segment where they fit

    def handle_expect_100(self) -> bool:
        """As the base class, but past the write buffer: the client waits for this line."""
        answered = super().handle_expect_100()
        self.wfile.flush()
        return answered

    def run_wsgi(self) -> None:
        """One request, one answer."""
        environ = self.environ = self.make_environ()
        if environ.get("wsgi.input_terminated"):
            body = environ["wsgi.input"].read()
        else:
            body = self.rfile.read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["CONTENT_LENGTH"] = str(len(body))
        environ["wsgi.input"] = io.BytesIO(body)
        try:
            status, headers, answer = _call(self.server.app, environ)
        except Exception:  # noqa: BLE001 - the server outlives a bug in a request; the log tells it
            traceback.print_exc(file=sys.stderr)
            status, headers, answer = _call(InternalServerError(), environ)
        self._send(status, headers, answer)

    def _send(self, status: str, headers: list[tuple[str, str]], answer: bytes) -> None:
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        names = {name.lower() for name, _ in headers}
        if "content-length" not in names and int(code) not in _NO_BODY:
            self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD" and int(code) not in _NO_BODY:
            self.wfile.write(answer)
        self.wfile.flush()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: a line a request would be most of what this process does."""


class Server(ThreadedWSGIServer):
    """One daemon thread a connection, on 127.0.0.1 only. ``port`` 0 takes a free one. Raises `OSError`."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, app: WSGIApplication) -> None:
        with socket.create_server(("127.0.0.1", port), backlog=self.request_queue_size) as bound:
            # werkzeug copies the descriptor; were it to bind by itself, it would end the process where it cannot
            super().__init__("127.0.0.1", port, app, handler=KeepAliveHandler, fd=bound.fileno())

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"http://127.0.0.1:{self.server_address[1]}"


def _call(app: WSGIApplication, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:  # noqa: ARG001 - the signature of WSGI
        started.append((status, headers))
        return None

    chunks: Iterable[bytes] = app(environ, start_response)
    try:
        answer = b"".join(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    status, headers = started[-1]
    return status, headers, answer
