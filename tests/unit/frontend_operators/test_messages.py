"""The list of messages, one message, and trying it again."""

from __future__ import annotations

import pytest

from frontend.operators import messages
from shared.core.inbox import EntryState
from shared.core.messages import AccountChanged, JobRequested
from tests.client import Browser, text_of
from tests.factories import a_job
from tests.unit.frontend_operators.world import WHY, OperatorsWorld, message_path, rows


def test_the_latest_comes_first_with_what_went_wrong(world: OperatorsWorld, operator: Browser) -> None:
    world.dead(world.push(), "The pack hg38 is not installed.")
    world.later(minutes=3)
    world.done(world.push("job-results"))
    first, second, error = rows(operator.get("/operators/messages"))
    assert "job-results Done" in first
    assert "3 min ago job-requests Dead" in second
    assert error == "The pack hg38 is not installed."


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("topic=job-results", 1),
        ("state=dead", 1),
        ("state=unfinished", 1),
        ("state=done", 1),
        ("error=PACK", 1),
        ("since=30m", 2),
        ("until=30m", 1),
        ("since=2026-03-06T12:30&until=2026-03-06T12:50", 0),
        ("user=alice@example.org", 2),
        ("user=bob@example.org", 1),
    ],
)
def test_filters_stand_in_the_address(world: OperatorsWorld, operator: Browser, query: str, found: int) -> None:
    world.dead(world.push(), "The pack hg38 is not installed.")
    world.later(hours=1)
    world.done(world.push("job-results"))
    world.push("account-changes", AccountChanged(user_id=world.bob.user_id, epoch=1))
    assert (
        len([row for row in rows(operator.get(f"/operators/messages?{query}")) if "ago" in row or "now" in row])
        == found
    )


def test_a_job_finds_all_of_its_messages(world: OperatorsWorld, operator: Browser) -> None:
    job = a_job(user_id=world.alice.user_id)
    wanted = JobRequested(job_id=job.job_id, run=1, user_id=world.alice.user_id)
    world.push(message=wanted)
    world.push()
    assert len(rows(operator.get(f"/operators/messages?job={job.job_id}"))) == 1


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("since=yesterday", "Write a time as"),
        ("until=99999999d", "Write a time as"),
        ("topic=nothing", "There is no such topic"),
        ("state=asleep", "There is no such state"),
        ("user=charlie@example.org", "Nobody has this address"),
    ],
)
def test_a_filter_that_says_nothing_finds_nothing_and_says_how_to_write_it(
    world: OperatorsWorld, operator: Browser, query: str, said: str
) -> None:
    world.push()
    page = operator.get(f"/operators/messages?{query}")
    assert page.status == 422
    assert said in page.words
    assert rows(page) == []


def test_older_ones_follow_under_the_same_filter(
    world: OperatorsWorld, operator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "PAGE_SIZE", 2)
    for _ in range(3):
        world.push()
        world.push("job-results")
        world.later(seconds=1)
    page = operator.get("/operators/messages?topic=job-requests")
    assert len(rows(page)) == 2
    [older] = [link.get("href", "") for link in page.all("a") if text_of(link) == "Older"]
    assert len(rows(operator.get(older))) == 1


@pytest.mark.parametrize(
    "query", ["since=2h", "until=0s", "since=2026-03-06T12:00:00.123456%2B01:00", "since=1d&until=1m"]
)
def test_older_ones_follow_under_a_time_of_that_moment(
    world: OperatorsWorld, operator: Browser, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr(messages, "PAGE_SIZE", 1)
    for _ in range(3):
        world.push()
    world.later(seconds=90, milliseconds=123.456)
    page, seen = operator.get(f"/operators/messages?{query}"), []
    while page.status == 200:
        seen += rows(page)
        world.later(seconds=7)
        links = [link.get("href", "") for link in page.all("a") if text_of(link) == "Older"]
        if not links:
            break
        page = operator.get(links[0])
    assert page.status == 200
    assert len(seen) == 3


def test_a_place_to_go_on_from_that_is_none_is_refused(operator: Browser) -> None:
    assert operator.get("/operators/messages?start=nowhere").status == 400


def test_a_message_shows_each_attempt_with_its_time_outcome_and_error(world: OperatorsWorld, operator: Browser) -> None:
    entry = world.failed_once(world.push(), "DynamoDB does not answer.")
    world.later(seconds=30)
    entry = world.done(entry, seconds=3)
    words = operator.get(message_path(entry)).words
    assert "Pushed by SNS 11:59:59.988" in words
    assert "Verified and stored 12:00:00.000, 12 ms later" in words
    assert (
        "Attempt 1: failed, tried again 12:00:00.000, worked for 1 s annotator-1:42 DynamoDB does not answer." in words
    )
    assert "Attempt 2: done 12:00:30.000, worked for 3 s" in words


def test_attempts_keep_their_numbers_when_early_ones_are_forgotten(world: OperatorsWorld, operator: Browser) -> None:
    entry = world.push()
    for _ in range(23):
        entry = world.failed_once(entry, "Busy.")
        world.later(seconds=30)
    words = operator.get(message_path(world.claim(entry))).words
    assert "3 earlier attempts are not remembered" in words
    assert "Attempt 4: failed" in words
    assert "Attempt 23: failed" in words
    assert "Attempt 24: running" in words


def test_a_message_leads_to_its_job_and_shows_its_envelope_as_text(world: OperatorsWorld, operator: Browser) -> None:
    job = a_job(user_id=world.alice.user_id)
    entry = world.push(message=JobRequested(job_id=job.job_id, run=1, request_id="<script>alert(1)</script>"))
    page = operator.get(message_path(entry))
    assert page.all("a", href=f"/operators/jobs/{job.job_id}")
    assert '"request_id": "<script>alert(1)</script>"' in page.words
    assert "<script>alert" not in page.text


def test_a_waiting_message_is_tried_at_once(world: OperatorsWorld, operator: Browser) -> None:
    entry = world.failed_once(world.push(), "Busy.")
    page = operator.follow(operator.submit(operator.get(message_path(entry)), "Try it now", why=WHY))
    assert "It is tried now" in page.words
    assert world.inbox.entries[entry.entry_id].due_at == world.time


def test_a_dead_message_is_handled_anew_and_the_audit_log_knows_who_and_why(
    world: OperatorsWorld, operator: Browser
) -> None:
    entry = world.dead(world.push(), "No.")
    operator.submit(operator.get(message_path(entry)), "Try it now", why=WHY)
    stored = world.inbox.entries[entry.entry_id]
    assert (stored.state, stored.attempts, stored.replays) == (EntryState.RECEIVED, 0, 1)
    [said] = world.audit.of(f"message#{entry.entry_id}", limit=5)
    assert (said.who, said.why) == ("operator@example.org", WHY)


@pytest.mark.parametrize("why", ["", "   ", "x" * 501, "two\nlines"])
def test_nothing_is_done_without_a_proper_reason(world: OperatorsWorld, operator: Browser, why: str) -> None:
    entry = world.dead(world.push(), "No.")
    page = operator.submit(operator.get(message_path(entry)), "Try it now", why=why)
    assert page.status == 422
    assert page.all("p", id="why-error")
    assert world.inbox.entries[entry.entry_id] == entry


def test_who_comes_too_late_is_told(world: OperatorsWorld, operator: Browser) -> None:
    entry = world.failed_once(world.push(), "Busy.")
    page = operator.get(message_path(entry))
    world.later(seconds=30)
    world.done(entry)
    late = operator.follow(operator.submit(page, "Try it now", why=WHY))
    assert "was handled: there is nothing to try again" in late.words


def test_what_is_done_has_no_button(world: OperatorsWorld, operator: Browser) -> None:
    assert "Try it now" not in operator.get(message_path(world.done(world.push()))).words


@pytest.mark.parametrize(
    "path",
    [
        "job-requests/00000000-0000-0000-0000-000000000000",
        "job-requests/not-an-id",
        "object-restored/00000000-0000-0000-0000-000000000000",
        "pause/job-requests",
        "job-requests/" + "0" * 3000,
    ],
)
def test_an_unknown_message_is_not_found(operator: Browser, path: str) -> None:
    assert operator.get(f"/operators/messages/{path}").status == 404
