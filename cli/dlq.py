"""`gas dlq`: the dead-letter queues.

Exit codes: 0 done as asked, 1 something was invalid, not found or held by somebody, or it was stopped, 2 the command was
wrong.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeVar

import click

from cli import dlq_view as view
from cli.dlq_list import Listing, show_list
from cli.operator import CHANNELS, Answer, Since, command, stoppable, why_option
from cli.people import address_of
from shared.core.errors import GasError
from shared.inbox.letters import Result, Selection
from shared.inbox.operations import Operations
from shared.inbox.scan import HOLD

F = TypeVar("F", bound=Callable[..., Any])
_INSTANT = timedelta(milliseconds=1)  # SQS's clock is no finer
Run = Callable[[Selection, threading.Event], Iterator[Result]]


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
_until = click.option("--until", type=Since(), help="Only what was in the queue before that, such as 2h or a moment.")
_error = click.option("--error", default="", help='Only with this in the reason; "undelivered": those without one.')


def _choice(function: F) -> F:
    """The options that choose letters, and those that make it happen."""
    for option in (
        click.option("--yes", is_flag=True, help="Do it. Without, it is only said what would happen."),
        _error,
        _until,
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
@_until
@click.option("--limit", default=50, type=click.IntRange(1, 10_000), help="At most so many.", show_default=True)
@command
def list_letters(
    operations: Operations,
    *,
    queues: tuple[str, ...],
    error: str,
    since: datetime | timedelta | None,
    until: datetime | timedelta | None,
    limit: int,
) -> Answer:
    """List dead letters, oldest first, and how many there are."""
    counts = operations.office.counts()
    selection = _selection(operations, queues, error=error, since=since, until=until)
    letters = operations.office.list(selection, limit=limit)
    channels = [channel for channel in operations.channels if channel.name in selection.channels]
    listing = Listing(
        counts={channel.name: counts.get(channel.name) for channel in channels},
        topics={channel.name: channel.topic_arn for channel in channels},
        letters=letters,
        claims=[operations.office.claimed(letter) for letter in letters],
        limit=limit,
        is_narrowed=selection != Selection(selection.channels),
    )
    now = operations.now()
    is_fine = not listing.held and None not in listing.counts.values()
    return Answer(listing.document, lambda console: show_list(console, listing, now), code=0 if is_fine else 1)


@dlq_group.command("show")
@click.argument("queue", metavar="QUEUE")
@click.argument("letter_id", metavar="ID", required=False)
@command
def show_letter(operations: Operations, *, queue: str, letter_id: str | None) -> Answer:
    """Show a dead letter, and what a replay would do. QUEUE ID may be written QUEUE/ID."""
    if letter_id is None:
        queue, _, letter_id = queue.partition("/")
    if queue not in CHANNELS:
        raise click.UsageError(f"There is no queue {queue!r}; QUEUE is one of {', '.join(CHANNELS)}.")
    if not letter_id:
        raise click.UsageError("Missing argument 'ID': gas dlq list has the letters' ids.")
    operations.office.counts()  # SQS's answers put the clock right by which letters are old enough to be shown
    shown = operations.office.show(queue, letter_id)
    now = operations.now()
    email = address_of(operations.users, shown.about.user_id)
    document = {**view.in_full(shown), "email": email}
    return Answer(document, lambda console: view.show_letter(console, shown, email, now))


def _finite(context: click.Context, parameter: click.Parameter, given: float | None) -> float | None:
    if given is not None and math.isnan(given):  # which lies within every range
        raise click.BadParameter("nan is not a rate.", ctx=context, param=parameter)
    return given


@dlq_group.command("replay")
@_choice
@click.option("--rate", type=click.FloatRange(0.001, 10_000), callback=_finite, help="At most so many a second.")
@why_option(required=False)
@command
def replay_letters(
    operations: Operations,
    *,
    letter_ids: tuple[str, ...],
    queues: tuple[str, ...],
    everything: bool,
    since: datetime | timedelta | None,
    until: datetime | timedelta | None,
    error: str,
    yes: bool,
    rate: float | None,
    who: str,
    why: str,
) -> Answer:
    """Have messages handled anew. Each is verified again; what is not true stays in the queue."""
    if not (letter_ids or queues or everything or since or until or error):
        raise click.UsageError("Nothing is selected: give --id, --queue, --since, --until or --error, or --all.")
    _require_why(yes, why)
    office = operations.office
    return _carry_out(
        operations,
        lambda: _selection(operations, queues, letter_ids, error, since, until),
        lambda selection, stop: office.replay(selection, who=who, why=why, dry_run=not yes, per_second=rate, stop=stop),
        deed="Replaying" if yes else "Looking",
        is_replay=True,
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
    until: datetime | timedelta | None,
    error: str,
    yes: bool,
    who: str,
    why: str,
) -> Answer:
    """Remove messages for good."""
    if everything and not queues:
        raise click.UsageError("--all needs --queue: say whose letters are to be discarded.")
    if not (letter_ids or everything or since or until or error):
        raise click.UsageError("Nothing is selected: give --id, --since, --until or --error, or --queue with --all.")
    _require_why(yes, why)
    office = operations.office
    return _carry_out(
        operations,
        lambda: _selection(operations, queues, letter_ids, error, since, until),
        lambda selection, stop: office.discard(selection, who=who, why=why, dry_run=not yes, stop=stop),
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
    until: datetime | timedelta | None = None,
) -> Selection:
    """To be made after AWS answered something, which puts the clock right."""
    every = (channel.name for channel in operations.channels)
    now = operations.now()
    first, last = (now - moment if isinstance(moment, timedelta) else moment for moment in (since, until))
    return Selection(frozenset(queues or every), frozenset(letter_ids), since=first, until=last, error=error)


def _carry_out(
    operations: Operations, select: Callable[[], Selection], run: Run, *, deed: str, is_replay: bool = False
) -> Answer:
    with stoppable() as stop:  # from the first moment: whatever was stopped, the answer says what was done
        counts = operations.office.counts()
        selection = select()
        is_everything = selection == Selection(selection.channels)
        total = len(selection.letter_ids) or None
        if is_everything:
            total = sum(counts.get(name, 0) for name in selection.channels)
        done = view.Done(is_dry_run=deed == "Looking", missing=set(selection.letter_ids))
        if done.is_dry_run and not selection.letter_ids:
            after = operations.now() + _INSTANT
            done.pinned = min(selection.until or after, after)
        with view.bar(deed, total) as advance:
            try:
                for result in run(selection, stop):
                    done.add(result)
                    advance()
            except GasError as error:  # what was done until then is to be told all the same
                done.stopped = str(error)
        if is_replay and done.is_dry_run:
            with suppress(GasError):  # a replay asks again
                pauses = operations.inbox.pauses()
                done.paused = [pauses[name] for name in done.met if name in pauses]
        if stop.is_set() and not done.stopped:
            done.stopped = "Stopped as you asked; the rest is still in the queue."
    if is_everything and not done.stopped:
        _look_for_held(operations, selection, counts, done)
    is_fine = not (done.stopped or done.missing or done.held or done.has_unfit)
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
