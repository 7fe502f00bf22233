"""Moments, bars, and what is remembered for a moment."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.operators.bars import HEIGHT, bars
from frontend.operators.memory import Memory
from frontend.operators.moments import ago, read_moment, rough, span
from frontend.operators.presentation import LONGEST_BODY, pretty
from shared.core.channels import ChannelTotals
from shared.core.errors import Permanent, Unavailable
from tests.factories import NOON


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("", None),
        ("30m", NOON - timedelta(minutes=30)),
        (" 2 H ", NOON - timedelta(hours=2)),
        ("7d", NOON - timedelta(days=7)),
        ("2026-03-06T11:30", datetime(2026, 3, 6, 11, 30, tzinfo=UTC)),
        ("2026-03-06T11:30:01.5Z", datetime(2026, 3, 6, 11, 30, 1, 500_000, tzinfo=UTC)),
        ("2026-03-06T11:30+01:00", datetime(2026, 3, 6, 10, 30, tzinfo=UTC)),
        ("2026-03-06", datetime(2026, 3, 6, tzinfo=UTC)),
    ],
)
def test_moments_are_read_as_people_type_them(text: str, moment: datetime | None) -> None:
    assert read_moment(text, NOON) == moment


@given(st.text())
def test_whatever_is_typed_is_a_moment_or_a_complaint(text: str) -> None:
    try:
        moment = read_moment(text, NOON)
    except Permanent:
        return
    assert moment is None or moment.tzinfo is not None


@pytest.mark.parametrize(
    ("seconds", "words", "roughly"),
    [
        (-3, "0 ms", "0 ms"),
        (0.012, "12 ms", "12 ms"),
        (4, "4 s", "4 s"),
        (4.26, "4.3 s", "4 s"),
        (42, "42 s", "42 s"),
        (185, "3 min 5 s", "3 min"),
        (3600 * 5 + 12 * 60 + 7, "5 h 12 min", "5 h 12 min"),
        (86400 * 13 + 3600, "13 d 1 h", "13 d 1 h"),
        (86400 * 14, "14 d", "14 d"),
    ],
)
def test_stretches_of_time_are_read_at_a_glance(seconds: float, words: str, roughly: str) -> None:
    assert span(timedelta(seconds=seconds)) == words
    assert rough(timedelta(seconds=seconds)) == roughly


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(185, "3 min ago"), (1, "1 s ago"), (0.4, "just now"), (-0.4, "just now"), (-7260, "in 2 h 1 min")],
)
def test_how_long_ago_something_was_is_said_roughly(seconds: float, words: str) -> None:
    assert ago(NOON - timedelta(seconds=seconds), NOON) == words


def test_the_tallest_bar_fills_the_drawing_and_little_is_still_to_be_seen() -> None:
    step = timedelta(minutes=2)
    totals = [
        ChannelTotals(NOON, received=1000, handled=997, dead=1),
        ChannelTotals(NOON + step),
        ChannelTotals(NOON + 2 * step, received=1, handled=1),
    ]
    tall, none, small = bars(totals, step)
    assert [piece.kind for piece in tall.pieces] == ["dead", "handled", "unfinished"]
    assert tall.pieces[-1].y == 0
    assert all(piece.height > 1 and piece.y >= 0 for bar in (tall, small) for piece in bar.pieces)
    assert none.pieces == []
    assert none.words == "12:02 to 12:04 UTC: none"
    assert small.pieces[0].y + small.pieces[0].height == pytest.approx(HEIGHT)


def test_of_those_who_ask_at_once_one_finds_out() -> None:
    found, began, may_end = [], threading.Event(), threading.Event()

    def find_out() -> int:
        began.set()
        assert may_end.wait(10)
        found.append(1)
        return len(found)

    memory = Memory(lambda: NOON)
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(memory.recall, "key", life=timedelta(seconds=5), find_out=find_out) for _ in range(4)]
        assert began.wait(10)
        may_end.set()
        assert [answer.result() for answer in answers] == [1, 1, 1, 1]


def test_what_is_too_old_or_failed_is_found_out_anew() -> None:
    now = NOON
    memory = Memory(lambda: now)

    def fail() -> int:
        raise Unavailable("Away.")

    life = timedelta(seconds=5)
    with pytest.raises(Unavailable):
        memory.recall("key", life=life, find_out=fail)
    assert memory.recall("key", life=life, find_out=lambda: 1) == 1
    assert memory.recall("other", life=life, find_out=lambda: 2) == 2
    now += timedelta(seconds=4)
    assert memory.recall("key", life=life, find_out=fail) == 1
    now += timedelta(seconds=1)
    assert memory.recall("key", life=life, find_out=lambda: 3) == 3


def test_what_took_long_is_remembered_longer() -> None:
    now, seconds = NOON, iter([0.0, 3.0])
    memory = Memory(lambda: now, timer=lambda: next(seconds))
    life = timedelta(seconds=5)
    assert memory.recall("key", life=life, find_out=lambda: 1) == 1
    now += timedelta(seconds=59)
    assert memory.recall("key", life=life, find_out=lambda: 2) == 1


@given(st.one_of(st.text(), st.recursive(st.none() | st.integers() | st.text(), st.lists).map(str)))
def test_any_body_can_be_shown(body: str) -> None:
    assert isinstance(pretty(body), str)


@pytest.mark.parametrize(
    "body", ["[" * 100_000, '{"Message": "' + "[" * 100_000 + '"}', "1" * 5000, "x" * 1_000_000, '{"\\ud800": 1}']
)
def test_a_body_made_to_break_the_page_is_shown_as_text(body: str) -> None:
    assert len(pretty(body).encode()) < LONGEST_BODY + 100
