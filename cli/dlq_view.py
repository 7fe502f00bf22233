"""How a letter looks in `gas dlq`, and what was done to many."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from cli.dlq_list import NO_REASON, left, listed, short, why_dead
from cli.operator import clock, iso, plain, span
from cli.people import named
from shared.core.clock import to_iso
from shared.core.inbox import Pause
from shared.inbox.letters import UNDELIVERED, Claimed, Result, Shown, Verdict

_MOST_ROWS = 50
_MOST_BODY = 4000  # characters
_EXPECTED = {Verdict.REPLAYED, Verdict.DISCARDED, Verdict.WOULD_REPLAY, Verdict.WOULD_DISCARD}
_KEPT = {Verdict.INVALID, Verdict.UNDECIDED}
WOULD_FAIL = "would fail at once"
"""The outcome of a dry run, instead of the verdict, where a replay would be in vain."""
_STYLES: Mapping[str, str] = {
    Verdict.REPLAYED: "green",
    Verdict.WOULD_REPLAY: "green",
    WOULD_FAIL: "yellow",
    Verdict.INVALID: "red",
    Verdict.UNDECIDED: "yellow",
}


def in_full(shown: Shown) -> dict[str, Any]:
    """A letter in a document, with all that is known of it."""
    entry = shown.entry
    return {
        **listed(shown.letter, Claimed(shown.topic_arn, shown.message_id, shown.text, shown.about)),
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


def show_letter(console: Console, shown: Shown, email: str, now: datetime) -> None:
    """Everything, the verdict first."""
    letter, entry = shown.letter, shown.entry
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_row("A replay", plain(f"{shown.verdict}. {shown.detail}", _STYLES.get(shown.verdict, "")))
    table.add_row("Queue", plain(letter.queue))
    table.add_row("Letter", plain(letter.letter_id))
    table.add_row("Sent (UTC)", f"{clock(letter.sent_at)}, {span(now - letter.sent_at)} ago")
    table.add_row("Left", left(letter, now))
    table.add_row("Reason", plain(_reason(shown)))
    values = {
        "Message": shown.message_id,
        "Topic": shown.topic_arn,
        "Job": shown.about.job_id,
        "User": named(shown.about.user_id, email),
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


def _reason(shown: Shown) -> str:
    reason = why_dead(shown.letter, shown.topic_arn, shown.channel.topic_arn)
    if reason == UNDELIVERED:  # SNS is not blamed for what it never sent
        return NO_REASON if shown.verdict is Verdict.INVALID else "undelivered: SNS could not deliver it"
    return reason


@dataclass
class Done:
    """A replay or discarding so far."""

    is_dry_run: bool
    missing: set[str]
    """Letters that were asked for by id and not met."""
    pinned: datetime | None = None
    """Of a dry run: nothing that came then or later was looked at."""
    stopped: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    """Outcome → how many: a verdict, or `WOULD_FAIL`."""
    rows: list[dict[str, str]] = field(default_factory=list)
    met: Counter[str] = field(default_factory=Counter)
    """Queue → how many of its letters were looked at."""
    kept: Counter[str] = field(default_factory=Counter)
    """Queue → how many of these are still in it."""
    paused: Sequence[Pause] = ()
    """Of a dry run of a replay: what is paused of what it met."""
    held: int = 0
    """About how many letters were not met, because somebody holds them."""
    held_until: datetime | None = None
    """When they are free at the latest."""

    def add(self, result: Result) -> None:
        """One more letter."""
        self.met[result.letter.queue] += 1
        self.kept[result.letter.queue] += self.is_dry_run or result.verdict in _KEPT
        outcome = WOULD_FAIL if result.would_fail else result.verdict.value
        self.counts[outcome] += 1
        self.missing.discard(result.letter.letter_id)
        self.rows.append(
            {
                "queue": result.letter.queue,
                "id": result.letter.letter_id,
                "verdict": outcome,
                "detail": result.detail,
            }
        )

    @property
    def has_unfit(self) -> bool:
        """Whether letters were met that no replay takes, or not now."""
        return any(self.counts[verdict] for verdict in _KEPT)

    @property
    def document(self) -> dict[str, Any]:
        """What a script reads."""
        return {
            "dry_run": self.is_dry_run,
            "counts": dict(self.counts),
            "results": self.rows,
            "not_found": sorted(self.missing),
            "held": self.held,
            "stopped": self.stopped or None,
        }


def show_done(console: Console, done: Done) -> None:
    """What became of each letter; of many only what is out of the ordinary."""
    rows = done.rows
    if len(rows) > _MOST_ROWS:
        rows = [row for row in rows if row["verdict"] not in _EXPECTED]
    if rows:
        table = Table("Queue", "Id", "Outcome", "Detail", box=None, pad_edge=False)
        table.columns[0].no_wrap = table.columns[2].no_wrap = True
        table.columns[1].overflow, table.columns[1].min_width = "fold", 36
        for row in rows[:_MOST_ROWS]:
            outcome = row["verdict"]
            table.add_row(
                plain(row["queue"]),
                plain(row["id"]),
                plain(outcome, _STYLES.get(outcome, "")),
                plain(short(row["detail"])),
            )
        console.print(table)
        if len(rows) > _MOST_ROWS:
            console.print(f"… and {len(rows) - _MOST_ROWS} more, which --json lists.")
        console.print()
    if done.counts:
        counts = ", ".join(f"{count:,} {outcome}" for outcome, count in done.counts.items())
        console.print(f"{counts}.", style="bold")
    elif not (done.stopped or done.missing or done.held):  # else that is said, and there may be many
        console.print("No such dead letters.", style="bold")
    for letter_id in sorted(done.missing):
        console.print(plain(f"Not found: {letter_id}. It is gone, or somebody holds it at this moment.", "yellow"))
    if done.held:
        until = f"{done.held_until:%H:%M}" if done.held_until else "then"
        console.print(
            plain(
                f"{done.held:,} more {'is' if done.held == 1 else 'are'} held by somebody who looks at them at this moment, "
                f"or was killed doing so: free again by {until} UTC at the latest. Run this again then.",
                "yellow",
            )
        )
    if done.counts[WOULD_FAIL]:
        console.print("What would fail at once is replayed in vain: it comes back as a dead letter.")
    if done.has_unfit:
        console.print(
            "What is invalid or undecided stays in the queue: gas dlq show says more of it, gas dlq discard removes it."
        )
    for pause in done.paused:
        console.print(
            plain(f"{pause.route} is paused by {pause.who} ({pause.why}): resume it before a replay.", "yellow")
        )
    if done.stopped:
        console.print(plain(done.stopped, "yellow"))
    elif done.is_dry_run and not done.counts.keys() <= _KEPT:
        until = f"--until {to_iso(done.pinned)} " if done.pinned else ""
        console.print(f'A dry run: nothing was changed. To do it, add {until}--yes --why "…".')


@contextmanager
def bar(deed: str, total: int | None) -> Iterator[Callable[[], None]]:
    """A progress bar on standard error, where that is a terminal. Its value is to be called for each letter."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(deed, total=total)
        yield lambda: progress.advance(task)


def _pretty(text: str) -> str:
    with suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return (
        text
        if len(text) <= _MOST_BODY
        else f"{text[:_MOST_BODY]}\n… {len(text) - _MOST_BODY:,} more characters; --json has all."
    )
