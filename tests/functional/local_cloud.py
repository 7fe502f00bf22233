"""The local cloud alone, as a process of its own, and an HTTP endpoint that records what is pushed to it."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import requests

from tests.whole import HOST, free_ports, wait_for


class LocalCloud:
    """A running local cloud."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.port = port
        self.process = process
        self.url = f"http://{HOST}:{port}"

    def aws(self, service: str, **more: Any) -> Any:
        """A boto3 client of it."""
        return boto3.client(
            service,  # type: ignore[call-overload]  # any service
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
            **more,
        )

    def is_up(self) -> bool:
        try:
            return requests.get(f"{self.url}/healthz", timeout=5).ok
        except requests.ConnectionError:
            assert self.process.poll() is None, "the local cloud ended"
            return False


@contextmanager
def running_cloud(*options: str, port: int | None = None) -> Iterator[LocalCloud]:
    """Ended whatever happens. ``options``: more of its command line."""
    port = port or free_ports(1)[0]
    process = subprocess.Popen([sys.executable, "-m", "deploy.local", "--port", str(port), *options])
    try:
        cloud = LocalCloud(port, process)
        wait_for("the start of the local cloud", cloud.is_up)
        yield cloud
    finally:
        process.terminate()
        process.wait(timeout=10)


@dataclass(frozen=True)
class Received:
    """One push."""

    headers: dict[str, str]
    body: bytes

    @property
    def envelope(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


class Endpoint(ThreadingHTTPServer):
    """Answers every POST with ``status``, after ``gate`` is open."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((HOST, 0), _Handler)
        self.status = 200
        self.gate = threading.Event()
        self.gate.set()
        self._received: queue.Queue[Received] = queue.Queue()
        self.url = f"http://{HOST}:{self.server_address[1]}/hooks/test"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def record(self, received: Received) -> None:
        self._received.put(received)

    def next(self) -> Received:
        """The next push; fails when none comes."""
        return self._received.get(timeout=20)

    def is_quiet(self) -> bool:
        """Whether nothing was pushed that the test did not ask for."""
        return self._received.empty()


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.record(Received({name.lower(): value for name, value in self.headers.items()}, body))
        self.server.gate.wait(20)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        if self.server.status // 100 == 3:
            self.send_header("Location", self.server.url)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Silence."""


@contextmanager
def endpoint() -> Iterator[Endpoint]:
    """Ended whatever happens."""
    server = Endpoint()
    try:
        yield server
    finally:
        server.gate.set()
        server.shutdown()
        server.server_close()
