"""What operators use, from memory; see `tests.fakes`."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.core.channels import SubscriptionView
from shared.core.clock import Clock
from shared.core.dead_letters import LONGEST_ATTRIBUTE, DeadLetter
from shared.core.errors import NotFound
from shared.inbox.readiness import ServerState
from tests.factories import NOON
from tests.fake_jobs import Fake


@dataclass
class _Stored:
    letter: DeadLetter
    held_until: datetime
    receipt: str = ""
    """The latest: an older one has no effect."""


class FakeDeadLetterQueues(Fake):
    """SQS as operators use it. ``queues``: URL → what lies in the queue; each has to be made by `create`, or by the
    first `put` or `bury`."""

    def __init__(self, now: Clock = lambda: NOON) -> None:
        super().__init__()
        self.now = now
        self.queues: dict[str, list[_Stored]] = {}
        self.received = 0
        """How often `receive` was called."""
        self.misses = 0.2
        """Share of the receives that answer nothing without need, unless they wait, as SQS's do."""
        self._random = random.Random(1)
        self._numbers = itertools.count(1)

    def create(self, queue_url: str) -> None:
        """An empty queue."""
        self.queues.setdefault(queue_url, [])

    def put(
        self, queue_url: str, body: str, *, attributes: Mapping[str, str] | None = None, sent_at: datetime | None = None
    ) -> str:
        """A message as anybody may send it. Answers SQS's id of it."""
        letter_id = f"letter-{next(self._numbers):05}"
        cut = {name: value[:LONGEST_ATTRIBUTE] for name, value in (attributes or {}).items()}
        letter = DeadLetter("", letter_id, "", body, sent_at or self.now(), cut)
        with self.lock:
            self.queues.setdefault(queue_url, []).append(_Stored(letter, self.now()))
        return letter_id

    def bury(self, queue_url: str, envelope: str, *, reason: str, attributes: Mapping[str, str]) -> None:
        """As the servers do: `shared.core.ports.DeadLetters`."""
        self.reach()
        self.put(queue_url, envelope, attributes={**attributes, "reason": reason})

    def bodies(self, queue_url: str) -> list[str]:
        """Of all that is in the queue, held or not, oldest first."""
        return [stored.letter.body for stored in self.queues[queue_url]]

    def held(self, queue_url: str) -> list[str]:
        """The ids of what somebody holds."""
        return [stored.letter.letter_id for stored in self.queues[queue_url] if stored.held_until > self.now()]

    def count(self, queue_url: str) -> int:
        self.reach()
        return len(self._queue(queue_url))

    def receive(
        self, queue_url: str, *, queue: str, hold: timedelta, limit: int = 10, wait: bool = False
    ) -> Sequence[DeadLetter]:
        self.reach()
        self.received += 1
        with self.lock:
            if not wait and self._random.random() < self.misses:
                self._queue(queue_url)
                return []
            free = [stored for stored in self._queue(queue_url) if stored.held_until <= self.now()]
            for stored in free[:limit]:
                stored.held_until, stored.receipt = self.now() + hold, f"receipt-{next(self._numbers)}"
            return [replace(stored.letter, queue=queue, receipt=stored.receipt) for stored in free[:limit]]

    def release(self, queue_url: str, letters: Sequence[DeadLetter]) -> None:
        self.reach()
        receipts = {letter.receipt for letter in letters}
        with self.lock:
            for stored in self._queue(queue_url):
                if stored.receipt in receipts:
                    stored.held_until = self.now()

    def delete(self, queue_url: str, letters: Sequence[DeadLetter]) -> None:
        self.reach()
        receipts = {letter.receipt for letter in letters}
        with self.lock:
            self._queue(queue_url)[:] = [one for one in self._queue(queue_url) if one.receipt not in receipts]

    def _queue(self, queue_url: str) -> list[_Stored]:
        try:
            return self.queues[queue_url]
        except KeyError:
            raise NotFound("There is no such queue.") from None


class FakeSubscriptions(Fake):
    """SNS's subscriptions. ``topics``: topic → its subscriptions."""

    def __init__(self, topics: Mapping[str, list[SubscriptionView]] | None = None) -> None:
        super().__init__()
        self.topics = dict(topics or {})

    def of(self, topic_arn: str) -> list[SubscriptionView]:
        self.reach()
        try:
            return list(self.topics[topic_arn])
        except KeyError:
            raise NotFound("There is no such topic.") from None


class FakeReadiness:
    """Servers. ``reasons``: endpoint → why it is not ready; every other one is. ``asked``: endpoints, in order.
    ``bound`` and ``unfinished``: what each says of its backlog."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}
        self.asked: list[str] = []
        self.bound = 10_000
        self.unfinished: Callable[[], int] = lambda: 0

    def of(self, endpoint: str) -> str:
        return self.ask(endpoint).complaint

    def ask(self, endpoint: str) -> ServerState:
        self.asked.append(endpoint)
        return ServerState(self.reasons.get(endpoint, ""), self.unfinished(), self.bound)
