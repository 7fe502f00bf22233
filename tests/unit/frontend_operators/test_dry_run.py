"""The dry run, and that what is done then is what the operator agreed to."""

from __future__ import annotations

from datetime import timedelta

import pytest

from frontend.operators import letters
from shared.core.messages import Message
from tests.client import Browser, text_of
from tests.unit.frontend_operators.world import LETTERS, WHY, OperatorsWorld, replay_all


def test_the_dry_run_says_what_would_happen_and_changes_nothing(world: OperatorsWorld, operator: Browser) -> None:
    world.dead(world.push(), "No.")
    world.undelivered(text="not JSON")
    known = world.push()
    world.bury(known, "No.")
    before = dict(world.inbox.entries)
    page = replay_all(operator)
    assert page.h1 == "Replay 2 letters?"
    for words in ("1 Would be replayed", "1 Duplicate", "1 Invalid"):
        assert words in page.words
    assert world.inbox.entries == before
    assert world.letters_in("job-requests") == 3
    assert world.audit.entries == []


def test_all_that_fit_are_replayed_and_what_came_after_the_dry_run_is_not(
    world: OperatorsWorld, operator: Browser
) -> None:
    world.undelivered("job-results")
    world.undelivered("job-requests")
    page = replay_all(operator, "queue=job-requests")
    world.later(minutes=1)
    world.undelivered("job-requests")
    done = operator.submit(page, "Replay it now", why=WHY)
    assert "1 Replayed" in done.words
    assert "About 1 letter is still in this queue" in done.words
    assert world.letters_in("job-results") == 1


@pytest.mark.parametrize("query", ["queue=job-requests", "queue=job-requests&until=0s"])
@pytest.mark.parametrize("most", [1, 2, 9])
@pytest.mark.parametrize("action", ["replay", "discard"])
def test_what_came_after_the_dry_run_is_left_alone_however_much_there_is(
    world: OperatorsWorld, operator: Browser, monkeypatch: pytest.MonkeyPatch, action: str, most: int, query: str
) -> None:
    monkeypatch.setattr(letters, "MOST", most)
    for _ in range(2):
        world.undelivered(sent_at=world.time - timedelta(seconds=1))
    page = replay_all(operator, query, action)
    world.later(seconds=1)
    late = world.undelivered()
    world.later(seconds=1)
    lying = world.queues.queues[world.queue_url("job-requests")]
    lying.reverse()  # SQS shows letters in no order
    operator.submit(page, f"{action.capitalize()} {'it' if most == 1 else 'them'} now", why=WHY)
    assert len(lying) == (2 if most == 1 else 1)
    assert late in {stored.letter.letter_id for stored in lying}


def test_only_letters_that_the_dry_run_showed_are_discarded(
    world: OperatorsWorld, operator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "MOST", 2)
    for number in range(5):
        world.undelivered(text=f"not JSON {number}")
    page = replay_all(operator, "queue=job-requests", action="discard")
    lying = world.queues.queues[world.queue_url("job-requests")]
    shown = [stored.letter.letter_id for stored in lying if stored.letter.letter_id in page.text]
    assert len(shown) == 2
    others = [stored.letter.letter_id for stored in lying if stored.letter.letter_id not in shown]
    lying.reverse()  # SQS shows letters in no order
    operator.submit(page, "Discard them now", why=WHY)
    assert sorted(stored.letter.letter_id for stored in lying) == others


def test_a_long_discard_goes_on_with_another_dry_run(
    world: OperatorsWorld, operator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "MOST", 2)
    for _ in range(3):
        world.undelivered(text="not JSON", sent_at=world.time - timedelta(seconds=1))
    page = replay_all(operator, "queue=job-requests", action="discard")
    page = operator.submit(page, "Discard them now", why=WHY)
    assert "2 Discarded" in page.words
    world.later(seconds=1)
    world.undelivered()
    page = operator.submit(page, "See what else fits")
    assert page.h1 == "Discard this letter?"
    assert world.letters_in("job-requests") == 2
    operator.submit(page, "Discard it now", why=WHY)
    assert world.letters_in("job-requests") == 1


@pytest.mark.parametrize("query", ["", "error=pack"])
def test_all_are_discarded_of_one_queue_at_a_time_only(world: OperatorsWorld, operator: Browser, query: str) -> None:
    world.dead(world.push(), "The pack hg38 is not installed.")
    page = replay_all(operator, query, action="discard")
    assert page.status == 422
    assert "choose one queue" in page.words
    assert not [button for button in page.all("button") if "now" in text_of(button)]
    assert replay_all(operator, f"queue=job-requests&{query}", action="discard").h1 == "Discard this letter?"


def test_what_would_be_replayed_in_vain_is_counted_by_itself(world: OperatorsWorld, operator: Browser) -> None:
    world.undelivered()
    for _ in range(2):
        world.undelivered(text=world.envelope("job-requests", Message()))
    page = replay_all(operator)
    assert "1 Would be replayed" in page.words
    assert "2 Would fail at once" in page.words


@pytest.mark.parametrize("shown", ["", "nothing/letter-00001", "job-requests"])
def test_nothing_is_discarded_that_no_dry_run_showed(world: OperatorsWorld, operator: Browser, shown: str) -> None:
    world.undelivered()
    token = next(item.get("value", "") for item in operator.get(LETTERS).all("input", name="csrf_token"))
    form = {"csrf_token": token, "why": WHY, "action": "discard", "scope": "all"}
    assert operator.post(f"{LETTERS}/act", {**form, "shown": shown} if shown else form).status == 400
    assert world.letters_in("job-requests") == 1


def test_a_long_selection_is_done_in_rounds_that_say_what_is_left(
    world: OperatorsWorld, operator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "MOST", 2)
    for _ in range(5):
        world.undelivered()
    page = operator.submit(replay_all(operator), "Replay them now", why=WHY)
    assert "2 Replayed" in page.words
    assert "About 3 letters are still" in page.words
    page = operator.submit(page, "Go on with the next")
    assert "About 1 letter is still" in page.words
    page = operator.submit(page, "Go on with the next")
    assert "1 Replayed" in page.words
    assert "Nothing is left" in page.words
    assert len(world.inbox.entries) == 5
