"""Starts the servers of `bench.load_server` under GAS's own gunicorn settings, and pushes to them as SNS does."""

from __future__ import annotations

import itertools
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psutil

from bench.load_server import NAME
from shared.core.messages import JobRequested
from tests.sns_sender import Envelope, SnsSender, body, certificate, headers
from tests.whole import HOST, free_ports, wait_for

MESSAGES = 4000
"""Signed messages that differ; they are pushed in turn, and were handled and forgotten before they come again."""
CONNECTIONS = 8
_LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n", re.IGNORECASE)


@dataclass
class Server:
    """One gunicorn with one worker."""

    port: int
    master: psutil.Process

    @property
    def memory(self) -> int:
        """Bytes that its worker has resident."""
        [worker] = self.master.children()
        return int(worker.memory_info().rss)

    def count(self) -> dict[str, int]:
        """Messages that are ``done`` and those that are ``waiting``."""
        with urllib.request.urlopen(f"http://{HOST}:{self.port}/count", timeout=10) as response:
            found: dict[str, int] = json.load(response)
        return found

    def let_handlers(self, what: str) -> None:
        """``wait`` or ``go``."""
        with urllib.request.urlopen(f"http://{HOST}:{self.port}/handlers/{what}", timeout=10):
            pass

    def wait_until_done(self) -> None:
        """Until every accepted message was handled."""
        wait_for("the handling of all messages", lambda: self.count()["waiting"] == 0)


@contextmanager
def serving(app: str, certificate_origin: str) -> Iterator[Server]:
    """``verified`` or ``bare``."""
    [port] = free_ports(1)
    environment = {
        **os.environ,
        "GAS_PUBLIC_URL": "http://gas",
        "GAS_HOOK_URL": "http://hook",
        "GAS_INBOX_TABLE": "inbox",
        "GAS_SUBSCRIBE_AT_START": "false",
        "GAS_METRICS_PORT": "0",
        "GAS_EXTRA_CERTIFICATE_ORIGIN": certificate_origin,
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "deploy/servers/gunicorn.conf.py", "-b", f"{HOST}:{port}"]
    process = subprocess.Popen(
        [*command, f"bench.load_server:{app}()"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(f"the start of {app}", lambda: process.poll() is not None or _is_up(port))
        assert process.poll() is None, f"{app} did not start"
        yield Server(port, psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait(60)


def _is_up(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/healthz", timeout=5):
            return True
    except OSError:
        return False


class CertificateHost:
    """Where the certificate lies. While ``is_away`` is set, connections are taken and nothing is ever answered."""

    def __init__(self, pem: bytes) -> None:
        self.is_away = threading.Event()
        self._end = threading.Event()
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if host.is_away.is_set():
                    host._end.wait(30)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(pem)))
                self.end_headers()
                self.wfile.write(pem)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self.origin = f"http://{HOST}:{self._server.server_port}"

    def __enter__(self) -> CertificateHost:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._server.shutdown()
        self._server.server_close()


def make_sender(pem: bytes, origin: str, certificate_name: str = "0" * 32) -> SnsSender:
    """Signs for messages of this moment."""
    return SnsSender(
        clock=datetime.now(UTC), pem=pem, certificate_url=f"{origin}/SimpleNotificationService-{certificate_name}.pem"
    )


def fresh_certificate() -> bytes:
    """Valid today."""
    now = datetime.now(UTC)
    return certificate(not_before=now - timedelta(days=1), not_after=now + timedelta(days=1))


def make_requests(sender: SnsSender, count: int) -> list[bytes]:
    """HTTP requests as SNS sends them, each with a message of its own."""
    return [request(sender.notification(JobRequested(job_id=f"job-{n}", run=1).to_json())) for n in range(count)]


def request(envelope: Envelope) -> bytes:
    """One request of one push."""
    content = body(envelope)
    lines = [f"POST /hooks/{NAME} HTTP/1.1", "Host: hook", f"Content-Length: {len(content)}"]
    lines += [f"{name}: {value}" for name, value in headers(envelope).items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


class Line:
    """One connection that stays open."""

    def __init__(self, server: Server) -> None:
        self._socket = socket.create_connection((HOST, server.port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def push(self, raw: bytes) -> int:
        """The status of the answer, which is read whole."""
        self._socket.sendall(raw)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._received()
        head, _, rest = answer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head + b"\r\n")
        left = int(length[1]) - len(rest) if length else 0
        while left > 0:
            left -= len(self._received())
        return int(head[9:12])

    def close(self) -> None:
        """Hangs up."""
        self._socket.close()

    def _received(self) -> bytes:
        part = self._socket.recv(65536)
        assert part, "the server hung up"
        return part


@dataclass
class Pusher:
    """Pushes the requests in turn, over several connections."""

    server: Server
    requests: Sequence[bytes]
    _next: Iterator[int] = field(default_factory=itertools.count)

    def push(self, count: int) -> float:
        """Pushes so many, each of which has to be accepted. Seconds that it took."""
        numbers = iter(range(count))
        lock = threading.Lock()

        def work() -> None:
            line = Line(self.server)
            while True:
                with lock:
                    if next(numbers, None) is None:
                        break
                    raw = self.requests[next(self._next) % len(self.requests)]
                status = line.push(raw)
                assert status == 200, f"a push was answered {status}"
            line.close()

        began = time.perf_counter()
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            for done in [pool.submit(work) for _ in range(CONNECTIONS)]:
                done.result()
        return time.perf_counter() - began
