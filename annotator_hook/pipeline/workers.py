"""Work in parallel: processes forked from this one, each doing one piece at a time; answers come in order.

A piece is described in a few bytes or a block of text, and the work itself is a function that the forks inherit, with
whatever it holds. When a fork dies, or raises, the whole job ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pickle
import select
import signal
import struct
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, TypeVar

from annotator_hook.pipeline.outcome import Died

Piece = TypeVar("Piece")
Answer = TypeVar("Answer")

AHEAD: Final = 4
"""Pieces per worker that may be done before an earlier one is: bounds the answers that wait."""
_PR_SET_PDEATHSIG: Final = 1
_LENGTH: Final = struct.Struct("<Q")


def parallel(work: Callable[[Piece], Answer], pieces: Iterable[Piece], count: int) -> Generator[Answer, None, None]:
    """``work(piece)`` of each piece, in their order, by ``count`` forks; with one, in this process.

    Raises what ``work`` raises, `Died` when a fork ends otherwise, and what ``pieces`` raises, but only after the
    answers to the pieces before.
    """
    if count < 2:
        yield from map(work, pieces)
        return
    crew: list[_Worker] = []
    try:
        yield from _conduct(crew, work, iter(pieces), count)
    finally:
        for worker in crew:
            worker.end()


def _conduct(
    crew: list[_Worker], work: Callable[[Piece], Answer], pieces: Iterator[Piece], count: int
) -> Iterator[Answer]:
    waiting: dict[int, tuple[bool, Any]] = {}
    failure: Exception | None = None
    given = due = 0
    more = True
    while True:
        while more and given < due + AHEAD * count:
            worker = next((worker for worker in crew if worker.number is None), None)
            if worker is None and len(crew) == count:
                break
            try:
                piece = next(pieces)
            except StopIteration:
                more = False
                break
            except Exception as error:  # noqa: BLE001 - raised again when its turn comes
                failure, more = error, False
                break
            if worker is None:  # a worker more only when there is work for it
                worker = _Worker(work, crew)
                crew.append(worker)
            worker.give(given, piece)
            given += 1
        while due in waiting:
            good, answer = waiting.pop(due)
            if not good:
                raise answer
            due += 1
            yield answer
        if due < given and due not in waiting:
            for worker in _ready(crew):
                number, answer = worker.take()
                waiting[number] = answer
        elif not more:
            break
    if failure is not None:
        raise failure


def _ready(crew: list[_Worker]) -> list[_Worker]:
    busy = {worker.answers: worker for worker in crew if worker.number is not None}
    readable, _, _ = select.select(list(busy), [], [])
    return [busy[descriptor] for descriptor in readable]


@dataclass
class _Worker:
    work: Callable[[Any], Any]
    crew: list[_Worker]
    number: int | None = None
    """Of the piece that it has."""
    pid: int = field(init=False)
    orders: int = field(init=False)
    answers: int = field(init=False)

    def __post_init__(self) -> None:
        order_reader, self.orders = os.pipe()
        self.answers, answer_writer = os.pipe()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            self._labour(order_reader, answer_writer, parent)
        os.close(order_reader)
        os.close(answer_writer)

    def _labour(self, orders: int, answers: int, parent: int) -> NoReturn:
        """In the fork."""
        try:
            die_with(parent)
            for other in self.crew:  # or a colleague would not see the end of its orders
                os.close(other.orders)
                os.close(other.answers)
            os.close(self.orders)
            os.close(self.answers)
            while (data := _receive(orders)) is not None:
                try:
                    answer = (True, self.work(pickle.loads(data)))  # noqa: S301 - from our own parent
                except Exception as error:  # noqa: BLE001 - raised again in the parent
                    answer = (False, error)
                _send(answers, answer)
            os._exit(0)
        except BaseException:  # noqa: BLE001 - the fork must not go on as a second child
            os._exit(1)

    def give(self, number: int, piece: Any) -> None:
        self.number = number
        with contextlib.suppress(BrokenPipeError):  # its death is found when its answer is read
            _send(self.orders, piece)

    def take(self) -> tuple[int, tuple[bool, Any]]:
        data = _receive(self.answers)
        if data is None:
            _, status = os.waitpid(self.pid, 0)
            self.pid = 0
            raise Died(os.waitstatus_to_exitcode(status))
        number, self.number = self.number, None
        assert number is not None  # noqa: S101 - only busy ones are asked
        return number, pickle.loads(data)  # noqa: S301 - from our own fork

    def end(self) -> None:
        os.close(self.orders)
        os.close(self.answers)
        if self.pid:
            if self.number is not None:
                os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def die_with(parent: int) -> None:
    """The kernel ends this process when the thread that started it ends."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # it died before the line above


def _send(descriptor: int, content: Any) -> None:
    data = pickle.dumps(content, protocol=5)
    for part in (_LENGTH.pack(len(data)), data):
        view = memoryview(part)
        while view:
            view = view[os.write(descriptor, view) :]


def _receive(descriptor: int) -> bytes | None:
    """None at the end of the pipe."""
    head = _read(descriptor, _LENGTH.size)
    return None if head is None else _read(descriptor, _LENGTH.unpack(head)[0])


def _read(descriptor: int, length: int) -> bytes | None:
    data = bytearray()
    while len(data) < length:
        piece = os.read(descriptor, min(length - len(data), 1 << 20))
        if not piece:
            return None
        data += piece
    return bytes(data)
