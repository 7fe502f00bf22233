"""`gas dlq`: the dead-letter queues.

Exit codes: 0 done as asked, 1 something was invalid, not found or left, or it was stopped, 2 the command was wrong.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, TypeVar

import click

from cli import dlq_view as view
from cli.operator import CHANNELS, Answer, Moment, command, stoppable, why_option
from shared.core.clock import utc_now
from shared.inbox.letters import Result, Selection, Stopped, Verdict
from shared.inbox.operations import Operations

F = TypeVar("F", bound=Callable[..., Any])
_FINE = {Verdict.REPLAYED, Verdict.DUPLICATE, Verdict.DISCARDED, Verdict.WOULD_REPLAY, Verdict.WOULD_DISCARD}
Run = Callable[[threading.Event], Iterator[Result]]


@click.group("dlq")
def dlq_group() -> None:
    """Dead letters: messages that could not be delivered or handled."""


_queue = click.option(
    "--queue",
    "--topic",
    "queues",
    multiple=True,
    type=click.Choice(CHANNELS),
    help="Only this topic's queue. [default: all]",
)
_since = click.option("--since", type=Moment(), help="Only what is in the queue since then, such as 2h.")
_error = click.option("--error", default="", help='Only with this in the reason; "undelivered": those without one.')


def _choice(function: F) -> F:
    """The options that choose letters, and those that make it happen."""
    for option in (
        click.option("--yes", is_flag=True, help="Do it. Without, it is only said what would happen."),
        _error,
        _since,
        click.option("--all", "everything", is_flag=True, help="All letters of the queues."),
        _queue,
        click.option("--id", "letter_ids", multiple=True, help="This letter."),
    ):
        function = option(function)
    return function


@dlq_group.command("list")
@_queue
@_error
@_since
@click.option("--limit", default=50, type=click.IntRange(1, 10_000), help="At most so many.", show_default=True)
@command
def list_letters(
    operations: Operations, *, queues: tuple[str, ...], error: str, since: datetime | None, limit: int
) -> Answer:
    """List dead letters, oldest first, and how many there are."""
    counts = operations.office.counts()
    letters = operations.office.list(_selection(operations, queues, error=error, since=since), limit=limit)
    rows = [view.listed(letter, operations.office.claimed(letter)) for letter in letters]
    shown = {name: count for name, count in counts.items() if name in queues or not queues}
    now = utc_now()
    return Answer(
        {"queues": shown, "letters": rows}, lambda console: view.show_list(console, shown, letters, rows, now)
    )


@dlq_group.command("show")
@click.argument("queue", type=click.Choice(CHANNELS))
@click.argument("letter_id", metavar="ID")
@command
def show_letter(operations: Operations, *, queue: str, letter_id: str) -> Answer:
    """Show a dead letter, and what a replay would do."""
    shown = operations.office.show(queue, letter_id)
    now = utc_now()
    return Answer(view.in_full(shown), lambda console: view.show_letter(console, shown, now))


@dlq_group.command("replay")
@_choice
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="At most so many a second.")
@why_option(required=False)
@command
def replay_letters(
    operations: Operations,
    *,
    letter_ids: tuple[str, ...],
    queues: tuple[str, ...],
    everything: bool,
    since: datetime | None,
    error: str,
    yes: bool,
    rate: float | None,
    who: str,
    why: str,
) -> Answer:
    """Have messages handled anew. Each is verified again; what is not true stays in the queue."""
    if not (letter_ids or queues or everything or since or error):
        raise click.UsageError("Nothing is selected: give --id, --queue, --since or --error, or --all.")
    _require_why(yes, why)
    selection = _selection(operations, queues, letter_ids, error, since)
    office = operations.office
    return _carry_out(
        operations,
        selection,
        lambda stop: office.replay(selection, who=who, why=why, dry_run=not yes, per_second=rate, stop=stop),
        deed="Replaying" if yes else "Looking",
    )


@dlq_group.command("discard")
@_choice
@why_option(required=False)
@command
def discard_letters(
    operations: Operations,
    *,
    letter_ids: tuple[str, ...],
    queues: tuple[str, ...],
    everything: bool,
    since: datetime | None,
    error: str,
    yes: bool,
    who: str,
    why: str,
) -> Answer:
    """Remove messages for good."""
    if everything and not queues:
        raise click.UsageError("--all needs --queue: say whose letters are to be discarded.")
    if not (letter_ids or everything or since or error):
        raise click.UsageError("Nothing is selected: give --id, --since or --error, or --queue with --all.")
    _require_why(yes, why)
    selection = _selection(operations, queues, letter_ids, error, since)
    office = operations.office
    return _carry_out(
        operations,
        selection,
        lambda stop: office.discard(selection, who=who, why=why, dry_run=not yes, stop=stop),
        deed="Discarding" if yes else "Looking",
    )


def _require_why(yes: bool, why: str) -> None:
    if yes and not why.strip():
        raise click.UsageError("--yes needs --why: the reason is kept in the audit log.")


def _selection(
    operations: Operations,
    queues: tuple[str, ...],
    letter_ids: tuple[str, ...] = (),
    error: str = "",
    since: datetime | None = None,
) -> Selection:
    every = (channel.name for channel in operations.channels)
    return Selection(frozenset(queues or every), frozenset(letter_ids), since=since, error=error)


def _carry_out(operations: Operations, selection: Selection, run: Run, *, deed: str) -> Answer:
    # Counted also where it is of no use for the bar: SQS's answers put the clock right by which letters are old enough.
    counts = operations.office.counts()
    total = len(selection.letter_ids) or None
    if selection == Selection(selection.channels):
        total = sum(counts[name] for name in selection.channels)
    done = view.Done(is_dry_run=deed == "Looking", missing=set(selection.letter_ids))
    with stoppable() as stop, view.bar(deed, total) as advance:
        try:
            for result in run(stop):
                done.add(result)
                advance()
        except Stopped as error:
            done.stopped = str(error)
        if stop.is_set() and not done.stopped:
            done.stopped = "Stopped as you asked; the rest is still in the queue."
    is_fine = not done.stopped and not done.missing and all(verdict in _FINE for verdict in done.counts)
    return Answer(done.document, lambda console: view.show_done(console, done), code=0 if is_fine else 1)
