"""`gas dlq`: the dead-letter queues.

Exit codes: 0 done as asked, 1 something was invalid, not found or held by somebody, or it was stopped, 2 the command was
wrong.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

import click

from cli import dlq_view as view
from cli.operator import CHANNELS, Answer, Since, command, stoppable, why_option
from shared.core.errors import GasError
from shared.inbox.letters import Result, Selection, Verdict
from shared.inbox.operations import Operations
from shared.inbox.scan import HOLD

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
_since = click.option("--since", type=Since(), help="Only what is in the queue since then, such as 2h.")
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
    operations: Operations, *, queues: tuple[str, ...], error: str, since: datetime | timedelta | None, limit: int
) -> Answer:
    """List dead letters, oldest first, and how many there are."""
    counts = operations.office.counts()
    letters = operations.office.list(_selection(operations, queues, error=error, since=since), limit=limit)
    rows = [view.listed(letter, operations.office.claimed(letter)) for letter in letters]
    names = [channel.name for channel in operations.channels if channel.name in queues or not queues]
    shown = {name: counts.get(name) for name in names}
    now = operations.now()
    return Answer(
        {"queues": shown, "letters": rows},
        lambda console: view.show_list(console, shown, letters, rows, now),
        code=1 if None in shown.values() else 0,
    )


@dlq_group.command("show")
@click.argument("queue", type=click.Choice(CHANNELS))
@click.argument("letter_id", metavar="ID")
@command
def show_letter(operations: Operations, *, queue: str, letter_id: str) -> Answer:
    """Show a dead letter, and what a replay would do."""
    operations.office.counts()  # SQS's answers put the clock right by which letters are old enough to be shown
    shown = operations.office.show(queue, letter_id)
    now = operations.now()
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
    since: datetime | timedelta | None,
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
    counts = operations.office.counts()
    selection = _selection(operations, queues, letter_ids, error, since)
    office = operations.office
    return _carry_out(
        operations,
        selection,
        counts,
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
    since: datetime | timedelta | None,
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
    counts = operations.office.counts()
    selection = _selection(operations, queues, letter_ids, error, since)
    office = operations.office
    return _carry_out(
        operations,
        selection,
        counts,
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
    since: datetime | timedelta | None = None,
) -> Selection:
    """To be made after AWS answered something, which puts the clock right."""
    every = (channel.name for channel in operations.channels)
    moment = operations.now() - since if isinstance(since, timedelta) else since
    return Selection(frozenset(queues or every), frozenset(letter_ids), since=moment, error=error)


def _carry_out(
    operations: Operations, selection: Selection, counts: Mapping[str, int], run: Run, *, deed: str
) -> Answer:
    """``counts``: of before."""
    is_everything = selection == Selection(selection.channels)
    total = len(selection.letter_ids) or None
    if is_everything:
        total = sum(counts.get(name, 0) for name in selection.channels)
    done = view.Done(is_dry_run=deed == "Looking", missing=set(selection.letter_ids))
    with stoppable() as stop, view.bar(deed, total) as advance:
        try:
            for result in run(stop):
                done.add(result)
                advance()
        except GasError as error:  # what was done until then is to be told all the same
            done.stopped = str(error)
        if stop.is_set() and not done.stopped:
            done.stopped = "Stopped as you asked; the rest is still in the queue."
    if is_everything and not done.stopped:
        _look_for_held(operations, selection, counts, done)
    is_fine = not (done.stopped or done.missing or done.held) and all(verdict in _FINE for verdict in done.counts)
    return Answer(done.document, lambda console: view.show_done(console, done), code=0 if is_fine else 1)


def _look_for_held(operations: Operations, selection: Selection, before: Mapping[str, int], done: view.Done) -> None:
    """Letters that were there before, were not met, and are still there: only whoever holds them sees them."""
    try:
        after = operations.office.counts()
    except GasError as error:
        done.stopped = f"Whether somebody holds more letters could not be seen: {error}"
        return
    for name in selection.channels:
        met, kept = done.met[name], done.kept[name]
        done.held += max(0, min(before.get(name, 0) - met, after.get(name, 0) - kept))
    done.held_until = operations.now() + HOLD
