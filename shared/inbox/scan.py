"""Looking through a dead-letter queue.

SQS has no way to look without receiving, and answers a handful at a time, in no order. So a scan receives and receives,
and holds what it has got, so that the next receive brings something else; in the end it gives back what is left.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

import structlog

from shared.core.channels import Channel
from shared.core.dead_letters import DeadLetter, DeadLetterQueues
from shared.core.errors import GasError

log = structlog.get_logger()

HOLD = timedelta(minutes=10)
"""How long letters are invisible to others when a scan that acts on them dies without giving them back."""
LOOK = timedelta(minutes=1)
"""The same, of a scan that only looks; a second more with each receive, up to `HOLD`, so that a long queue does not come
again before its end is seen."""
_MOST_STALE = 1000
"""Receives in a row that bring only what was seen before: letters whose hold ended during a long scan come again, and
are held anew."""


class Scan:
    """One look through one queue; a context manager, which gives back in the end what was not deleted.

    Only letters sent until ``started_at`` are shown: a letter that is replayed and fails again comes back as another
    one, and must not be met twice.
    """

    def __init__(
        self,
        queues: DeadLetterQueues,
        channel: Channel,
        *,
        started_at: datetime,
        hold: timedelta,
        stop: threading.Event,
    ) -> None:
        self._queues = queues
        self._channel = channel
        self._started_at = started_at
        self._hold = hold
        self._stop = stop
        self._held: dict[str, DeadLetter] = {}
        self._deleted: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._held:
            return
        try:
            self._queues.release(self._channel.dead_letters, list(self._held.values()))
        except GasError as failure:
            log.warning("dead letters stay held for a while", queue=self._channel.name, error=str(failure))

    def __iter__(self) -> Iterator[Sequence[DeadLetter]]:
        """At most ten at a time, until the queue was seen or ``stop`` is set. Raises `Unavailable`, and `NotFound` where
        there is no queue."""
        is_empty, stale, hold = False, 0, self._hold
        while stale < _MOST_STALE and not self._stop.is_set():
            received = self._queues.receive(
                self._channel.dead_letters, queue=self._channel.name, hold=hold, wait=is_empty
            )
            hold = min(HOLD, hold + timedelta(seconds=1))
            if is_empty and not received:
                return
            is_empty = not received
            new = [
                letter
                for letter in received
                if letter.letter_id not in self._held and letter.letter_id not in self._deleted
            ]
            # The latest receipt is the one that counts. Bodies may be large, and giving back needs none.
            self._held.update({letter.letter_id: replace(letter, body="") for letter in received})
            stale = 0 if new else stale + 1
            if shown := [letter for letter in new if letter.sent_at <= self._started_at]:
                yield shown

    def delete(self, letters: Sequence[DeadLetter]) -> None:
        """Removes them from the queue. Raises `Unavailable`: some of them come back then, when their hold ends."""
        if letters:
            latest = [self._held.get(letter.letter_id, letter) for letter in letters]
            self._queues.delete(self._channel.dead_letters, latest)
            for letter in letters:
                self._held.pop(letter.letter_id, None)
                self._deleted.add(letter.letter_id)
