"""Why a letter is where it is, as the pages say it."""

from __future__ import annotations

import pytest

from shared.core.messages import Message
from tests.client import Browser
from tests.unit.frontend_operators.world import LETTERS, OperatorsWorld, replay_all, rows


@pytest.mark.parametrize("text", ["not JSON", '{"Type": "Notification"}', ""])
def test_what_is_no_message_of_the_topic_is_not_blamed_on_sns(
    world: OperatorsWorld, operator: Browser, text: str
) -> None:
    letter_id = world.undelivered(text=text or world.envelope("job-results", Message()))
    for page in (operator.get(LETTERS), operator.get(f"{LETTERS}/job-requests/{letter_id}")):
        assert "It is not a message of this topic." in page.words
        assert "SNS could not deliver it" not in page.words


def test_what_only_looks_like_a_message_of_the_topic_is_not_blamed_on_sns_once_it_was_checked(
    world: OperatorsWorld, operator: Browser
) -> None:
    forged = world.envelope("job-requests", Message()).replace("request_id", "request_ID")
    page = operator.get(f"{LETTERS}/job-requests/{world.undelivered(text=forged)}")
    assert "Invalid" in page.words
    assert "SNS could not deliver it" not in page.words


def test_a_discard_does_not_blame_sns_for_what_it_did_not_look_into(world: OperatorsWorld, operator: Browser) -> None:
    world.undelivered(text="not JSON")
    [row] = rows(replay_all(operator, "queue=job-requests", action="discard"))
    assert "No reason was written beside it." in row


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"attempts": "1", "failed_at": "2026-03-06T09:00:01Z"}, "After 1 attempt; the latest failed at 09:00:01, 2 h"),
        (
            {"attempts": "10", "failed_at": "2026-03-05T09:00:01Z"},
            "After 10 attempts; the latest failed at 5 Mar, 09:00:01",
        ),
        ({"attempts": "2", "failed_at": "0001-01-01T00:00:00+14:00"}, "After 2 attempts. What is said here"),
        ({"attempts": "3", "failed_at": "2026-03-05T09:00:01"}, "After 3 attempts. What is said here"),
        ({"attempts": "<b>", "failed_at": "noon"}, "After <b> attempts. What is said here"),
    ],
)
def test_how_often_it_was_tried_and_when_last_is_said_for_people(
    world: OperatorsWorld, operator: Browser, attributes: dict[str, str], said: str
) -> None:
    url = world.queue_url("job-requests")
    world.queues.bury(url, world.push().envelope, reason="No.", attributes=attributes)
    [stored] = world.queues.queues[url]
    assert said in operator.get(f"{LETTERS}/job-requests/{stored.letter.letter_id}").words
