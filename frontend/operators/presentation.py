"""How what operators see is shown: states in words, texts made readable."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from frontend.jobs import presentation as jobs_view
from frontend.jobs.presentation import Badge
from frontend.operators.moments import rough
from shared.core.dead_letters import DeadLetter
from shared.core.inbox import Entry, EntryState, Head, Outcome
from shared.core.jobs import Job, JobState
from shared.inbox.letters import Result, Shown, Verdict

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
_DOOMED = Badge("Would fail at once", "alert", "warning")
NOT_MET = Badge("Gone, or held by somebody", "alert", "warning")
"""What became of a letter that was asked for and not met."""

_UNDELIVERED = "SNS could not deliver it."
_FOREIGN = "It is not a message of this topic."
_NO_REASON = "No reason was written beside it."


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


def judged(result: Result) -> Badge:
    """What became of a dead letter, or would; what would be replayed in vain is told apart."""
    return _DOOMED if result.would_fail else verdict(result.verdict)


def tally(results: Sequence[Result]) -> Mapping[Badge, int]:
    """How many results there are of each kind."""
    return Counter(map(judged, results))


def job_state(job: Job) -> Badge:
    """As its owner sees it, in words for somebody else."""
    if job.state is JobState.CREATED and job.pack_question is not None:
        return Badge("Waits for its owner's answer", "alert", "warning")
    return jobs_view.badge(job)


def whole(entry: Entry | Head) -> timedelta | None:
    """From the push to the end; None while there is no end."""
    return entry.finished_at - entry.received_at if entry.finished_at else None


def left(letter: DeadLetter, now: datetime) -> str:
    """How long SQS still keeps it."""
    return rough(letter.forgotten_at - now)


def is_urgent(letter: DeadLetter, now: datetime) -> bool:
    """Whether it is forgotten soon."""
    return letter.forgotten_at - now < SOON_FORGOTTEN


def why_dead(letter: DeadLetter, said_topic: str, topic_arn: str) -> str:
    """In a sentence. ``said_topic``: what it claims to be a message of; ``topic_arn``: what the queue is for.

    SNS writes nothing beside what it could not deliver.
    """
    if letter.reason:
        return letter.reason
    if said_topic != topic_arn:
        return _FOREIGN
    return _NO_REASON if letter.attributes.get("topic_arn") else _UNDELIVERED


def why_shown(shown: Shown) -> str:
    """`why_dead` of a letter whose signature was checked: SNS is not blamed for what it never sent."""
    why = why_dead(shown.letter, shown.topic_arn, shown.channel.topic_arn)
    return _NO_REASON if why == _UNDELIVERED and shown.verdict is Verdict.INVALID else why


def why_judged(result: Result) -> str:
    """What can be said of a result, which has no body to look into."""
    return result.detail or result.letter.reason or _NO_REASON


def tries(letter: DeadLetter) -> str:
    """``1 attempt``, as GAS wrote it beside the message; empty where nobody did."""
    number = letter.attributes.get("attempts", "")
    return f"{number} {'attempt' if number == '1' else 'attempts'}" if number else ""


def failed_at(letter: DeadLetter) -> datetime | None:
    """When the latest attempt failed, as GAS wrote it; None where that is no moment."""
    try:
        moment = datetime.fromisoformat(letter.attributes.get("failed_at", ""))
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


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
