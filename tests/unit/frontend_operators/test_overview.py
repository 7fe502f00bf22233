"""The first screen: what is wrong."""

from __future__ import annotations

from datetime import timedelta

import pytest

from frontend.operators import overview
from shared.core.channels import SubscriptionView
from shared.core.errors import Unavailable
from shared.core.inbox import Pause
from tests.client import Browser, text_of
from tests.unit.frontend_operators.world import OperatorsWorld, row_of, rows

SVG = "{http://www.w3.org/2000/svg}"


def test_it_says_that_all_is_well(operator: Browser) -> None:
    page = operator.get("/operators")
    assert "All is well" in page.words
    assert page.title.startswith("All is well")


def test_dead_letters_are_wrong_and_lead_to_their_queue(world: OperatorsWorld, operator: Browser) -> None:
    world.undelivered("job-results")
    page = operator.get("/operators")
    assert "One thing is wrong" in page.words
    assert "job-results: 1 dead letter." in page.words
    assert page.all("a", href="/operators/dead-letters?queue=job-results")
    assert page.all("td", **{"data-label": "dead letter"})


def test_a_server_that_is_not_ready_is_wrong(world: OperatorsWorld, operator: Browser) -> None:
    world.readiness.reasons = dict.fromkeys(
        [f"https://hooks.example.org/hooks/{one.name}" for one in world.settings.channels], "It answers 503: draining."
    )
    page = operator.get("/operators")
    assert page.words.count("It answers 503: draining.") == 1, "one server, said once"
    assert "The server of job-requests, job-results," in page.words
    assert page.all("a", href="/operators/subscriptions#job-requests")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([], "Nobody is subscribed"),
        ([SubscriptionView("https://hooks.example.org/hooks/daily", False, "", True)], "not confirmed"),
        ([SubscriptionView("https://hooks.example.org/hooks/daily", True, "", False)], "no dead-letter queue"),
        ([SubscriptionView(f"https://{n}.example.org/hooks/daily", True, "", True) for n in "ab"], "more than one"),
    ],
)
def test_a_subscription_that_loses_messages_is_wrong(
    world: OperatorsWorld, operator: Browser, found: list[SubscriptionView], said: str
) -> None:
    world.subscriptions.topics[world.settings.daily_topic] = found
    for path in ("/operators", "/operators/subscriptions"):
        assert said in operator.get(path).words


def test_a_pause_is_shown_with_who_and_why(world: OperatorsWorld, operator: Browser) -> None:
    world.inbox.pause(Pause("daily", "bob@example.org", "The round runs wild.", world.time - timedelta(hours=2)))
    assert "daily was paused by bob@example.org 2 h ago: The round runs wild." in operator.get("/operators").words


def test_what_is_unfinished_for_long_is_pointed_out_whatever_the_period(
    world: OperatorsWorld, operator: Browser
) -> None:
    world.push()
    world.later(minutes=9)
    assert "All is well" in operator.get("/operators").words
    world.later(hours=3)
    page = operator.get("/operators?period=1h")
    assert "job-requests: a message has been unfinished for 3 h 9 min." in page.words
    assert page.all("a", href="/operators/messages?topic=job-requests&state=unfinished")


def test_sqs_being_away_hides_nothing_else(world: OperatorsWorld, operator: Browser) -> None:
    world.done(world.push())
    world.queues.fail_with = Unavailable("SQS does not answer.")
    page = operator.get("/operators")
    assert page.status == 200
    assert "The dead letters cannot be counted: SQS does not answer." in page.words
    assert text_of(row_of(page, "job-requests")).startswith("job-requests 10:00 to") is False
    assert "0 none ?" in text_of(row_of(page, "job-requests"))


def test_the_inbox_being_away_hides_nothing_else(world: OperatorsWorld, operator: Browser) -> None:
    world.undelivered()
    world.inbox.fail_with = Unavailable("DynamoDB does not answer.")
    page = operator.get("/operators")
    assert page.status == 200
    assert "The inbox cannot be read: DynamoDB does not answer." in page.words
    assert "job-requests: 1 dead letter." in page.words


def test_it_counts_what_was_received_handled_retried_and_dead(world: OperatorsWorld, operator: Browser) -> None:
    for _ in range(3):
        world.done(world.push("mail-feedback"))
    waiting = world.failed_once(world.push("mail-feedback"), "Busy.")
    world.later(seconds=20)
    world.done(waiting)
    world.dead(world.push("mail-feedback"), "No.")
    cells = [text_of(cell) for cell in row_of(operator.get("/operators"), "mail-feedback").iter("td")]
    assert cells[1:] == ["5", "4", "1", "1", "none", "1"]


def test_what_was_before_the_period_does_not_count(world: OperatorsWorld, operator: Browser) -> None:
    world.done(world.push())
    world.later(hours=2)
    assert "nothing came" in text_of(row_of(operator.get("/operators?period=1h"), "job-requests"))
    cells = [text_of(cell) for cell in row_of(operator.get("/operators?period=24h"), "job-requests").iter("td")]
    assert cells[1:3] == ["1", "1"]


def test_a_bar_leads_to_the_messages_that_it_counts(world: OperatorsWorld, operator: Browser) -> None:
    world.dead(world.push(), "No.")
    world.later(minutes=11)
    world.done(world.push())
    page = operator.get("/operators")
    [drawing] = page.all(f"{SVG}svg", **{"aria-label": "job-requests over time"})
    [first, _] = list(drawing.iter(f"{SVG}a"))
    assert first.get("aria-label") == "12:00 to 12:02 UTC: 1 received, 1 dead"
    listed = operator.get(first.get("href", ""))
    assert len(listed.all("tbody")) == 1
    assert "Dead" in rows(listed)[0]
    assert "Done" not in " ".join(rows(listed))


def test_it_says_how_long_each_stage_took(world: OperatorsWorld, operator: Browser) -> None:
    world.done(world.push("daily"), seconds=4)
    page = operator.get("/operators")
    [_, table] = [table for table in page.all("table") if "daily" in text_of(table)]
    [row] = [row for row in table.iter("tr") if text_of(row).startswith("daily")]
    stages = [text_of(cell) for cell in row.iter("td")]
    assert stages == ["12 ms 12 ms 12 ms", "0 ms 0 ms 0 ms", "4 s 4 s 4 s", "4 s 4 s 4 s"]


def test_the_part_that_follows_is_the_part_of_the_page(world: OperatorsWorld, operator: Browser) -> None:
    world.undelivered()
    part = operator.get("/operators/live?period=24h")
    assert not part.is_whole
    assert "the last 24 hours" in part.words
    assert part.root.find(".//div[@id='overview']").get("hx-get") == "/operators/live?period=24h"  # type: ignore[union-attr]  # fails when it is missing


def test_a_page_that_is_asked_for_again_at_once_asks_nobody_anew(world: OperatorsWorld, operator: Browser) -> None:
    operator.get("/operators")
    asked = len(world.readiness.asked)
    world.undelivered()
    operator.get("/operators/live")
    assert len(world.readiness.asked) == asked
    world.later(seconds=6)
    assert "1 dead letter" in operator.get("/operators/live").words
    assert len(world.readiness.asked) > asked


def test_figures_say_when_there_was_more_than_they_are_made_of(
    world: OperatorsWorld, operator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.inbox.desk.MOST_HEADS", 2)
    for _ in range(3):
        world.done(world.push())
    assert "There are more than these figures are made of" in operator.get("/operators").words


def test_periods_are_whole_numbers_of_their_steps() -> None:
    for period in overview.PERIODS.values():
        assert period.length % period.step == timedelta()
