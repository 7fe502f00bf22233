"""Slow clients: none may keep a thread of a server for long, and silent ones get none."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import Mock

import pytest
from gunicorn.config import Config
from gunicorn.workers.gthread import TConn

from deploy.servers.worker import (
    ANSWER_SECONDS,
    FIRST_BYTE_SECONDS,
    HURRIED_SECONDS,
    REQUEST_SECONDS,
    PatientWorker,
    reloaded,
)

PATIENCE = 10.0


class Line:
    """A worker that was never forked, and one connection to it."""

    def __init__(self, worker: Any) -> None:
        self.worker = worker
        listener = socket.create_server(("127.0.0.1", 0))
        self.client = socket.create_connection(listener.getsockname())
        self.client.settimeout(PATIENCE)
        self.listener = listener
        self.accepted: list[Any] = []

    def accept(self) -> Any:
        self.worker.accept(self.listener)
        connection = self.worker.pending_conns[0]
        self.accepted.append(connection.sock)
        return connection

    def began(self, seconds_ago: float) -> Any:
        """The connection, as if a thread had begun to read its request then."""
        accepted, address = self.listener.accept()
        connection: Any = TConn(self.worker.cfg, accepted, address, self.listener.getsockname())  # type: ignore[no-untyped-call]  # gunicorn has no types
        accepted.settimeout(PATIENCE)
        self.accepted.append(accepted)
        self.worker._busy[connection] = time.monotonic() - seconds_ago
        return accepted


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    monkeypatch.setattr("gunicorn.workers.base.WorkerTmp", Mock())  # the file by which the master sees it alive
    config: Any = Config()  # type: ignore[no-untyped-call]  # gunicorn has no types
    config.set("threads", 4)
    worker: Any = PatientWorker(1, 1, [], Mock(), 30, config, Mock())
    worker.tpool, worker.poller = Mock(), Mock()
    line = Line(worker)
    yield line
    for end in (line.client, line.listener, *line.accepted):
        end.close()


def test_a_connection_gets_no_thread_before_its_first_byte(line: Line) -> None:
    line.accept()
    line.worker.tpool.submit.assert_not_called()
    [call] = line.worker.poller.register.call_args_list
    _, _, on_readable = call.args
    on_readable(line.worker.pending_conns[0].sock)
    line.worker.tpool.submit.assert_called_once()
    assert not line.worker.pending_conns


def test_a_silent_connection_is_closed_after_a_while(line: Line) -> None:
    connection = line.accept()
    connection.timeout -= FIRST_BYTE_SECONDS
    line.worker.murder_pending()
    assert line.client.recv(1) == b""
    assert line.worker.nr_conns == 0


def test_a_request_that_does_not_arrive_in_time_frees_its_thread(line: Line) -> None:
    accepted = line.began(seconds_ago=REQUEST_SECONDS + 1)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(accepted.recv(1)))
    reader.start()
    line.worker.murder_pending()
    reader.join(PATIENCE)
    assert received == [b""]


def test_an_answer_that_is_under_way_is_not_disturbed_by_that(line: Line) -> None:
    accepted = line.began(seconds_ago=REQUEST_SECONDS + 1)
    line.worker.murder_pending()
    accepted.sendall(b"answer")
    assert line.client.recv(6) == b"answer"


def test_a_client_that_does_not_read_its_answer_frees_its_thread(line: Line) -> None:
    accepted = line.began(seconds_ago=ANSWER_SECONDS + 1)
    line.worker.murder_pending()
    with pytest.raises(BrokenPipeError):
        accepted.sendall(b"answer")


def test_a_request_in_good_time_is_left_alone(line: Line) -> None:
    accepted = line.began(seconds_ago=1)
    line.worker.murder_pending()
    line.client.sendall(b"x")
    assert accepted.recv(1) == b"x"


@pytest.mark.parametrize(("others", "is_cut"), [(1, False), (2, True)])
def test_a_slow_request_makes_room_when_nearly_all_threads_are_taken(line: Line, others: int, is_cut: bool) -> None:
    accepted = line.began(seconds_ago=HURRIED_SECONDS + 1)
    for _ in range(others):
        line.worker._busy[Mock()] = time.monotonic()
    line.worker.murder_pending()
    accepted.setblocking(False)
    if is_cut:
        assert accepted.recv(1) == b""
    else:
        with pytest.raises(BlockingIOError):
            accepted.recv(1)


def test_a_connection_is_watched_for_as_long_as_a_thread_has_it(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    watched: list[int] = []
    monkeypatch.setattr("gunicorn.workers.gthread.ThreadWorker.handle", lambda self, _: watched.append(len(self._busy)))
    line.worker.handle(line.accept())
    assert watched == [1]
    assert not line.worker._busy


class Extension:
    """What a server's threads are to gunicorn."""

    def __init__(self) -> None:
        self.draining = False

    def drain(self) -> None:
        self.draining = True


def told_to_stop(monkeypatch: pytest.MonkeyPatch, notice: int, *, replaced: bool = False) -> tuple[Any, Extension]:
    """A worker that serves an app and was just told to stop, with or without another one in its place."""
    monkeypatch.setenv("GAS_DRAIN_NOTICE_SECONDS", str(notice))
    monkeypatch.setattr("gunicorn.workers.base.WorkerTmp", Mock())
    worker: Any = PatientWorker(1, 1, [], Mock(), 30, Config(), Mock())  # type: ignore[no-untyped-call]  # gunicorn has no types
    extension = Extension()
    worker.wsgi = Mock(extensions={"gas": extension})
    worker.method_queue = Mock()
    if replaced:
        reloaded()
    worker.handle_exit(signal.SIGTERM, None)
    return worker, extension


def test_a_server_that_is_told_to_stop_is_not_ready_and_listens_until_that_was_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker, extension = told_to_stop(monkeypatch, 20)
    worker.murder_pending()
    assert extension.draining
    assert worker.alive
    worker._leaves_at -= 20
    worker.murder_pending()
    assert not worker.alive


def test_a_server_of_which_nobody_needs_notice_stops_listening_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    worker, extension = told_to_stop(monkeypatch, 0)
    assert extension.draining
    assert not worker.alive


def test_a_server_in_whose_place_another_one_listens_gives_no_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    worker, extension = told_to_stop(monkeypatch, 20, replaced=True)
    assert extension.draining
    assert not worker.alive


def test_a_second_signal_does_not_begin_the_notice_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    worker, _ = told_to_stop(monkeypatch, 20)
    first = worker._leaves_at
    worker.handle_exit(signal.SIGTERM, None)
    assert worker._leaves_at == first


def test_told_to_end_at_once_it_ends_though_a_thread_is_just_being_given_a_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gunicorn.workers.base.WorkerTmp", Mock())
    worker: Any = PatientWorker(1, 1, [], Mock(), 30, Config(), Mock())  # type: ignore[no-untyped-call]  # gunicorn has no types

    def end() -> None:
        with pytest.raises(SystemExit):
            worker.handle_quit(signal.SIGQUIT, None)

    with ThreadPoolExecutor(1) as worker.tpool:
        ending = threading.Thread(target=end, daemon=True)
        with worker.tpool._shutdown_lock:  # as ThreadPoolExecutor.submit does
            ending.start()
            ending.join(PATIENCE)
            assert not ending.is_alive()
