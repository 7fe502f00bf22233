"""The e-mails that were sent."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

KEPT = 5_000
"""E-mails; older ones are forgotten."""


@dataclass(frozen=True)
class Mail:
    """One e-mail as it was handed to SES."""

    message_id: str
    sender: str
    to: Sequence[str]
    subject: str
    text: str
    html: str
    tags: Mapping[str, str]
    sent_at: str
    """ISO 8601 in UTC."""


class Mailbox:
    """Every e-mail, whoever it is for."""

    def __init__(self) -> None:
        self._mails: deque[Mail] = deque(maxlen=KEPT)
        self._lock = threading.Lock()

    def dump(self) -> list[Mail]:
        """Newest first. Only while nothing changes."""
        return list(self._mails)

    def load(self, kept: list[Mail]) -> None:
        """These are the e-mails."""
        self._mails = deque(kept, maxlen=KEPT)

    def add(self, mail: Mail) -> None:
        """Keeps it."""
        with self._lock:
            self._mails.appendleft(mail)

    def all(self) -> list[Mail]:
        """Newest first."""
        with self._lock:
            return list(self._mails)

    def get(self, message_id: str) -> Mail | None:
        """None where there is no such e-mail (any more)."""
        return next((mail for mail in self.all() if mail.message_id == message_id), None)
