"""Dead letters: looking, replaying and discarding."""

from __future__ import annotations

import json
import threading
from contextlib import nullcontext
from datetime import timedelta

import pytest

from frontend.operators import letters
from shared.core.errors import Unavailable
from shared.core.inbox import EntryState
from tests.client import Browser, text_of
from tests.unit.frontend_operators.world import LETTERS, WHY, OperatorsWorld, replay_all, rows, tick


def test_the_list_says_why_each_is_there_and_how_many_days_are_left(world: OperatorsWorld, operator: Browser) -> None:
    world.dead(world.push(), "The pack hg38 is not installed.")
    world.undelivered("job-results", sent_at=world.time - timedelta(days=12, hours=1))
    oldest, latest = rows(operator.get(LETTERS))
    assert "job-results 1 d 23 h left" in oldest
    assert "SNS could not deliver it." in oldest
    assert "job-requests 14 d job" in latest
    assert "The pack hg38 is not installed." in latest


@pytest.mark.parametrize(
    ("query", "found"),
    [("queue=job-results", 1), ("error=PACK", 1), ("error=undelivered", 2), ("since=1h", 2), ("until=1h", 1)],
)
def test_filters_stand_in_the_address(world: OperatorsWorld, operator: Browser, query: str, found: int) -> None:
    world.dead(world.push(), "The pack hg38 is not installed.")
    world.undelivered()
    world.undelivered("job-results", sent_at=world.time - timedelta(days=1))
    assert len(rows(operator.get(f"{LETTERS}?{query}"))) == found


def test_a_filter_that_says_nothing_finds_nothing(world: OperatorsWorld, operator: Browser) -> None:
    world.undelivered()
    for query in ("queue=nothing", "since=yesterday", "until=noon"):
        page = operator.get(f"{LETTERS}?{query}")
        assert page.status == 422
        assert rows(page) == []


def test_looking_leaves_everything_where_it_is(world: OperatorsWorld, operator: Browser) -> None:
    world.undelivered()
    for _ in range(2):
        assert len(rows(operator.get(LETTERS))) == 1
    assert world.queues.held(world.queue_url("job-requests")) == []


def test_a_letter_shows_what_lies_in_the_queue_whatever_that_is(world: OperatorsWorld, operator: Browser) -> None:
    for text in (
        "not JSON <script>alert(1)</script>",
        "x" * 1024 * 1024,
        '{"Message": 3}',
        "[1, 2]",
        "\u0001",
        '{"TopicArn": "\\ud800"}',
    ):
        letter_id = world.undelivered(text=text)
        page = operator.get(f"{LETTERS}/job-requests/{letter_id}")
        assert page.status == 200
        assert "Invalid" in page.words
        assert "Replay it" not in page.words
        assert len(page.text) < 200_000
        assert "<script>alert" not in page.text


def test_a_letter_that_is_not_there_is_not_found(world: OperatorsWorld, operator: Browser) -> None:
    world.undelivered()
    assert operator.get(f"{LETTERS}/job-requests/letter-99999").status == 404
    assert operator.get(f"{LETTERS}/nothing/letter-00001").status == 404


def test_the_ticked_ones_are_replayed_and_no_others(world: OperatorsWorld, operator: Browser) -> None:
    ids = [world.undelivered() for _ in range(3)]
    page = operator.submit(tick(operator, operator.get(LETTERS), ids[:2], "replay"), "Replay them now", why=WHY)
    assert "2 Replayed" in page.words
    assert "About 1 letter is still in these queues" in page.words
    assert world.letters_in("job-requests") == 1
    assert [entry.state for entry in world.inbox.entries.values()] == [EntryState.RECEIVED] * 2
    said = [entry for entry in world.audit.entries if entry.subject.startswith("dead-letter#")]
    assert {(entry.who, entry.why) for entry in said} == {("operator@example.org", WHY)}
    assert len(said) == 2


def test_a_dead_message_is_handled_anew_when_its_letter_is_replayed(world: OperatorsWorld, operator: Browser) -> None:
    entry = world.dead(world.push(), "No.")
    operator.submit(replay_all(operator), "Replay it now", why=WHY)
    assert world.inbox.entries[entry.entry_id].state is EntryState.RECEIVED
    assert world.letters_in("job-requests") == 0


def test_long_reasons_are_shortened_where_many_letters_are_shown(world: OperatorsWorld, operator: Browser) -> None:
    world.bury(world.push(), "x" * 5000)
    assert "x" * 1000 not in replay_all(operator, "queue=job-requests", action="discard").text


def test_an_altered_message_is_never_processed_and_stays(world: OperatorsWorld, operator: Browser) -> None:
    entry = world.push()
    world.inbox.entries.clear()
    envelope = json.loads(entry.envelope)
    altered = json.dumps({**envelope, "Message": envelope["Message"].replace('"run":1', '"run":2')})
    letter_id = world.undelivered(text=altered)
    other = world.undelivered("job-results", text=entry.envelope)
    for route, one in (("job-requests", letter_id), ("job-results", other)):
        page = tick(operator, operator.get(LETTERS), [one], "replay", route=route)
        assert "1 Invalid" in page.words
        assert "Replay it now" not in page.words
        token = next(item.get("value", "") for item in operator.get(LETTERS).all("input", name="csrf_token"))
        forced = operator.post(
            f"{LETTERS}/act", {"csrf_token": token, "letter": f"{route}/{one}", "action": "replay", "why": WHY}
        )
        assert "1 Invalid" in forced.words
        assert world.letters_in(route) == 1
    assert world.inbox.entries == {}


def test_discarding_removes_for_good_what_was_chosen(world: OperatorsWorld, operator: Browser) -> None:
    ids = [world.undelivered(text="not JSON"), world.undelivered()]
    page = tick(operator, operator.get(LETTERS), ids[:1], "discard")
    assert page.h1 == "Discard this letter?"
    assert world.letters_in("job-requests") == 2
    assert "1 Discarded" in operator.submit(page, "Discard it now", why=WHY).words
    assert world.letters_in("job-requests") == 1
    assert [entry.what for entry in world.audit.entries] == ["Discarded the dead letter."]


def test_one_letter_is_replayed_from_its_own_page(world: OperatorsWorld, operator: Browser) -> None:
    letter_id = world.undelivered()
    page = operator.get(f"{LETTERS}/job-requests/{letter_id}")
    token = next(item.get("value", "") for item in page.all("input", name="csrf_token"))
    done = operator.post(
        f"{LETTERS}/act",
        {"csrf_token": token, "letter": f"job-requests/{letter_id}", "action": "replay", "why": WHY},
    )
    assert "1 Replayed" in done.words


def test_nothing_is_done_without_a_reason(world: OperatorsWorld, operator: Browser) -> None:
    letter_id = world.undelivered()
    page = operator.submit(tick(operator, operator.get(LETTERS), [letter_id], "replay"), "Replay it now", why=" ")
    assert page.status == 422
    assert "Say why" in page.words
    assert world.letters_in("job-requests") == 1
    assert "1 Replayed" in operator.submit(page, "Replay it now", why=WHY).words


def test_nothing_chosen_is_said(world: OperatorsWorld, operator: Browser) -> None:
    world.undelivered()
    page = tick(operator, operator.get(LETTERS), [], "replay")
    assert page.status == 422
    assert "Choose at least one letter" in page.words


@pytest.mark.parametrize(
    "form",
    [
        {"action": "eat", "letter": "job-requests/letter-00001"},
        {"letter": "job-requests/letter-00001"},
        {"action": "replay"},
        {"action": "replay", "letter": "nothing/letter-00001"},
        {"action": "replay", "letter": "job-requests"},
        {"action": "replay", "scope": "all", "queue": "nothing"},
        {"action": "replay", "scope": "all", "since": "yesterday"},
    ],
)
def test_a_form_of_somebody_elses_making_does_nothing(
    world: OperatorsWorld, operator: Browser, form: dict[str, str]
) -> None:
    world.undelivered()
    token = next(item.get("value", "") for item in operator.get(LETTERS).all("input", name="csrf_token"))
    for path in ("check", "act"):
        assert operator.post(f"{LETTERS}/{path}", {"csrf_token": token, "why": WHY, **form}).status in {400, 422}
    assert world.letters_in("job-requests") == 1
    assert world.inbox.entries == {}


def test_an_endpoint_that_is_down_stops_it_and_everything_is_kept(world: OperatorsWorld, operator: Browser) -> None:
    letter_id = world.undelivered()
    page = tick(operator, operator.get(LETTERS), [letter_id], "replay")
    world.readiness.reasons["https://hooks.example.org/hooks/job-requests"] = "It cannot be reached."
    done = operator.submit(page, "Replay it now", why=WHY)
    assert "It cannot be reached." in done.words
    assert "the rest is still in the queue" in done.words
    assert world.letters_in("job-requests") == 1
    assert world.inbox.entries == {}


def test_two_operators_replay_the_same_letters_once(world: OperatorsWorld, operator: Browser) -> None:
    other = world.browser(world.account("second", role="operator"))
    ids = [world.undelivered() for _ in range(3)]
    pages = [(browser, tick(browser, browser.get(LETTERS), ids, "replay")) for browser in (operator, other)]
    said = [browser.submit(page, "Replay them now", why=WHY).words for browser, page in pages]
    assert ["3 Replayed" in words for words in said] == [True, False]
    assert "Somebody was quicker" in said[1]
    assert len(world.inbox.entries) == 3


def test_a_queue_that_is_too_long_to_be_looked_through_keeps_nobody_waiting(
    world: OperatorsWorld, operator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()
    over.set()
    monkeypatch.setattr(letters, "_deadline", lambda: nullcontext(over))
    ids = [world.undelivered() for _ in range(40)]
    assert "only a part was looked through" in operator.get(f"{LETTERS}?error=nothing").words
    page = operator.get(f"{LETTERS}/job-requests/{ids[-1]}")
    assert page.status == 400
    assert "was not met" in page.words
    assert world.queues.held(world.queue_url("job-requests")) == []


def test_a_queue_without_an_answer_is_a_kind_page(world: OperatorsWorld, operator: Browser) -> None:
    world.queues.fail_with = Unavailable("SQS does not answer.")
    page = operator.get(LETTERS)
    assert page.status == 503
    assert "Your data is safe" in page.words


def test_an_empty_list_says_so(operator: Browser) -> None:
    assert "No dead letters" in operator.get(LETTERS).words
    assert "No dead letter fits" in operator.get(f"{LETTERS}?error=pack").words
    assert text_of(operator.get(LETTERS).all("h2")[0]) == "No dead letters"
