"""How often somebody may try something."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta

from flask import request

from frontend.access import services
from shared.core.clock import to_millis
from shared.core.errors import Retryable


class TooMany(Retryable):
    """Too many attempts; ``after`` is when the count begins anew."""


def allow(key: str, *, most: int, window: timedelta) -> None:
    """Counts one more attempt. Raises `TooMany` when there were ``most`` in the present window already."""
    now = services().now()
    if services().limits.hit(key, window=window, now=now) > most:
        raise TooMany("There were too many attempts.", after=_rest_of(window, now))


def forgive(key: str, *, window: timedelta) -> None:
    """Takes one attempt back: it turned out not to be one that needs to be limited."""
    services().limits.forgive(key, window=window, now=services().now())


def client_network() -> str:
    """Whom to count: the client's IPv4 address, or the /64 of its IPv6 address, which is one customer's."""
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return "unknown"
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _rest_of(window: timedelta, now: datetime) -> timedelta:
    length = window // timedelta(milliseconds=1)
    return timedelta(milliseconds=length - to_millis(now) % length)
