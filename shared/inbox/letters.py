"""What operators do with dead letters: look at them, have them handled anew, discard them.

However a replay ends (its end, an error, Ctrl-C, `kill -9`), each letter is either still in the queue, or the inbox has
its message; of what is in both, the next replay says that it is a duplicate. The order is: audit log, inbox, queue.
"""

from __future__ import annotations

import builtins
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import TypeVar

import structlog

from shared.core.audit import Audit
from shared.core.channels import Channel, Subscriptions
from shared.core.clock import Clock
from shared.core.dead_letters import DeadLetter, DeadLetterQueues
from shared.core.errors import NotFound, Permanent
from shared.core.inbox import About, Entry, Inbox
from shared.inbox.letter_log import Deed, LetterLog
from shared.inbox.readiness import Endpoints, Servers
from shared.inbox.replay import Claimed, Judgement, Parsers, Replayer, Verdict
from shared.inbox.round import Order, Result, Round, Stopped
from shared.inbox.scan import LOOK, Scan
from shared.inbox.selection import UNDELIVERED, Selection
from shared.sns_verify import CertificateStore

__all__ = ["UNDELIVERED", "Claimed", "LetterOffice", "Result", "Selection", "Shown", "Stopped", "Verdict"]

log = structlog.get_logger()
T = TypeVar("T")


@dataclass(frozen=True)
class Listed(DeadLetter):
    """A letter of a list, without its body, which may have 1 MiB; what the body says it is was read before."""

    claimed: Claimed = field(default_factory=Claimed)
    """Without its text."""


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
        readiness: Servers,
        certificates: CertificateStore,
        parsers: Parsers,
        now: Clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Raises `ValueError` when a channel's topic is no ARN."""
        self._channels = {channel.name: channel for channel in channels}
        self._queues = queues
        self._inbox = inbox
        self._audit = audit
        self._subscriptions = subscriptions
        self._readiness = readiness
        self._replayer = Replayer(channels, inbox, certificates, parsers, now)
        self._now = now
        self._sleep = sleep

    def counts(self) -> Mapping[str, int]:
        """Channel → about how many letters its queue has, held or not; without those whose queue is not there. Raises
        `Unavailable`."""
        with ThreadPoolExecutor(len(self._channels)) as pool:
            counts = pool.map(self._count, self._channels.values())
            return {name: count for name, count in zip(self._channels, counts, strict=True) if count is not None}

    def list(
        self, selection: Selection, *, limit: int, stop: threading.Event | None = None
    ) -> builtins.list[DeadLetter]:
        """At most ``limit`` of the selected, oldest first, without their bodies. SQS shows letters in no order: there may
        be older ones, where there are more than ``limit``. It ends soon after ``stop`` is set, with what it met until
        then. A queue that is not there has none. Raises `Unavailable`."""
        channels = self._chosen(selection)
        if not channels:
            return []
        with ThreadPoolExecutor(len(channels)) as pool:
            found = pool.map(lambda channel: self._list_one(channel, selection, limit, stop), channels)
            letters: builtins.list[DeadLetter] = [letter for some in found for letter in some]
            return sorted(letters, key=lambda letter: letter.sent_at)[:limit]

    def _list_one(
        self, channel: Channel, selection: Selection, limit: int, stop: threading.Event | None
    ) -> builtins.list[Listed]:
        try:
            return self._some(channel, selection, limit, stop, lambda letter: self._listed(channel, letter))
        except NotFound:
            log.warning("there is no such dead-letter queue", queue=channel.name)
            return []

    def _listed(self, channel: Channel, letter: DeadLetter) -> Listed:
        values = {each.name: getattr(letter, each.name) for each in fields(DeadLetter)}
        claimed = self._replayer.claimed(channel, letter)
        return Listed(**{**values, "body": ""}, claimed=replace(claimed, text=""))

    def _count(self, channel: Channel) -> int | None:
        try:
            return self._queues.count(channel.dead_letters)
        except NotFound:
            log.warning("there is no such dead-letter queue", queue=channel.name)
            return None

    def show(self, channel: str, letter_id: str, *, stop: threading.Event | None = None) -> Shown:
        """Raises `NotFound`, also while somebody else holds the letter, or when ``stop`` was set before it was met, and
        `Unavailable`."""
        (of,) = self._chosen(selection := Selection(frozenset({channel}), frozenset({letter_id})))
        for letter in self._some(of, selection, 1, stop, lambda letter: letter):
            (judged,) = self._replayer.judge(of, [letter])
            judgement, claimed = judged.judgement(), self._replayer.claimed(of, letter)
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
        if isinstance(letter, Listed):
            return letter.claimed
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

        stop = stop or threading.Event()
        if dry_run:
            order = Order(selection, self._foresee, "looked at", is_dry_run=True, limit=limit, stop=stop)
        else:
            _require_reason(who, why)
            endpoints = Endpoints(self._subscriptions, self._readiness, self._inbox.pauses, self._now)
            journal = LetterLog(self._audit, self._replayer, self._now, who, why)
            order = Order(
                selection,
                journal.replay,
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

        def spare(channel: Channel, letters: Sequence[DeadLetter], pool: Executor) -> builtins.list[Deed]:  # noqa: ARG001 - as `discard`
            return [partial(Judgement, Verdict.WOULD_DISCARD, "")] * len(letters)

        journal = LetterLog(self._audit, self._replayer, self._now, who, why)
        if not dry_run:
            _require_reason(who, why)
        return self._round(
            Order(
                selection,
                spare if dry_run else journal.discard,
                "looked at" if dry_run else "discarded",
                is_dry_run=dry_run,
                not_removed=journal.not_discarded,
                limit=limit,
                stop=stop or threading.Event(),
            )
        )

    def _foresee(self, channel: Channel, letters: Sequence[DeadLetter], pool: Executor) -> builtins.list[Deed]:
        return [judged.judgement for judged in self._replayer.judge(channel, letters, pool=pool)]

    def _round(self, order: Order) -> Iterator[Result]:
        channels = self._chosen(order.selection)
        return Round(order, self._queues, now=self._now, sleep=self._sleep).go(channels)

    def _some(
        self,
        channel: Channel,
        selection: Selection,
        limit: int,
        stop: threading.Event | None,
        keep: Callable[[DeadLetter], T],
    ) -> builtins.list[T]:
        """What is kept of the letters that the scan meets first."""
        found: builtins.list[T] = []
        with Scan(self._queues, channel, started_at=self._now(), hold=LOOK, stop=stop or threading.Event()) as scan:
            for batch in scan:
                found += map(keep, filter(selection.takes, batch))
                if len(found) >= (len(selection.letter_ids) or limit):
                    break
        return found[:limit]

    def _chosen(self, selection: Selection) -> builtins.list[Channel]:
        """The channels in the order of a job's life. Raises `NotFound`."""
        if unknown := selection.channels - self._channels.keys():
            raise NotFound(f"There is no queue {', '.join(sorted(unknown))}; there is: {', '.join(self._channels)}.")
        return [channel for channel in self._channels.values() if channel.name in selection.channels]


def _require_reason(who: str, why: str) -> None:
    if not who.strip() or not why.strip():
        raise Permanent("Say who you are and why you do this: the audit log keeps both.")
