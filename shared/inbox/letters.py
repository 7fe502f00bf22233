"""What operators do with dead letters: look at them, have them handled anew, discard them.

However a replay ends (its end, an error, Ctrl-C, `kill -9`), each letter is either still in the queue, or the inbox has
its message; of what is in both, the next replay says that it is a duplicate. The order is: inbox, audit log, queue.
"""

from __future__ import annotations

import builtins
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from shared.core.audit import Audit, AuditEntry, audit_entry_id
from shared.core.channels import Channel, Readiness, Subscriptions
from shared.core.clock import Clock, to_iso
from shared.core.dead_letters import DeadLetter, DeadLetterQueues
from shared.core.errors import NotFound, Permanent
from shared.core.inbox import About, Entry, Inbox
from shared.inbox.readiness import Endpoints
from shared.inbox.replay import Claimed, Parsers, Replayer, Verdict
from shared.inbox.round import Order, Result, Round, Stopped
from shared.inbox.scan import Scan
from shared.inbox.selection import UNDELIVERED, Selection
from shared.sns_verify import CertificateStore

__all__ = ["UNDELIVERED", "Claimed", "LetterOffice", "Result", "Selection", "Shown", "Stopped", "Verdict"]

_LONGEST_REASON = 500  # characters of a letter's reason in the audit log


@dataclass(frozen=True)
class Shown:
    """All about one letter."""

    letter: DeadLetter
    channel: Channel
    verdict: Verdict
    """What a replay would do: `WOULD_REPLAY`, `DUPLICATE`, `INVALID` or `UNDECIDED`."""
    detail: str
    topic_arn: str
    """What the letter says, as the next three: unproven when it is invalid, and empty where it does not say."""
    message_id: str
    text: str
    about: About
    entry: Entry | None
    """What the inbox has of it."""


class LetterOffice:
    """The dead-letter queues of every channel. Any number of operators may work at once."""

    def __init__(
        self,
        *,
        channels: Sequence[Channel],
        queues: DeadLetterQueues,
        inbox: Inbox,
        audit: Audit,
        subscriptions: Subscriptions,
        readiness: Readiness,
        certificates: CertificateStore,
        parsers: Parsers,
        now: Clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Raises `ValueError` when a channel's topic is no ARN."""
        self._channels = {channel.name: channel for channel in channels}
        self._queues = queues
        self._audit = audit
        self._subscriptions = subscriptions
        self._readiness = readiness
        self._replayer = Replayer(channels, inbox, certificates, parsers, now)
        self._now = now
        self._sleep = sleep

    def counts(self) -> Mapping[str, int]:
        """Channel → about how many letters its queue has. Raises `Unavailable`."""
        urls = [channel.dead_letters for channel in self._channels.values()]
        with ThreadPoolExecutor(len(urls)) as pool:
            return dict(zip(self._channels, pool.map(self._queues.count, urls), strict=True))

    def list(
        self, selection: Selection, *, limit: int, stop: threading.Event | None = None
    ) -> builtins.list[DeadLetter]:
        """At most ``limit`` of the selected, oldest first. SQS shows letters in no order: there may be older ones, where
        there are more than ``limit``. It ends soon after ``stop`` is set, with what it met until then. Raises
        `Unavailable`."""
        channels = self._chosen(selection)
        if not channels:
            return []
        with ThreadPoolExecutor(len(channels)) as pool:
            found = pool.map(lambda channel: self._some(channel, selection, limit, stop), channels)
            return sorted((letter for some in found for letter in some), key=lambda letter: letter.sent_at)[:limit]

    def show(self, channel: str, letter_id: str, *, stop: threading.Event | None = None) -> Shown:
        """Raises `NotFound`, also while somebody else holds the letter, or when ``stop`` was set before it was met, and
        `Unavailable`."""
        (of,) = self._chosen(selection := Selection(frozenset({channel}), frozenset({letter_id})))
        for letter in self._some(of, selection, 1, stop):
            judgement, claimed = self._replayer.judge(of, letter), self._replayer.claimed(of, letter)
            return Shown(
                letter=letter,
                channel=of,
                verdict=judgement.verdict,
                detail=judgement.detail,
                topic_arn=claimed.topic_arn,
                message_id=claimed.message_id,
                text=claimed.text,
                about=claimed.about,
                entry=judgement.entry,
            )
        raise NotFound(
            f"There is no dead letter {letter_id} in the queue of {channel}, or somebody looks at it at this moment."
        )

    def claimed(self, letter: DeadLetter) -> Claimed:
        """What a letter of `list` says it is. Nothing of it is proven."""
        return self._replayer.claimed(self._channels[letter.queue], letter)

    def replay(
        self,
        selection: Selection,
        *,
        who: str,
        why: str,
        dry_run: bool,
        per_second: float | None = None,
        limit: int | None = None,
        stop: threading.Event | None = None,
    ) -> Iterator[Result]:
        """Has the selected handled anew, and says of each what became of it; ``dry_run`` only says what would.

        ``limit``: at most so many results (whoever stops reading before misses up to nine that were carried out). It
        ends soon after ``stop`` is set. Raises `Stopped`, perhaps between two results; `NotFound` for an unknown channel;
        `Permanent` when ``who`` or ``why`` is empty.
        """

        def judge(channel: Channel, letter: DeadLetter) -> Result:
            judgement = self._replayer.judge(channel, letter)
            return Result(letter, judgement.verdict, judgement.detail)

        def act(channel: Channel, letter: DeadLetter) -> Result:
            judgement = self._replayer.replay(channel, letter)
            return self._recorded(channel, Result(letter, judgement.verdict, judgement.detail), who, why)

        stop = stop or threading.Event()
        if dry_run:
            order = Order(selection, judge, "looked at", is_dry_run=True, limit=limit, stop=stop)
        else:
            _require_reason(who, why)
            endpoints = Endpoints(self._subscriptions, self._readiness, self._now)
            order = Order(
                selection,
                act,
                "replayed",
                before=endpoints.require_ready,
                per_second=per_second,
                limit=limit,
                stop=stop,
            )
        return self._round(order)

    def discard(
        self,
        selection: Selection,
        *,
        who: str,
        why: str,
        dry_run: bool,
        limit: int | None = None,
        stop: threading.Event | None = None,
    ) -> Iterator[Result]:
        """Removes the selected for good, whatever they are. Otherwise as `replay`."""

        def spare(channel: Channel, letter: DeadLetter) -> Result:  # noqa: ARG001 - as `act`
            return Result(letter, Verdict.WOULD_DISCARD, "")

        def act(channel: Channel, letter: DeadLetter) -> Result:
            return self._recorded(channel, Result(letter, Verdict.DISCARDED, ""), who, why)

        if not dry_run:
            _require_reason(who, why)
        return self._round(
            Order(
                selection,
                spare if dry_run else act,
                "looked at" if dry_run else "discarded",
                is_dry_run=dry_run,
                limit=limit,
                stop=stop or threading.Event(),
            )
        )

    def _round(self, order: Order) -> Iterator[Result]:
        channels = self._chosen(order.selection)
        return Round(order, self._queues, now=self._now, sleep=self._sleep).go(channels)

    def _some(
        self, channel: Channel, selection: Selection, limit: int, stop: threading.Event | None
    ) -> builtins.list[DeadLetter]:
        """What the scan meets first."""
        found: builtins.list[DeadLetter] = []
        with Scan(self._queues, channel, started_at=self._now()) as scan:
            for batch in scan:
                found += filter(selection.takes, batch)
                if len(found) >= (len(selection.letter_ids) or limit) or (stop is not None and stop.is_set()):
                    break
        return found[:limit]

    def _chosen(self, selection: Selection) -> builtins.list[Channel]:
        """The channels in the order of a job's life. Raises `NotFound`."""
        if unknown := selection.channels - self._channels.keys():
            raise NotFound(f"There is no queue {', '.join(sorted(unknown))}; there is: {', '.join(self._channels)}.")
        return [channel for channel in self._channels.values() if channel.name in selection.channels]

    def _recorded(self, channel: Channel, result: Result, who: str, why: str) -> Result:
        """The result, when the audit log has it."""
        letter, now, claimed = result.letter, self._now(), self._replayer.claimed(channel, result.letter)
        details = {
            "verdict": result.verdict.value,
            "detail": result.detail,
            "reason": letter.reason[:_LONGEST_REASON],
            "sent_at": to_iso(letter.sent_at),
            "message_id": claimed.message_id,
            "topic_arn": claimed.topic_arn,
            "job_id": claimed.about.job_id,
            "user_id": claimed.about.user_id,
            "request_id": claimed.about.request_id,
        }
        self._audit.record(
            AuditEntry(
                subject=f"dead-letter#{letter.queue}#{letter.letter_id}",
                entry_id=audit_entry_id(now),
                at=now,
                who=who,
                what=_WHAT[result.verdict],
                details={name: value for name, value in details.items() if value},
                why=why,
            )
        )
        return result


_WHAT = {
    Verdict.REPLAYED: "Replayed the dead letter.",
    Verdict.DUPLICATE: "Removed the dead letter: the inbox has its message.",
    Verdict.INVALID: "Tried to replay the dead letter, which is invalid.",
    Verdict.UNDECIDED: "Tried to replay the dead letter, whose certificate could not be had.",
    Verdict.DISCARDED: "Discarded the dead letter.",
}


def _require_reason(who: str, why: str) -> None:
    if not who.strip() or not why.strip():
        raise Permanent("Say who you are and why you do this: the audit log keeps both.")
