"""From a verified notification to a durable entry: one conditional put."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from shared.core.clock import Clock
from shared.core.inbox import About, Entry, EntryState, Inbox
from shared.inbox.backlog import Backlog
from shared.inbox.route import Route
from shared.sns_verify import Notification

HEAD_START = timedelta(seconds=2)
"""For so long a fresh entry is left to the process that accepted it, which starts it within milliseconds. A sweep
that looked at once would only compete with it."""
_LONGEST_ID = 128  # characters; a longer one is none of ours, and DynamoDB bounds the keys of an index
_is_well_formed = re.compile(rf"[A-Za-z0-9_-]{{1,{_LONGEST_ID}}}").fullmatch


class Receipt(StrEnum):
    """What became of a notification."""

    ACCEPTED = "accepted"
    """It is stored, and nobody works on it yet."""
    WAITING = "duplicate, not started yet"
    """It was stored before, and nobody started it: the process that stored it may have died just then."""
    DUPLICATE = "duplicate"
    CONTRADICTION = "contradiction"
    """Another message was stored under its id."""


class Intake:
    """Stores notifications, each once."""

    def __init__(self, inbox: Inbox, backlog: Backlog, now: Clock) -> None:
        self._inbox = inbox
        self._backlog = backlog
        self._now = now

    def accept(self, route: Route[Any], message: Notification, received_at: datetime) -> tuple[Receipt, Entry]:
        """Returns when the entry is durable, with the entry that is stored.

        Raises `Unavailable`, and `TooLarge` when the store cannot hold it.
        """
        accepted_at = self._now()
        entry = Entry(
            entry_id=f"{route.name}#{message.message_id}",
            route=route.name,
            message_id=message.message_id,
            topic_arn=message.topic_arn,
            envelope=message.envelope,
            digest=digest(message),
            received_at=received_at,
            accepted_at=accepted_at,
            due_at=accepted_at + HEAD_START,
            about=about_of(message.message, route.parse),
        )
        known = self._inbox.accept(entry)
        if known is None:
            self._backlog.accepted()
            return Receipt.ACCEPTED, entry
        if known.digest != entry.digest:
            return Receipt.CONTRADICTION, known
        is_waiting = known.state is EntryState.RECEIVED and known.attempts == 0
        return (Receipt.WAITING if is_waiting else Receipt.DUPLICATE), known


def about_of(text: str, parse: Callable[[str], Any]) -> About:
    """Where the text is no message, only the ids that can be read all the same, for operators: what is wrong with it is
    for the worker to say, and no reason to refuse a push."""
    try:
        about = parse(text).about()
    except Exception:  # noqa: BLE001 - whatever a parser stumbles over, the push is accepted
        return _legible(text)
    ids = (about.job_id, about.user_id, about.request_id)
    return About(*(one if len(one) <= _LONGEST_ID else "" for one in ids))


def _legible(text: str) -> About:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return About()
    if not isinstance(found, dict):
        return About()
    ids = (found.get(name) for name in ("job_id", "user_id", "request_id"))
    return About(*(one if isinstance(one, str) and _is_well_formed(one) else "" for one in ids))


def digest(message: Notification) -> str:
    """Of what the publisher wrote. The envelope around it may differ between two deliveries of the same message: the
    signature, when the key was changed in between, and the order of keys."""
    content = json.dumps([message.subject, message.message])
    return hashlib.sha256(content.encode()).hexdigest()
