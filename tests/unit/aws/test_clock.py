"""Machines whose clocks differ agree on what time it is."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import format_datetime

import boto3
import pytest
from moto import mock_aws

from shared.aws.clock import AwsClock
from tests.factories import NOON


def a_clock(*, ahead: timedelta) -> AwsClock:
    """Of a machine whose clock is so much ahead, at noon."""
    return AwsClock(lambda: NOON + ahead)


def answer(moment: datetime = NOON) -> dict[str, str]:
    """The headers of an answer that AWS gave at this moment."""
    return {"Date": format_datetime(moment, usegmt=True)}


@pytest.mark.parametrize("minutes", [10, 1, -1, -10])
def test_a_clock_that_is_wrong_is_put_right_by_two_answers(minutes: int) -> None:
    clock = a_clock(ahead=timedelta(minutes=minutes))
    clock.hear(answer())
    assert clock() == NOON + timedelta(minutes=minutes)
    clock.hear(answer())
    assert clock() == NOON


@pytest.mark.parametrize("seconds", [2.9, 0, -2.9])
def test_a_clock_that_is_about_right_is_believed(seconds: float) -> None:
    clock = a_clock(ahead=timedelta(seconds=seconds))
    for _ in range(3):
        clock.hear(answer())
    assert clock() == NOON + timedelta(seconds=seconds)


def test_one_answer_that_was_long_on_its_way_changes_nothing() -> None:
    clock = a_clock(ahead=timedelta())
    for late in (0, 10, 0, 10, 0):
        clock.hear(answer(NOON - timedelta(seconds=late)))
        assert clock() == NOON


def test_a_clock_that_was_mended_meanwhile_is_believed_again() -> None:
    ahead = [timedelta(minutes=10)]
    clock = AwsClock(lambda: NOON + ahead[0])
    for ahead[0] in (timedelta(minutes=10), timedelta()):
        clock.hear(answer())
        clock.hear(answer())
    assert clock() == NOON


@pytest.mark.parametrize("date", [None, "", "yesterday", "Fri, 99 Mar 2026 12:00:00 GMT", "2026-03-06T12:00:00Z"])
def test_a_date_that_is_none_changes_nothing(date: str | None) -> None:
    clock = a_clock(ahead=timedelta(minutes=10))
    for _ in range(2):
        clock.hear({"Date": date})
    assert clock() == NOON + timedelta(minutes=10)


def test_it_hears_every_answer_of_a_client() -> None:
    clock = a_clock(ahead=timedelta())
    heard = []
    clock.hear = lambda headers: heard.append(dict(headers))  # type: ignore[method-assign]  # a double's method, for this test
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        clock.listen(client)
        client.list_tables()
    assert len(heard) == 1
