"""Whether the servers behind the channels take pushes, before something is replayed to them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from shared.core.channels import Channel, Subscriptions
from shared.core.clock import Clock
from shared.core.errors import NotFound, Unavailable
from shared.core.inbox import Pause

_PATIENCE = 3.0  # seconds
_LONGEST = 16 * 1024  # bytes of an answer that are read
_ASKED_EVERY = timedelta(seconds=1)
_UNSEEN = timedelta(seconds=10)
"""For so long a replayed message may be missing in what a server says of its backlog: it counts at each of its sweeps,
some seconds apart."""


@dataclass(frozen=True)
class ServerState:
    """What a server's ``/readyz`` says."""

    complaint: str = ""
    """Why it does not take pushes, in a sentence; empty when it does."""
    unfinished: int = 0
    """Messages that it has accepted and not finished, about."""
    bound: int | None = None
    """From so many on it answers pushes with 503; None where it does not say."""


class Servers(Protocol):
    """Asks the servers behind push endpoints how they are."""

    def ask(self, endpoint: str) -> ServerState:
        """``endpoint`` is an `http(s)` URL. Raises nothing."""
        ...


class HttpReadiness:
    """Implements `shared.core.channels.Readiness` and `Servers`."""

    def of(self, endpoint: str) -> str:
        return self.ask(endpoint).complaint

    def ask(self, endpoint: str) -> ServerState:
        address = _readyz(endpoint)
        try:
            with requests.get(address, timeout=_PATIENCE, allow_redirects=False, stream=True) as answer:
                body = answer.raw.read(_LONGEST, decode_content=True)
                if answer.status_code == requests.codes.ok:
                    return _backlog(body)
                return ServerState(f"{address} answers {answer.status_code}{_said(body)}.")
        except requests.Timeout:
            return ServerState(f"{address} does not answer within {_PATIENCE:.0f} s.")
        except (requests.RequestException, HTTPError, OSError) as error:
            return ServerState(f"{address} cannot be reached ({type(error).__name__}).")


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


def _backlog(body: bytes) -> ServerState:
    """Of an answer as `shared.inbox.engine` writes it."""
    try:
        check = json.loads(body)["checks"]["backlog"]
        return ServerState(unfinished=int(check["unfinished"]), bound=int(check["bound"]))
    except (ValueError, LookupError, TypeError, RecursionError):
        return ServerState()  # it is ready, and that is all that is known


class Endpoints:
    """The servers behind the channels, for one replay: each is asked at most once a second."""

    def __init__(
        self, subscriptions: Subscriptions, servers: Servers, pauses: Callable[[], Mapping[str, Pause]], now: Clock
    ) -> None:
        self._subscriptions = subscriptions
        self._servers = servers
        self._pauses = pauses
        self._now = now
        self._urls: dict[str, list[str]] = {}
        self._states: dict[str, tuple[datetime, list[ServerState]]] = {}
        self._sent: list[tuple[datetime, int]] = []
        """When how many messages were replayed, as far as servers may not have counted them yet."""

    def require_ready(self, channel: Channel, count: int) -> str:
        """Called before ``count`` letters are replayed. Answers why they have to wait, in a sentence; empty: go on.

        A replay leaves half of the servers' backlog to what is pushed meanwhile. Raises `Unavailable` with a sentence
        when the channel is paused, its server does not take pushes, or nobody is subscribed. Where there is no inbox,
        nothing is replayed, and nobody has to be ready.
        """
        if not channel.has_inbox:
            return ""
        now = self._now()
        self._sent = [(at, number) for at, number in self._sent if timedelta(0) <= now - at < _UNSEEN]
        unseen = sum(number for _, number in self._sent)
        for state in self._states_of(channel, now):
            if state.bound is not None and state.unfinished + unseen >= max(1, state.bound // 2):
                return (
                    f"The server of {channel.name} has {state.unfinished + unseen:,} messages to handle; a replay goes "
                    f"on below {max(1, state.bound // 2):,}, half of what it takes, and leaves the rest to fresh pushes."
                )
        self._sent.append((now, count))
        return ""

    def _states_of(self, channel: Channel, now: datetime) -> list[ServerState]:
        asked_at, states = self._states.get(channel.name, (None, []))
        if asked_at is None or not timedelta(0) <= now - asked_at < _ASKED_EVERY:
            if pause := self._pauses().get(channel.name):
                raise Unavailable(f"{channel.name} is paused by {pause.who} ({pause.why}): resume it first.")
            states = [self._servers.ask(url) for url in self._of(channel)]
            for state in states:
                if state.complaint:
                    raise Unavailable(f"The endpoint of {channel.name} is not ready: {state.complaint}")
            self._states[channel.name] = (now, states)
        return states

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
