"""How `gas dlq list` looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table

from cli.operator import iso, plain, span
from shared.core.dead_letters import DeadLetter
from shared.inbox.letters import UNDELIVERED, Claimed
from shared.inbox.scan import HOLD

_SOON = timedelta(days=3)
_FOREIGN = "not a message of this topic"
NO_REASON = "no reason is written beside it"


@dataclass(frozen=True)
class Listing:
    """What was found."""

    counts: Mapping[str, int | None]
    """Queue → about how many letters it has, held or not; None where it is not there."""
    topics: Mapping[str, str]
    """Queue → the ARN of the topic that it is for."""
    letters: Sequence[DeadLetter]
    claims: Sequence[Claimed]
    """What each of them says it is."""
    limit: int
    is_narrowed: bool
    """Not everything in these queues was asked for."""

    @property
    def total(self) -> int:
        """In all these queues."""
        return sum(filter(None, self.counts.values()))

    @property
    def is_cut(self) -> bool:
        """Whether it ends at the limit."""
        return len(self.letters) >= self.limit

    @property
    def held(self) -> int:
        """About how many were not seen because somebody holds them; 0 where that cannot be told."""
        return 0 if self.is_cut or self.is_narrowed else max(0, self.total - len(self.letters))

    @property
    def document(self) -> dict[str, Any]:
        """What a script reads."""
        return {
            "queues": self.counts,
            "letters": [listed(letter, claimed) for letter, claimed in zip(self.letters, self.claims, strict=True)],
            "held": self.held,
        }


def listed(letter: DeadLetter, claimed: Claimed) -> dict[str, Any]:
    """A letter in a document."""
    return {
        "queue": letter.queue,
        "id": letter.letter_id,
        "sent_at": iso(letter.sent_at),
        "forgotten_at": iso(letter.forgotten_at),
        "reason": letter.reason,
        "topic_arn": claimed.topic_arn,
        "message_id": claimed.message_id,
        "job_id": claimed.about.job_id,
        "user_id": claimed.about.user_id,
    }


def why_dead(letter: DeadLetter, said_topic: str, topic_arn: str) -> str:
    """``said_topic``: what it claims to be a message of; ``topic_arn``: what the queue is for. SNS writes nothing beside
    what it could not deliver; servers and functions always do."""
    if letter.reason:
        return letter.reason
    if said_topic != topic_arn:
        return _FOREIGN
    return NO_REASON if letter.attributes.get("topic_arn") else UNDELIVERED


def show_list(console: Console, listing: Listing, now: datetime) -> None:
    """The queues, then their letters."""
    table = Table("Queue", "Letters", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for name, count in listing.counts.items():
        if count is None:
            table.add_row(name, "there is no such queue", style="red")
        else:
            table.add_row(name, str(count), style="bold" if count else "dim")
    console.print(table)
    console.print()
    if listing.letters:
        console.print(_letters(listing, now))
    elif not listing.total:
        console.print("No dead letters.")
    elif not listing.held:
        console.print("No such dead letters, or somebody holds them.")
    if listing.is_cut and listing.is_narrowed:
        console.print("\nThere may be more such letters; --limit shows more of them.")
    elif listing.is_cut and (more := listing.total - len(listing.letters)) > 0:
        console.print(f"\nAbout {more:,} more; --limit shows more of them, --error, --since and --queue others.")
    elif held := listing.held:
        text = (
            f"About {held:,} {'is' if held == 1 else 'are'} held and cannot be seen: for moments by another operator or "
            f"command, for up to {HOLD // timedelta(minutes=1)} min after one that was killed."
        )
        console.print(plain(f"\n{text}" if listing.letters else text, "yellow"))


def _letters(listing: Listing, now: datetime) -> Table:
    table = Table("Letter", "Age", "Left", "Reason, and job", box=None, pad_edge=False)
    for column in table.columns[:3]:
        column.no_wrap = True
    table.columns[3].overflow = "fold"
    for letter, claimed in zip(listing.letters, listing.claims, strict=True):
        why = short(why_dead(letter, claimed.topic_arn, listing.topics[letter.queue]))
        reason = plain(why, "" if letter.reason else "dim")
        job_id = claimed.about.job_id
        table.add_row(
            plain(f"{letter.letter_id}\n{letter.queue}"),
            span(now - letter.sent_at),
            left(letter, now),
            reason.append_text(plain(f"\n{job_id}")) if job_id else reason,
        )
    return table


def left(letter: DeadLetter, now: datetime) -> Any:
    """How long until SQS forgets it."""
    remaining = letter.forgotten_at - now
    if remaining <= timedelta():
        return plain("any moment", "bold red")
    return plain(span(remaining), "bold red" if remaining < _SOON else "")


def short(text: str) -> str:
    """In one line."""
    line = " ".join(text.split())
    return line if len(line) <= 200 else f"{line[:199]}…"
