"""How `gas dlq` looks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from cli.operator import clock, iso, plain, span
from shared.core.dead_letters import DeadLetter
from shared.inbox.letters import UNDELIVERED, Claimed, Result, Shown, Verdict

_SOON = timedelta(days=3)
_MOST_ROWS = 50
_MOST_BODY = 4000  # characters
_EXPECTED = {Verdict.REPLAYED, Verdict.DISCARDED, Verdict.WOULD_REPLAY, Verdict.WOULD_DISCARD}
_STYLES = {
    Verdict.REPLAYED: "green",
    Verdict.WOULD_REPLAY: "green",
    Verdict.INVALID: "red",
    Verdict.UNDECIDED: "yellow",
}


def listed(letter: DeadLetter, claimed: Claimed) -> dict[str, Any]:
    """A letter in a document."""
    return {
        "queue": letter.queue,
        "id": letter.letter_id,
        "sent_at": iso(letter.sent_at),
        "forgotten_at": iso(letter.forgotten_at),
        "reason": letter.reason,
        "message_id": claimed.message_id,
        "job_id": claimed.about.job_id,
        "user_id": claimed.about.user_id,
    }


def show_list(
    console: Console,
    counts: Mapping[str, int],
    letters: Sequence[DeadLetter],
    rows: Sequence[Mapping[str, Any]],
    now: datetime,
) -> None:
    """The queues, then their letters."""
    table = Table("Queue", "Letters", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for name, count in counts.items():
        table.add_row(name, str(count), style="bold" if count else "dim")
    console.print(table)
    if not letters:
        console.print(
            "\nNo dead letters." if not sum(counts.values()) else "\nNo such dead letters, or somebody holds them."
        )
        return
    table = Table("Letter", "Age", "Left", "Reason, and job", box=None, pad_edge=False)
    for column in table.columns[:3]:
        column.no_wrap = True
    table.columns[3].overflow = "fold"
    for letter, row in zip(letters, rows, strict=True):
        reason = plain(_short(letter.reason)) if letter.reason else plain(UNDELIVERED, "dim")
        job_id = str(row["job_id"])
        table.add_row(
            plain(f"{letter.letter_id}\n{letter.queue}"),
            span(now - letter.sent_at),
            left(letter, now),
            reason.append_text(plain(f"\n{job_id}")) if job_id else reason,
        )
    console.print()
    console.print(table)
    more = sum(counts.values()) - len(letters)
    if more > 0:
        console.print(f"\nAbout {more} more; --limit shows more of them, --error, --since and --queue others.")


def left(letter: DeadLetter, now: datetime) -> Any:
    """How long until SQS forgets it."""
    remaining = letter.forgotten_at - now
    if remaining <= timedelta():
        return plain("any moment", "bold red")
    return plain(span(remaining), "bold red" if remaining < _SOON else "")


def in_full(shown: Shown) -> dict[str, Any]:
    """A letter in a document, with all that is known of it."""
    entry = shown.entry
    return {
        **listed(shown.letter, Claimed(shown.topic_arn, shown.message_id, shown.text, shown.about)),
        "topic_arn": shown.topic_arn,
        "request_id": shown.about.request_id,
        "verdict": shown.verdict.value,
        "detail": shown.detail,
        "attributes": dict(shown.letter.attributes),
        "text": shown.text,
        "body": shown.letter.body,
        "inbox": {
            "entry_id": entry.entry_id,
            "state": entry.state.value,
            "attempts": entry.attempts,
            "replays": entry.replays,
            "error": entry.error,
            "accepted_at": iso(entry.accepted_at),
            "finished_at": iso(entry.finished_at),
        }
        if entry
        else None,
    }


def show_letter(console: Console, shown: Shown, now: datetime) -> None:
    """Everything, the verdict first."""
    letter, entry = shown.letter, shown.entry
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_row("A replay", plain(f"{shown.verdict}. {shown.detail}", _STYLES.get(shown.verdict, "")))
    table.add_row("Queue", plain(letter.queue))
    table.add_row("Letter", plain(letter.letter_id))
    table.add_row("Sent (UTC)", f"{clock(letter.sent_at)}, {span(now - letter.sent_at)} ago")
    table.add_row("Left", left(letter, now))
    table.add_row("Reason", plain(letter.reason or "undelivered: SNS could not deliver it"))
    values = {
        "Message": shown.message_id,
        "Topic": shown.topic_arn,
        "Job": shown.about.job_id,
        "User": shown.about.user_id,
        "Request": shown.about.request_id,
    }
    for name, value in values.items():
        if value:
            table.add_row(name, plain(value))
    for name, value in letter.attributes.items():
        if name != "reason":
            table.add_row(plain(name), plain(value))
    if entry:
        table.add_row("In the inbox", plain(f"{entry.state}: gas messages show {entry.entry_id}"))
    console.print(table)
    console.print()
    console.print(plain(_pretty(shown.text or letter.body)))


@dataclass
class Done:
    """A replay or discarding so far."""

    is_dry_run: bool
    missing: set[str]
    """Letters that were asked for by id and not met."""
    stopped: str = ""
    counts: Counter[Verdict] = field(default_factory=Counter)
    rows: list[dict[str, str]] = field(default_factory=list)

    def add(self, result: Result) -> None:
        """One more letter."""
        self.counts[result.verdict] += 1
        self.missing.discard(result.letter.letter_id)
        self.rows.append(
            {
                "queue": result.letter.queue,
                "id": result.letter.letter_id,
                "verdict": result.verdict.value,
                "detail": result.detail,
            }
        )

    @property
    def document(self) -> dict[str, Any]:
        """What a script reads."""
        return {
            "dry_run": self.is_dry_run,
            "counts": {verdict.value: count for verdict, count in self.counts.items()},
            "results": self.rows,
            "not_found": sorted(self.missing),
            "stopped": self.stopped or None,
        }


def show_done(console: Console, done: Done) -> None:
    """What became of each letter; of many only what is out of the ordinary."""
    rows = done.rows
    if len(rows) > _MOST_ROWS:
        rows = [row for row in rows if Verdict(row["verdict"]) not in _EXPECTED]
    if rows:
        table = Table("Queue", "Id", "Outcome", "Detail", box=None, pad_edge=False)
        table.columns[0].no_wrap = table.columns[2].no_wrap = True
        table.columns[1].overflow, table.columns[1].min_width = "fold", 36
        for row in rows[:_MOST_ROWS]:
            verdict = Verdict(row["verdict"])
            table.add_row(
                plain(row["queue"]),
                plain(row["id"]),
                plain(verdict, _STYLES.get(verdict, "")),
                plain(_short(row["detail"])),
            )
        console.print(table)
        if len(rows) > _MOST_ROWS:
            console.print(f"… and {len(rows) - _MOST_ROWS} more, which --json lists.")
        console.print()
    counts = ", ".join(f"{count:,} {verdict}" for verdict, count in done.counts.items())
    console.print(f"{counts}." if counts else "No such dead letters.", style="bold")
    for letter_id in sorted(done.missing):
        console.print(plain(f"Not found: {letter_id}. It is gone, or somebody holds it at this moment.", "yellow"))
    if done.counts[Verdict.INVALID] or done.counts[Verdict.UNDECIDED]:
        console.print(
            "What is invalid or undecided stays in the queue: gas dlq show says more of it, gas dlq discard removes it."
        )
    if done.stopped:
        console.print(plain(done.stopped, "yellow"))
    elif done.is_dry_run and done.counts:
        console.print('A dry run: nothing was changed. To do it, add --yes --why "…".')


@contextmanager
def bar(deed: str, total: int | None) -> Iterator[Callable[[], None]]:
    """A progress bar on standard error, where that is a terminal. Its value is to be called for each letter."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(deed, total=total)
        yield lambda: progress.advance(task)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 200 else f"{line[:199]}…"


def _pretty(text: str) -> str:
    with suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return (
        text
        if len(text) <= _MOST_BODY
        else f"{text[:_MOST_BODY]}\n… {len(text) - _MOST_BODY:,} more characters; --json has all."
    )
