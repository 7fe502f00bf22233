"""Operators' deeds are in the audit log before they are done: nothing is ever done that it does not know of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from shared.core.audit import Audit, AuditEntry, audit_entry_id
from shared.core.clock import Clock
from shared.core.errors import GasError, Permanent

log = structlog.get_logger()


@contextmanager
def on_record(audit: Audit, now: Clock, subject: str, what: str, *, who: str, why: str) -> Iterator[None]:
    """Around the deed itself. ``what``: in a sentence, as if it were done. When it fails, another line says so; when the
    process dies in between, the log has a deed too many, never one too few.

    Raises `Unavailable` when the log is away: the deed is not begun then. Raises what the deed raises.
    """

    def record(sentence: str) -> None:
        at = now()
        audit.record(AuditEntry(subject, audit_entry_id(at), at, who, sentence, why=why))

    record(what)
    try:
        yield
    except Exception as error:
        reason = str(error) if isinstance(error, GasError) else type(error).__name__
        # Nobody knows whether a write arrived whose answer did not.
        was = "was not" if isinstance(error, Permanent) else "may not have been"
        try:
            record(f"{what} That {was} done: {reason}")
        except GasError as failure:
            log.warning("audit log does not say that a deed failed", subject=subject, what=what, error=str(failure))
        raise
