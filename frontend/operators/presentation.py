"""How what operators see is shown: states in words, texts made readable."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from frontend.jobs.presentation import Badge
from frontend.operators.moments import rough
from shared.core.dead_letters import DeadLetter
from shared.core.inbox import Entry, EntryState, Head, Outcome
from shared.inbox.letters import Verdict

SOON_FORGOTTEN = timedelta(days=3)
"""A dead letter that SQS forgets so soon is pointed out."""
LONGEST_BODY = 64 * 1024
"""Characters of a message that a page shows: what lies in a dead-letter queue may have 1 MiB."""

STATES: Mapping[EntryState, Badge] = {
    EntryState.RECEIVED: Badge("Waiting", "clock", "active"),
    EntryState.RUNNING: Badge("Running", "run", "active"),
    EntryState.DONE: Badge("Done", "check", "success"),
    EntryState.DEAD: Badge("Dead", "cross", "error"),
}
_TRIED = Badge("Waiting for another attempt", "clock", "warning")

OUTCOMES: Mapping[Outcome, Badge] = {
    Outcome.DONE: Badge("Done", "check", "success"),
    Outcome.RETRY: Badge("Failed, tried again", "alert", "warning"),
    Outcome.DEAD: Badge("Failed for good", "cross", "error"),
    Outcome.RELEASED: Badge("Given back: the server stopped", "stop", "neutral"),
    Outcome.LOST: Badge("Nothing heard of it any more", "alert", "warning"),
}

_VISIBLE = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"}
"""Control characters → Unicode's pictures of them."""

_VERDICTS: Mapping[Verdict, Badge] = {
    Verdict.REPLAYED: Badge("Replayed", "check", "success"),
    Verdict.DISCARDED: Badge("Discarded", "trash", "neutral"),
    Verdict.DUPLICATE: Badge("Duplicate", "copy", "neutral"),
    Verdict.INVALID: Badge("Invalid", "alert", "error"),
    Verdict.UNDECIDED: Badge("Undecided", "alert", "warning"),
    Verdict.WOULD_REPLAY: Badge("Would be replayed", "run", "active"),
    Verdict.WOULD_DISCARD: Badge("Would be discarded", "trash", "warning"),
}


def state(entry: Entry | Head) -> Badge:
    """How a message stands."""
    if entry.state is EntryState.RECEIVED and entry.attempts:
        return _TRIED
    return STATES[entry.state]


def outcome(ended: Outcome) -> Badge:
    """How an attempt ended."""
    return OUTCOMES[ended]


def verdict(found: Verdict) -> Badge:
    """What became of a dead letter, or would."""
    return _VERDICTS[found]


def whole(entry: Entry | Head) -> timedelta | None:
    """From the push to the end; None while there is no end."""
    return entry.finished_at - entry.received_at if entry.finished_at else None


def left(letter: DeadLetter, now: datetime) -> str:
    """How long SQS still keeps it."""
    return rough(letter.forgotten_at - now)


def is_urgent(letter: DeadLetter, now: datetime) -> bool:
    """Whether it is forgotten soon."""
    return letter.forgotten_at - now < SOON_FORGOTTEN


def why_dead(letter: DeadLetter) -> str:
    """In a sentence."""
    return letter.reason or "SNS could not deliver it."


def pretty(text: str) -> str:
    """JSON with an object a line and the JSON inside of it opened; anything else as it is. At most `LONGEST_BODY`."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        return _shortened(text)
    if isinstance(given, dict) and isinstance(given.get("Message"), str):
        given = {**given, "Message": _opened(given["Message"])}
    try:
        return _shortened(json.dumps(given, indent=2, ensure_ascii=False))
    except RecursionError:
        return _shortened(text)


def _opened(text: str) -> object:
    try:
        inner: object = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return inner if isinstance(inner, dict | list) else text


def _shortened(text: str) -> str:
    # JSON may speak of halves of surrogate pairs, which are no text.
    shown = text[:LONGEST_BODY].encode(errors="replace").decode().translate(_VISIBLE)
    if len(text) <= LONGEST_BODY:
        return shown
    return f"{shown}\n… and {len(text) - LONGEST_BODY:,} characters more"
