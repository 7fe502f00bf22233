"""How `gas messages` looks."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from cli.operator import clock, iso, plain, span
from cli.people import named
from shared.core.audit import AuditEntry
from shared.core.inbox import Attempt, Entry, EntryState, Head, Outcome, Pause
from shared.sns_verify import VerificationError, read

_STYLES = {EntryState.DEAD: "red", EntryState.RUNNING: "cyan", EntryState.RECEIVED: "yellow", EntryState.DONE: "green"}
_OUTCOMES = {Outcome.DONE: "green", Outcome.DEAD: "red", Outcome.RETRY: "yellow", Outcome.LOST: "yellow"}
_LONGEST_ERROR = 200  # characters in a list


def listed(head: Head | Entry) -> dict[str, Any]:
    """A message in a document."""
    return {
        "id": head.entry_id,
        "topic": head.route,
        "message_id": head.message_id,
        "state": head.state.value,
        "attempts": head.attempts,
        "replays": head.replays,
        "received_at": iso(head.received_at),
        "accepted_at": iso(head.accepted_at),
        "due_at": iso(head.due_at),
        "started_at": iso(head.started_at),
        "finished_at": iso(head.finished_at),
        "error": head.error,
        **dataclasses.asdict(head.about),
    }


def paused(pause: Pause) -> dict[str, Any]:
    """A pause in a document."""
    return {"who": pause.who, "why": pause.why, "at": iso(pause.at)}


def in_full(entry: Entry, audited: Sequence[AuditEntry]) -> dict[str, Any]:
    """A message in a document, with its attempts, its envelope and what operators did."""
    return {
        **listed(entry),
        "topic_arn": entry.topic_arn,
        "holder": entry.holder,
        "history": [
            {
                "holder": attempt.holder,
                "claimed_at": iso(attempt.claimed_at),
                "started_at": iso(attempt.started_at),
                "ended_at": iso(attempt.ended_at),
                "seconds": round(_took(attempt).total_seconds(), 3),
                "outcome": attempt.outcome.value,
                "error": attempt.error,
            }
            for attempt in entry.history
        ],
        "audit": [{"at": iso(line.at), "who": line.who, "what": line.what, "why": line.why} for line in audited],
        "envelope": entry.envelope,
    }


def show_list(
    console: Console, heads: Sequence[Head], has_more: bool, pauses: Mapping[str, Pause], now: datetime
) -> None:
    """Latest first; what is paused at the end, where the eye is."""
    if heads:
        table = Table("Id", "State, age", "Error, and job", box=None, pad_edge=False)
        table.columns[0].no_wrap = table.columns[1].no_wrap = True
        table.columns[2].overflow = "fold"
        for head in heads:
            state = plain(head.state, _STYLES[head.state]).append_text(
                plain(f"\n{span(now - head.accepted_at)}", "dim")
            )
            tries = f"{head.attempts} attempts. " if head.attempts > 1 else ""
            lines = [f"{tries}{_line(head.error)}".strip(), head.about.job_id]
            table.add_row(plain(head.entry_id), state, plain("\n".join(line for line in lines if line)))
        console.print(table)
        console.print(f"\n{len(heads)} shown{'; there are more, --limit shows them' if has_more else ''}.")
    else:
        console.print("No such messages.")
    for pause in pauses.values():
        words = f"Paused since {clock(pause.at)} by {pause.who}: {pause.route}. {pause.why}"
        console.print(plain(words, "bold yellow"))


def show_message(console: Console, entry: Entry, email: str, audited: Sequence[AuditEntry], now: datetime) -> None:
    """What it is, each attempt, and what it says."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_row("State", plain(_standing(entry, now), _STYLES[entry.state]))
    if entry.error:
        table.add_row("Error", plain(entry.error))
    table.add_row("Topic", plain(entry.route))
    table.add_row("Message", plain(entry.message_id))
    for name, value in (
        ("Job", entry.about.job_id),
        ("User", named(entry.about.user_id, email)),
        ("Request", entry.about.request_id),
    ):
        if value:
            table.add_row(name, plain(value))
    table.add_row("Received", f"{clock(entry.received_at)} UTC, {span(now - entry.received_at)} ago")
    table.add_row("Accepted", f"{span(entry.accepted_at - entry.received_at)} later")
    if entry.replays:
        table.add_row("Replayed", "once" if entry.replays == 1 else f"{entry.replays} times")
    console.print(table)
    if entry.history or entry.state is EntryState.RUNNING:
        console.print()
        console.print(_timeline(entry, now))
    for line in audited:
        console.print(plain(f"{clock(line.at)}  {line.who}: {line.what} {line.why}", "dim"))
    console.print()
    console.print(plain(_text(entry)))


def _timeline(entry: Entry, now: datetime) -> Table:
    table = Table("Claimed (UTC)", "Waited", "Took", "Outcome", "By", "Error", box=None, pad_edge=False)
    before = entry.accepted_at
    for attempt in entry.history:
        table.add_row(
            clock(attempt.claimed_at),
            span(attempt.claimed_at - before),
            span(_took(attempt)),
            plain(attempt.outcome, _OUTCOMES.get(attempt.outcome, "")),
            plain(attempt.holder),
            plain(_line(attempt.error)),
        )
        before = attempt.ended_at
    if entry.state is EntryState.RUNNING and entry.claimed_at:
        table.add_row(
            clock(entry.claimed_at),
            span(entry.claimed_at - before),
            span(now - entry.claimed_at),
            plain("running", "cyan"),
            plain(entry.holder),
            "",
        )
    return table


def _standing(entry: Entry, now: datetime) -> str:
    match entry.state:
        case EntryState.RECEIVED if entry.due_at and entry.due_at > now:
            return f"RECEIVED, to be tried in {span(entry.due_at - now)}"
        case EntryState.RECEIVED:
            return "RECEIVED, to be tried as soon as a server is free"
        case EntryState.RUNNING:
            return f"RUNNING, attempt {entry.attempts}"
        case _:
            return f"{entry.state} at {clock(entry.finished_at)} UTC, attempts: {entry.attempts}"


def _took(attempt: Attempt) -> Any:
    return attempt.ended_at - (attempt.started_at or attempt.claimed_at)


def _text(entry: Entry) -> str:
    try:
        return read(entry.envelope.encode()).message.message
    except VerificationError:
        return entry.envelope


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_ERROR else f"{line[: _LONGEST_ERROR - 1]}…"
