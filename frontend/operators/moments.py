"""Moments as operators type them, and stretches of time as they read them. All is UTC, as in the logs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from shared.core.errors import Permanent

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_AGO = re.compile(r"(\d{1,5})\s*([smhd])")


def read_moment(text: str, now: datetime) -> datetime | None:
    """``30m``, ``2h`` and ``7d`` are so long before ``now``; anything else is ISO 8601, in UTC unless it says otherwise.

    None for an empty text. Raises `Permanent` with how to write it.
    """
    text = text.strip()
    if not text:
        return None
    if found := _AGO.fullmatch(text.lower()):
        return now - timedelta(**{_UNITS[found[2]]: int(found[1])})
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise Permanent("Write a time as 30m, 2h or 7d (ago), or as 2026-03-06T12:00 in UTC.") from None


def ago(moment: datetime, now: datetime) -> str:
    """``3 min ago``, ``just now``, ``in 2 h``."""
    length = now - moment
    if abs(length) < timedelta(seconds=1):
        return "just now"
    return f"{rough(length)} ago" if length > timedelta() else f"in {rough(-length)}"


def rough(length: timedelta) -> str:
    """As `span`, but for how long ago something was: whole seconds, and after a minute whole minutes."""
    unit = timedelta(minutes=1) if length >= timedelta(minutes=1) else timedelta(seconds=1)
    return span(length // unit * unit if length >= unit else length)


def span(length: timedelta) -> str:
    """``120 ms``, ``4.2 s``, ``3 min 5 s``, ``5 h 12 min``, ``3 d 4 h``: two units at most. What is negative, because two
    clocks differ, is ``0 ms``."""
    seconds = max(0.0, length.total_seconds())
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s".replace(".0 ", " ") if seconds < 10 else f"{seconds:.0f} s"
    whole = int(seconds)
    for unit, smaller, length_of, length_of_smaller in (("d", "h", 86400, 3600), ("h", "min", 3600, 60)):
        if whole >= length_of:
            rest = whole % length_of // length_of_smaller
            return f"{whole // length_of} {unit} {rest} {smaller}" if rest else f"{whole // length_of} {unit}"
    return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
