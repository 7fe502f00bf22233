"""The audit log, on the fake and on DynamoDB."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.core.audit import Audit, AuditEntry
from shared.core.clock import to_iso
from shared.core.errors import Permanent
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


def test_several_entries_are_recorded_at_once(audit: Audit) -> None:
    entries = [an_entry(1), an_entry(2), an_entry(1, subject="user#bob")]
    audit.record_all(entries)
    audit.record_all([])
    assert audit.of("user#alice", limit=10) == [entries[1], entries[0]]
    assert audit.of("user#bob", limit=10) == [entries[2]]
    assert len(audit.latest(limit=10)[0]) == 3


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


def recorded(audit: Audit, count: int) -> list[AuditEntry]:
    """So many entries, one a minute, newest first; operators made every third."""
    entries = [
        replace(an_entry(minute, subject=f"user#{minute % 4}"), why="" if minute % 3 else "It was stuck.")
        for minute in range(count)
    ]
    for entry in sorted(entries, key=lambda entry: entry.subject):
        audit.record(entry)
    return entries[::-1]


def read(audit: Audit, limit: int, *, by_operators: bool = False) -> list[AuditEntry]:
    """All there is, page by page, each as full as can be."""
    found, start = audit.latest(limit=limit, by_operators=by_operators)
    everything = list(found)
    while start is not None:
        assert len(found) == limit
        found, start = audit.latest(limit=limit, start=start, by_operators=by_operators)
        everything += found
    return everything


@pytest.mark.parametrize("limit", [1, 3, 5, 50])
def test_the_latest_entries_of_all_subjects_are_read_page_by_page_newest_first(audit: Audit, limit: int) -> None:
    entries = recorded(audit, 10)
    assert read(audit, limit) == entries
    assert read(audit, limit, by_operators=True) == [entry for entry in entries if entry.why]


def test_entries_of_one_moment_are_each_read_once(audit: Audit) -> None:
    entries = [replace(an_entry(), entry_id=f"e{number}", subject=f"user#{number % 3}") for number in range(9)]
    for entry in entries:
        audit.record(entry)
    latest = read(audit, 2)
    assert len(latest) == 9
    assert {(entry.subject, entry.entry_id) for entry in latest} == {(e.subject, e.entry_id) for e in entries}


def test_an_empty_log_has_no_next_page(audit: Audit) -> None:
    assert read(audit, 10) == []


def test_only_a_place_of_the_same_listing_is_gone_on_from(audit: Audit) -> None:
    recorded(audit, 10)
    _, start = audit.latest(limit=2)
    for wrong, by_operators in ((start, True), ("", False), ("x", False), ("naïve", False), ("e30", False)):
        with pytest.raises(Permanent):
            audit.latest(limit=2, start=wrong, by_operators=by_operators)
