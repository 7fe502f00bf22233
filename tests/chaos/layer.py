"""The layer between the servers and the cloud: an HTTP proxy for both directions that lets things go wrong.

The servers' calls of AWS, the certificates that they fetch, and SNS's pushes to them all pass through one port, as
``GAS_LOCAL_PROXY_URL`` has it. Nothing goes wrong before `Layer.storm` is set, nor after the storm has ended.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import struct
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.chaos.faults import PUSH, Fate, Fault, Storm
from tests.chaos.shapes import Reply, reply_of, service_of

_HOOKS = "/hooks/"
PATIENCE = 60.0
"""Seconds for the answer of whoever a call is for: longer than anybody's."""
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "te", "upgrade"})


class Layer(ThreadingHTTPServer):
    """Listens from the start, in threads of its own; `close` ends it."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.cloud = ""
        """Base URL of the cloud."""
        self.servers: Mapping[str, str] = {}
        """First part of a path → base URL of the server that gets the rest. Everything else is for the cloud."""
        self.storm: Storm | None = None
        threading.Thread(target=self.serve_forever, args=(0.05,), name="chaos-layer", daemon=True).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: broken connections are what this is about. Whatever else goes wrong fails the caller, and is seen."""


class _Connection(BaseHTTPRequestHandler):
    """One connection of a caller; its calls one after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    server: Layer

    def setup(self) -> None:
        super().setup()
        self._upstream: dict[str, http.client.HTTPConnection] = {}

    def finish(self) -> None:
        for connection in self._upstream.values():
            connection.close()
        with contextlib.suppress(OSError, ValueError):  # it was reset
            super().finish()

    def handle_expect_100(self) -> bool:
        answered = super().handle_expect_100()
        self.wfile.flush()
        return answered

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Nothing."""

    def do_any(self) -> None:
        body = self._body()
        name, _, rest = self.path[1:].partition("/")
        self._base, self._path = self.server.cloud, self.path
        if name in self.server.servers:
            self._base, self._path = self.server.servers[name], f"/{rest}"
        is_push = self._path.startswith(_HOOKS)
        service = PUSH if is_push else service_of(self.path, self.headers.get("Authorization", ""))
        self._meet(self._fate(service), service, body)

    def _fate(self, service: str) -> Fate:
        storm = self.server.storm
        if storm is None or self.headers.get("x-amz-sns-message-type") == "SubscriptionConfirmation":
            return Fate(Fault.NONE)
        topic, message_id = self._path.removeprefix(_HOOKS), self.headers.get("x-amz-sns-message-id", "")
        return storm.fate(service, topic=topic, message_id=message_id)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = do_any  # noqa: N815 - the base class's names

    def _meet(self, fate: Fate, service: str, body: bytes) -> None:
        match fate.fault:
            case Fault.ERROR | Fault.THROTTLED:
                self._answer(reply_of(service, fate.fault))
            case Fault.TURNED_AWAY:
                self._answer(Reply(403, b"chaos\n"))
            case Fault.RESET:
                self._reset()
            case Fault.HANGS:
                self._wait_for_end(fate.seconds)
                self._reset()
            case Fault.BELATED:
                self._wait_for_end(fate.seconds)
                self._forward(body)
                self._reset()
            case Fault.UNANSWERED:
                self._forward(body)
                self._reset()
            case Fault.CUT_SHORT:
                self._pass_on(body, cut=True)
            case Fault.LATE:
                time.sleep(fate.seconds)
                self._pass_on(body)
            case Fault.TWICE:
                threading.Thread(target=self._echo, args=(fate.seconds, body), daemon=True).start()
                self._pass_on(body)
            case Fault.NONE:
                self._pass_on(body)

    def _pass_on(self, body: bytes, *, cut: bool = False) -> None:
        reply = self._forward(body)
        if reply is None:
            self._reset()
        else:
            self._answer(reply, cut=cut)

    def _echo(self, seconds: float, body: bytes) -> None:
        time.sleep(seconds)
        connection = http_to(self._base)
        try:
            self._exchange(connection, body)
        except (OSError, http.client.HTTPException):
            return  # its server is away: then it is delivered once
        finally:
            connection.close()

    def _forward(self, body: bytes) -> Reply | None:
        """The answer of whoever the call is for; None when there is none."""
        known = self._upstream.pop(self._base, None)
        connection = known or http_to(self._base)
        try:
            reply, keeps = self._exchange(connection, body)
        except (OSError, http.client.HTTPException):
            connection.close()
            # one that was kept open may have been closed meanwhile
            return None if known is None else self._forward(body)
        if keeps:
            self._upstream[self._base] = connection
        else:
            connection.close()
        return reply

    def _exchange(self, connection: http.client.HTTPConnection, body: bytes) -> tuple[Reply, bool]:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP | {"expect"}}
        headers["Content-Length"] = str(len(body))
        connection.request(self.command, self._path, body=body, headers=headers)
        answer = connection.getresponse()
        reply = Reply(answer.status, answer.read(), dict(answer.getheaders()))
        return reply, not answer.will_close

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers
        return body

    def _answer(self, reply: Reply, *, cut: bool = False) -> None:
        self.send_response_only(reply.status)
        sent = {name.lower() for name in reply.headers}
        for name, value in reply.headers.items():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        if "date" not in sent:
            self.send_header("Date", self.date_time_string())
        length = reply.headers.get("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body[: len(reply.body) // 2] if cut else reply.body)
        self.wfile.flush()
        if cut:
            self.close_connection = True

    def _wait_for_end(self, seconds: float) -> None:
        """Until the caller gives up, or so long."""
        self.connection.settimeout(seconds)
        with contextlib.suppress(OSError):
            self.connection.recv(1)

    def _reset(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            for end in (self.wfile, self.rfile, self.connection):
                end.close()


def http_to(base: str) -> http.client.HTTPConnection:
    """Connects when it is used."""
    parts = urlsplit(base)
    return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
