"""Time is handed in, so that an hour passes in a test within a microsecond."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import PlainSerializer

Clock = Callable[[], datetime]
"""Answers the present moment as an aware datetime in UTC."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc_now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


def to_millis(moment: datetime) -> int:
    """Whole milliseconds since 1970-01-01T00:00:00Z."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def from_millis(millis: int) -> datetime:
    """The inverse of `to_millis`."""
    return _EPOCH + timedelta(milliseconds=millis)


def to_iso(moment: datetime) -> str:
    """ISO 8601 in UTC with microseconds, so that text order is time order: ``2026-03-06T19:31:32.895000Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_iso(text: str) -> datetime:
    """The inverse of `to_iso`. Raises `ValueError` on anything else."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


Moment = Annotated[datetime, PlainSerializer(to_iso, return_type=str, when_used="json")]
"""A datetime that is stored as `to_iso` writes it."""
