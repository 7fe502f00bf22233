"""Which dead letters an operator means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.core.dead_letters import DeadLetter

UNDELIVERED = "undelivered"
"""As `Selection.error`: those that SNS could not deliver, which have no reason."""


@dataclass(frozen=True)
class Selection:
    """Some dead letters. Everything that is given has to hold."""

    channels: frozenset[str]
    """Names of the channels whose queues are looked through."""
    letter_ids: frozenset[str] = frozenset()
    """Only these; every one where it is empty."""
    since: datetime | None = None
    """Sent to the queue then or later."""
    until: datetime | None = None
    """Sent to the queue before."""
    error: str = ""
    """Part of the reason, upper or lower case; `UNDELIVERED` takes those without one."""

    def takes(self, letter: DeadLetter) -> bool:
        """Whether the letter is one of them."""
        return (
            letter.queue in self.channels
            and (not self.letter_ids or letter.letter_id in self.letter_ids)
            and (self.since is None or letter.sent_at >= self.since)
            and (self.until is None or letter.sent_at < self.until)
            and self._takes_reason(letter.reason.casefold())
        )

    def _takes_reason(self, reason: str) -> bool:
        wanted = self.error.strip().casefold()
        return not reason if wanted == UNDELIVERED else wanted in reason
