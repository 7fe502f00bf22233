"""The audit log, on the fake and on DynamoDB."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from shared.core.audit import Audit, AuditEntry
from shared.core.clock import to_iso
from tests.factories import NOON


def an_entry(minute: int = 0, subject: str = "user#alice") -> AuditEntry:
    at = NOON + timedelta(minutes=minute)
    return AuditEntry(subject, f"{to_iso(at)}#{minute}", at, "stripe", "The plan is premium.", {"plan": "premium"})


def test_an_entry_comes_back_as_it_was_recorded(audit: Audit) -> None:
    for entry in (an_entry(), replace(an_entry(subject="user#bob"), details=None)):
        assert audit.record(entry)
        assert audit.of(entry.subject, limit=10) == [entry]


def test_an_entry_is_recorded_once_and_never_changed(audit: Audit) -> None:
    assert audit.record(an_entry())
    assert not audit.record(replace(an_entry(), what="Something else."))
    assert audit.of("user#alice", limit=10) == [an_entry()]


def test_the_same_id_stands_for_another_entry_of_another_subject(audit: Audit) -> None:
    assert audit.record(an_entry())
    assert audit.record(an_entry(subject="user#bob"))


def test_the_latest_entries_of_a_subject_are_answered_newest_first(audit: Audit) -> None:
    for minute in (2, 0, 3, 1):
        audit.record(an_entry(minute))
        audit.record(an_entry(minute, subject="user#bob"))
    assert audit.of("user#alice", limit=3) == [an_entry(3), an_entry(2), an_entry(1)]


def test_what_happens_once_stands_among_the_others_by_its_time(audit: Audit) -> None:
    once = replace(an_entry(1), entry_id="closed")
    for entry in (once, an_entry(0), an_entry(2)):
        audit.record(entry)
    assert audit.of("user#alice", limit=10) == [an_entry(2), once, an_entry(0)]
