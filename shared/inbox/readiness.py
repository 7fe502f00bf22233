"""Whether the servers behind the channels take pushes, before something is replayed to them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import requests

from shared.core.channels import Channel, Readiness, Subscriptions
from shared.core.clock import Clock
from shared.core.errors import NotFound, Unavailable

_PATIENCE = 3.0  # seconds
_LONGEST = 16 * 1024  # bytes of an answer that are read
_ASKED_EVERY = timedelta(seconds=1)


class HttpReadiness:
    """Implements `shared.core.channels.Readiness`."""

    def of(self, endpoint: str) -> str:
        address = _readyz(endpoint)
        try:
            with requests.get(address, timeout=_PATIENCE, allow_redirects=False, stream=True) as answer:
                if answer.status_code == requests.codes.ok:
                    return ""
                return f"{address} answers {answer.status_code}{_said(answer.raw.read(_LONGEST, decode_content=True))}."
        except requests.Timeout:
            return f"{address} does not answer within {_PATIENCE:.0f} s."
        except (requests.RequestException, OSError) as error:
            return f"{address} cannot be reached ({type(error).__name__})."


def _readyz(endpoint: str) -> str:
    """``/hooks/<name>/readyz``, under whatever path the server is reached."""
    parts = urlsplit(endpoint)
    return parts._replace(path=parts.path + "/readyz", query="", fragment="").geturl()


def _said(body: bytes) -> str:
    """The checks that failed, of an answer as `shared.core.health` writes it."""
    try:
        checks = json.loads(body)["checks"]
        failed = [
            f"{name}: {check.get('detail', '')}".rstrip(" :.") for name, check in checks.items() if not check["ok"]
        ]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ""  # a load balancer's page, perhaps
    return f" ({'; '.join(failed)})" if failed else ""


class Endpoints:
    """The servers behind the channels, for one replay: each is asked at most once a second."""

    def __init__(self, subscriptions: Subscriptions, readiness: Readiness, now: Clock) -> None:
        self._subscriptions = subscriptions
        self._readiness = readiness
        self._now = now
        self._urls: dict[str, list[str]] = {}
        self._asked: dict[str, datetime] = {}

    def require_ready(self, channel: Channel) -> None:
        """Raises `Unavailable` with a sentence when the channel's server does not take pushes, or nobody is subscribed."""
        now = self._now()
        asked = self._asked.get(channel.name)
        if asked is not None and timedelta(0) <= now - asked < _ASKED_EVERY:
            return
        for url in self._of(channel):
            if complaint := self._readiness.of(url):
                raise Unavailable(f"The endpoint of {channel.name} is not ready: {complaint}")
        self._asked[channel.name] = now

    def _of(self, channel: Channel) -> list[str]:
        if channel.name not in self._urls:
            try:
                views = self._subscriptions.of(channel.topic_arn)
            except NotFound as error:
                raise Unavailable(str(error)) from error
            urls = [view.endpoint for view in views if view.is_confirmed and view.endpoint.startswith("http")]
            if not urls:
                raise Unavailable(
                    f"No endpoint is subscribed to {channel.name}: its server subscribes itself when it starts."
                )
            self._urls[channel.name] = urls
        return self._urls[channel.name]
