"""The audit log: what operators and billing did, to whom, when and why."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.core.clock import Moment, to_iso


@dataclass(frozen=True)
class AuditEntry:
    """One line of the audit log."""

    subject: str
    """What it is about: ``user#<id>``, ``job#<id>``, ``customer#<id>``, ``stripe-event#<id>``,
    ``message#<route>#<MessageId>``, ``dead-letter#<queue>#<SQS's id>``, ``subscription#<route>``."""
    entry_id: str
    """Unique within the subject; sorts by time, such as ``<moment>#<random>``, or a fixed word for what happens once."""
    at: Moment
    who: str
    """``stripe``, ``reconciliation``, a user_id, or an operator's address or name."""
    what: str
    """A sentence."""
    details: Mapping[str, str] | None = None
    why: str = ""
    """The operator's reason, in their words."""


def audit_entry_id(at: Moment) -> str:
    """A new `AuditEntry.entry_id` that sorts by time."""
    return f"{to_iso(at)}#{secrets.token_hex(8)}"


class Audit(Protocol):
    """The audit table."""

    def record(self, entry: AuditEntry) -> bool:
        """Stores it once. False when an entry of this subject and id is there already: it is not changed."""
        ...

    def record_all(self, entries: Sequence[AuditEntry]) -> None:
        """Stores them all, or raises `Unavailable` (some may be stored then). Their ids are `audit_entry_id`s, so that none
        of them is there already; at most 25."""
        ...

    def of(self, subject: str, *, limit: int) -> list[AuditEntry]:
        """The latest entries of a subject, newest first."""
        ...

    def latest(
        self, *, limit: int, start: str | None = None, by_operators: bool = False
    ) -> tuple[Sequence[AuditEntry], str | None]:
        """Of all subjects, newest first, and where to go on (opaque; None at the end). ``by_operators``: only what has a
        reason (`AuditEntry.why`). May be a second behind. Raises `Permanent` when ``start`` is not such a place."""
        ...
