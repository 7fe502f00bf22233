"""gunicorn with the settings of GAS's servers gives notice before it stops listening, where anybody needs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
import requests
from flask import Flask

from cli.up import GUNICORN_SETTINGS
from tests.whole import HOST, free_ports, wait_for

NOTICE = 60


class _Extension:
    """What gunicorn's settings expect of an app."""

    draining = False

    def start(self) -> None: ...

    def drain(self) -> None:
        self.draining = True

    def stop(self, seconds: float) -> None: ...


app = Flask(__name__)
app.extensions["gas"] = _Extension()


@app.get("/")
def state() -> dict[str, object]:
    """Which process answers, and whether it was told to stop."""
    return {"pid": os.getpid(), "draining": app.extensions["gas"].draining}


class Server:
    """This very module, served by one process."""

    def __init__(self) -> None:
        [port] = free_ports(1)
        self.url = f"http://{HOST}:{port}/"
        command = [sys.executable, "-m", "gunicorn", "-c", str(GUNICORN_SETTINGS), "--bind", f"{HOST}:{port}"]
        environment = {**os.environ, "GAS_DRAIN_NOTICE_SECONDS": str(NOTICE)}
        self.process = subprocess.Popen([*command, f"{__name__}:app"], env=environment, stderr=subprocess.DEVNULL)

    def state(self) -> dict[str, object] | None:
        """None while nobody listens."""
        try:
            answer: dict[str, object] = requests.get(self.url, timeout=10).json()
        except requests.ConnectionError:
            return None
        return answer


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    try:
        wait_for("an answer", server.state)
        yield server
    finally:
        server.process.send_signal(signal.SIGQUIT)  # at once
        try:
            server.process.wait(timeout=30)
        finally:
            server.process.kill()
            server.process.wait()


def test_a_server_that_is_told_to_stop_goes_on_answering_and_knows_it(server: Server) -> None:
    server.process.send_signal(signal.SIGTERM)
    told = wait_for("word of the end", lambda: (found := server.state()) and found["draining"] and found)
    assert server.state() == told


def test_a_process_that_is_replaced_leaves_at_once(server: Server) -> None:
    before = server.state()
    assert before
    server.process.send_signal(signal.SIGHUP)
    wait_for("another process", lambda: (found := server.state()) and found["pid"] != before["pid"])

    def is_gone() -> bool:
        try:
            os.kill(int(str(before["pid"])), 0)
        except ProcessLookupError:
            return True
        return False

    wait_for("the end of the process before it", is_gone, seconds=NOTICE / 2)
