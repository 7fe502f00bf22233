"""Forks: answers in order, and every way in which they can end."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import psutil
import pytest

from annotator_hook.pipeline.outcome import Died, InputRejected
from annotator_hook.pipeline.workers import AHEAD, parallel


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    before = psutil.Process().children()
    yield
    assert [child for child in psutil.Process().children() if child not in before] == []


def refuse_seven(number: int) -> int:
    if number == 7:
        raise InputRejected("code", "message", "hint", 7)
    return number


@pytest.mark.parametrize("count", [1, 2, 5])
def test_answers_come_in_the_order_of_the_pieces(count: int) -> None:
    assert list(parallel(lambda number: (number, b"x" * number), range(40), count)) == [
        (n, b"x" * n) for n in range(40)
    ]


def test_the_work_is_done_in_other_processes() -> None:
    assert os.getpid() not in set(parallel(lambda _: os.getpid(), range(4), 2))


def test_pieces_and_answers_may_be_larger_than_a_pipe() -> None:
    pieces = [bytes([number]) * 3_000_000 for number in range(6)]
    assert list(parallel(lambda piece: piece * 2, pieces, 2)) == [piece * 2 for piece in pieces]


@pytest.mark.parametrize("count", [1, 3])
def test_an_error_comes_after_the_answers_before_it(count: int) -> None:
    answers: list[int] = []
    with pytest.raises(InputRejected) as caught:
        answers.extend(parallel(refuse_seven, range(20), count))
    assert answers == list(range(7))
    assert (caught.value.code, caught.value.message, caught.value.hint, caught.value.line) == (
        "code",
        "message",
        "hint",
        7,
    )


@pytest.mark.parametrize("count", [1, 3])
def test_an_error_of_the_pieces_comes_after_their_answers(count: int) -> None:
    def pieces() -> Iterator[int]:
        yield 1
        yield 2
        raise InputRejected("late", "message")

    answers: list[int] = []
    with pytest.raises(InputRejected, match="message"):
        answers.extend(parallel(refuse_seven, pieces(), count))
    assert answers == [1, 2]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_fork_that_dies_ends_the_work(number: signal.Signals) -> None:
    with pytest.raises(Died) as caught:
        list(parallel(lambda piece: os.kill(os.getpid(), number) if piece == 5 else piece, range(9), 2))
    assert caught.value.exit_code == -number


def test_pieces_are_not_taken_far_ahead_of_a_slow_one() -> None:
    taken = []

    def pieces() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    answers = parallel(lambda number: number, pieces(), 2)
    next(answers)
    assert len(taken) <= 1 + AHEAD * 2
    answers.close()
