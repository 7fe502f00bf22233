"""The audit log."""

from __future__ import annotations

import pytest

from frontend.operators import audit
from shared.core.audit import AuditEntry, audit_entry_id
from tests.client import Browser, text_of
from tests.unit.frontend_operators.world import WHY, OperatorsWorld, message_path, rows, some_id, tick

PAGE = "/operators/audit"


def record(world: OperatorsWorld, subject: str, what: str, *, why: str = "", who: str = "stripe") -> None:
    """One line, a second after the one before."""
    world.later(seconds=1)
    world.audit.record(AuditEntry(subject, audit_entry_id(world.time), world.time, who, what, why=why))


def test_what_operators_did_comes_first_and_everything_on_demand(world: OperatorsWorld, operator: Browser) -> None:
    record(world, "customer#cus_1", "Subscribed.")
    record(world, "subscription#daily", "Paused the subscription.", why="It runs wild.", who="operator@example.org")
    [line] = rows(operator.get(PAGE))
    assert "operator@example.org Paused the subscription. It runs wild." in line
    assert len(rows(operator.get(f"{PAGE}?by=everybody"))) == 2


def test_one_subject_can_be_asked_for(world: OperatorsWorld, operator: Browser) -> None:
    record(world, "customer#cus_1", "Subscribed.")
    record(world, "customer#cus_2", "Subscribed.")
    page = operator.submit(operator.get(PAGE), "Show", subject="customer#cus_1")
    assert len(rows(page)) == 1
    assert "Nothing was done about customer#cus_3" in operator.get(f"{PAGE}?subject=customer%23cus_3").words


def test_a_letter_that_is_gone_leads_to_its_message_or_nowhere(world: OperatorsWorld, operator: Browser) -> None:
    ids = [world.undelivered(), world.undelivered(text="not JSON")]
    list_page = operator.get("/operators/dead-letters")
    operator.submit(tick(operator, list_page, ids[:1], "replay"), "Replay it now", why=WHY)
    operator.submit(tick(operator, list_page, ids[1:], "discard"), "Discard it now", why=WHY)
    [entry] = world.inbox.entries.values()
    page = operator.get(PAGE)
    assert page.all("a", href=message_path(entry))
    assert not page.all("a", href=f"/operators/dead-letters/job-requests/{ids[1]}")


def test_older_lines_follow(world: OperatorsWorld, operator: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "PAGE_SIZE", 2)
    for number in range(3):
        record(world, f"customer#{number}", "Subscribed.")
    page = operator.get(f"{PAGE}?by=everybody")
    [older] = [link.get("href", "") for link in page.all("a") if text_of(link) == "Older"]
    assert len(rows(page)) == 2
    assert len(rows(operator.get(older))) == 1


def test_a_place_to_go_on_from_that_is_none_is_refused(operator: Browser) -> None:
    assert operator.get(f"{PAGE}?start=nowhere").status == 400


def test_subjects_lead_to_their_pages(world: OperatorsWorld, operator: Browser) -> None:
    job = some_id()
    subjects = {
        f"job#{job}": f"/operators/jobs/{job}",
        f"user#{job}": f"/operators/users/{job}",
        "message#job-requests#1-2": "/operators/messages/job-requests/1-2",
        "dead-letter#daily#7": "/operators/dead-letters/daily/7",
        "subscription#daily": "/operators/subscriptions",
    }
    for subject in (*subjects, "customer#cus_1", "message#", "nonsense"):
        record(world, subject, "Did something.", why="Because.")
    page = operator.get(PAGE)
    for subject, address in subjects.items():
        assert subject in [text_of(link) for link in page.all("a", href=address)]
    assert not {"customer#cus_1", "message#", "nonsense"} & {text_of(link) for link in page.all("a")}
