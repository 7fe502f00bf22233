"""Subscriptions: how they stand, pausing and resuming."""

from __future__ import annotations

import json

import pytest

from frontend.operators.policy import in_words
from shared.aws.topics import DELIVERY_POLICY
from shared.core.channels import SubscriptionView
from shared.core.errors import Unavailable
from tests.client import Browser, Page, text_of
from tests.unit.frontend_operators.world import WHY, OperatorsWorld

PAGE = "/operators/subscriptions"


def about(page: Page, name: str) -> str:
    """What the page says of one channel."""
    return text_of(page.all("section", id=name)[0])


def test_each_says_where_it_is_pushed_to_how_often_and_when_it_was_last(
    world: OperatorsWorld, operator: Browser
) -> None:
    policy = json.dumps({"healthyRetryPolicy": {"numRetries": 1, "numNoDelayRetries": 1}})
    view = SubscriptionView("https://hooks.example.org/hooks/daily", True, policy, True)
    world.subscriptions.topics[world.settings.daily_topic] = [view]
    world.push("daily")
    world.later(hours=3)
    said = about(operator.get(PAGE), "daily")
    assert "Confirmed" in said
    assert "https://hooks.example.org/hooks/daily" in said
    assert "1 retry: 1 at once. Then it is a dead letter." in said
    assert "3 h ago" in said
    assert "none in the last 30 days" in about(operator.get(PAGE), "job-requests")


def test_a_pause_is_stored_shown_and_written_down_and_ends_the_same_way(
    world: OperatorsWorld, operator: Browser
) -> None:
    page = operator.follow(operator.submit(operator.get(PAGE), "Pause job-results", why=WHY))
    assert world.inbox.pauses()["job-results"].who == "operator@example.org"
    said = about(page, "job-results")
    assert "Paused by operator@example.org just now" in said
    assert WHY in said
    page = operator.follow(operator.submit(page, "Resume job-results", why="It works again."))
    assert world.inbox.pauses() == {}
    assert "Paused" not in about(page, "job-results")
    entries = world.audit.of("subscription#job-results", limit=5)
    assert sorted(entry.why for entry in entries) == sorted([WHY, "It works again."])


def test_who_resumes_what_somebody_else_has_resumed_is_told(world: OperatorsWorld, operator: Browser) -> None:
    page = operator.follow(operator.submit(operator.get(PAGE), "Pause job-results", why=WHY))
    world.inbox.resume("job-results")
    page = operator.follow(operator.submit(page, "Resume job-results", why="It works again."))
    assert "job-results was not paused" in page.words
    assert "accepted again" not in page.words
    assert [entry.why for entry in world.audit.of("subscription#job-results", limit=5)] == [WHY]


def test_nothing_is_paused_without_a_reason(world: OperatorsWorld, operator: Browser) -> None:
    page = operator.submit(operator.get(PAGE), "Pause daily", why="")
    assert page.status == 422
    assert "Say why" in about(page, "daily")
    assert "Say why" not in about(page, "job-requests")
    assert world.inbox.pauses() == {}


@pytest.mark.parametrize("route", ["object-restored", "nothing"])
def test_what_has_no_inbox_cannot_be_paused(world: OperatorsWorld, operator: Browser, route: str) -> None:
    token = next(item.get("value", "") for item in operator.get(PAGE).all("input", name="csrf_token"))
    assert operator.post(f"{PAGE}/{route}/pause", {"csrf_token": token, "why": WHY}).status == 404
    assert world.inbox.pauses() == {}


def test_a_server_that_is_not_ready_is_said_of_each_that_is_pushed_to_it(
    world: OperatorsWorld, operator: Browser
) -> None:
    view = SubscriptionView("https://other.example.org/hooks/daily", True, "", True)
    world.subscriptions.topics[world.settings.daily_topic] = [view]
    world.readiness.reasons = dict.fromkeys(
        [f"https://hooks.example.org/hooks/{one.name}" for one in world.settings.channels], "It answers 503: draining."
    )
    page = operator.get(PAGE)
    for name in ("job-requests", "job-results"):
        assert "Its server is not ready: It answers 503: draining." in about(page, name)
    assert "not ready" not in about(page, "daily")
    assert len(world.readiness.asked) == 2, "each server once"


def test_sns_being_away_is_said_of_each(world: OperatorsWorld, operator: Browser) -> None:
    world.subscriptions.fail_with = Unavailable("SNS does not answer.")
    page = operator.get(PAGE)
    assert page.status == 200
    assert "It cannot be looked at: SNS does not answer." in about(page, "daily").replace("Its subscription", "It")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", ""),
        ("not JSON", "not JSON"),
        ("[]", "[]"),
        ('{"healthyRetryPolicy": {"numRetries": "many"}}', '{"healthyRetryPolicy": {"numRetries": "many"}}'),
        ('{"healthyRetryPolicy": {"numRetries": 0}}', "No retries."),
        ("{}", "3 retries: 3 after 20 s each."),
        (
            json.dumps({"healthyRetryPolicy": DELIVERY_POLICY["healthyRetryPolicy"]}),
            "16 retries: 1 at once, 10 after 2 s each, 3 after 2 s growing to 10 min, 2 after 10 min each.",
        ),
    ],
)
def test_a_policy_is_put_into_words(given: str, said: str) -> None:
    assert in_words(given) == said
