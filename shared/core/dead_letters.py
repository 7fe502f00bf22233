"""What lies in a dead-letter queue, and what an operator asks of the queues.

Three roads lead there: SNS puts in what it could not deliver, bare; GAS puts in what it could not handle, with the
reason and more as message attributes (`shared.core.ports.DeadLetters.bury`); and Lambda what a function failed at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

FORGOTTEN_AFTER = timedelta(days=14)
"""When SQS forgets a message: the queues of `deploy/stack/core.yaml` have its longest retention."""


LONGEST_ATTRIBUTE = 1024
"""Characters. What GAS and Lambda write is no longer; what a stranger wrote may have 1 MiB."""


@dataclass(frozen=True)
class DeadLetter:
    """One message in a dead-letter queue, held by whoever received it."""

    queue: str
    """The name of its `shared.core.channels.Channel`."""
    letter_id: str
    """SQS's MessageId: the same at each receive, and not SNS's."""
    receipt: str
    """SQS's ReceiptHandle: the right to delete or release it, from this receive."""
    body: str
    """Verbatim; anything at all, since whoever may send to the queue may have written it."""
    sent_at: datetime
    """When SQS got it."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """As GAS buried it: ``reason``, ``route``, ``message_id``, ``topic_arn``, ``attempts``, ``failed_at``. As Lambda does:
    ``RequestID``, ``ErrorCode``, ``ErrorMessage``. Unproven; each cut after `LONGEST_ATTRIBUTE`."""

    @property
    def reason(self) -> str:
        """Why it could not be handled; empty where SNS could not deliver it."""
        return self.attributes.get("reason") or self.attributes.get("ErrorMessage", "")

    @property
    def forgotten_at(self) -> datetime:
        """When SQS forgets it."""
        return self.sent_at + FORGOTTEN_AFTER


class DeadLetterQueues(Protocol):
    """The queues, as operators use them. Every method may raise `Unavailable`, and `NotFound` where there is no queue.

    SQS has no way to look without receiving: what is received is held, invisible to others, until it is released,
    deleted, or the hold ends.
    """

    def count(self, queue_url: str) -> int:
        """About how many there are, held or not."""
        ...

    def receive(
        self, queue_url: str, *, queue: str, hold: timedelta, limit: int = 10, wait: bool = False
    ) -> Sequence[DeadLetter]:
        """At most ``limit`` (up to 10) that nobody holds, in no order. ``queue``: what `DeadLetter.queue` shall say.

        ``wait``: takes a second where there are none, and only then is none a sure answer: without it, SQS asks but some
        of its servers, and may miss what there is.
        """
        ...

    def release(self, queue_url: str, letters: Sequence[DeadLetter]) -> None:
        """Others may receive them again, at once. Harmless when the hold has ended or the letter is gone. Raises
        `Unavailable` when some were not released, after it tried all of them: these are free when the hold ends."""
        ...

    def delete(self, queue_url: str, letters: Sequence[DeadLetter]) -> None:
        """Removes them for good. Harmless when repeated. Raises `Unavailable` when some were not removed: they come
        back when the hold ends."""
        ...
