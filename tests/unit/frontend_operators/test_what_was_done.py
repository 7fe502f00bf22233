"""What the pages say after the deed: what was done, what was not, and of which letters nobody can say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.client import Browser
from tests.unit.frontend_operators.world import LETTERS, WHY, OperatorsWorld, replay_all, rows, tick

ENDPOINT = "https://hooks.example.org/hooks/{}"


def hold(world: OperatorsWorld, number: int) -> None:
    """Somebody looks at so many letters that nobody holds so far."""
    url = world.queue_url("job-requests")
    world.queues.receive(url, queue="job-requests", hold=timedelta(minutes=10), limit=number, wait=True)


def test_a_replay_that_could_not_begin_is_not_called_replayed_nor_blamed_on_anybody(
    world: OperatorsWorld, operator: Browser
) -> None:
    letter_id = world.undelivered()
    page = tick(operator, operator.get(LETTERS), [letter_id], "replay")
    world.readiness.reasons[ENDPOINT.format("job-requests")] = "It cannot be reached."
    done = operator.submit(page, "Replay it now", why=WHY)
    assert done.h1 == "Not replayed"
    assert done.title.startswith("Not replayed")
    assert "It cannot be reached." in done.words
    assert "See what becomes of them" not in done.words
    for words in ("Somebody", "somebody", "Nothing was done"):
        assert words not in done.words


def test_a_replay_that_stopped_half_way_is_called_so(world: OperatorsWorld, operator: Browser) -> None:
    for route in ("job-requests", "job-results"):
        world.undelivered(route)
    page = replay_all(operator)
    world.readiness.reasons[ENDPOINT.format("job-results")] = "It cannot be reached."
    done = operator.submit(page, "Replay them now", why=WHY)
    assert done.h1 == "Replayed in part"
    assert "1 Replayed" in done.words


def test_what_is_invalid_was_not_replayed(world: OperatorsWorld, operator: Browser) -> None:
    letter_id = world.undelivered()
    page = tick(operator, operator.get(LETTERS), [letter_id], "replay")
    [lying] = world.queues.queues[world.queue_url("job-requests")]
    lying.letter = replace(lying.letter, body="not JSON")
    done = operator.submit(page, "Replay it now", why=WHY)
    assert done.h1 == "Not replayed"
    assert "1 Invalid" in done.words


@pytest.mark.parametrize("action", ["replay", "discard"])
def test_the_slower_of_two_operators_is_told_what_he_missed(
    world: OperatorsWorld, operator: Browser, action: str
) -> None:
    ids = [world.undelivered() for _ in range(3)]
    page = tick(operator, operator.get(LETTERS), ids, action)
    other = world.browser(world.account("second", role="operator"))
    button = f"{action.capitalize()} them now"
    other.submit(tick(other, other.get(LETTERS), ids[:2], action), button, why=WHY)
    done = operator.submit(page, button, why=WHY)
    assert f"1 {action.capitalize()}" in done.words
    assert "2 Gone, or held by somebody" in done.words
    assert {link.get("href") for row in done.all("tbody") for link in row.iter("a")} == {
        f"{LETTERS}/job-requests/{letter_id}" for letter_id in ids[:2]
    }


def test_a_dry_run_names_what_somebody_holds(world: OperatorsWorld, operator: Browser) -> None:
    ids = [world.undelivered() for _ in range(2)]
    page = operator.get(LETTERS)
    hold(world, 1)
    checked = tick(operator, page, ids, "replay")
    assert checked.h1 == "Replay this letter?"
    assert "1 Gone, or held by somebody" in checked.words


def test_a_list_without_the_letters_that_a_killed_command_holds_says_so(
    world: OperatorsWorld, operator: Browser
) -> None:
    for _ in range(2):
        world.undelivered()
    hold(world, 1)
    page = operator.get(LETTERS)
    assert len(rows(page)) == 1
    assert "About 1 more is held" in page.words
    hold(world, 1)
    for query in ("", "?queue=job-requests"):
        page = operator.get(LETTERS + query)
        assert "SQS counts about 2 and shows none: another operator or command holds them" in page.words
        assert "up to 10 minutes" in page.words
        assert "No dead letters" not in page.words
    assert "shows none" not in operator.get(f"{LETTERS}?queue=job-results").words
