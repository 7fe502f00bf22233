"""Operators see what lies in the queues, and leave it there."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from shared.core.errors import NotFound
from shared.core.inbox import EntryState
from shared.inbox.letters import Selection, Verdict
from tests.factories import NOON
from tests.sns_sender import body
from tests.unit.inbox.dead_letters_world import REASON, DeadLetterWorld, altered, everything, only


@pytest.fixture
def world() -> DeadLetterWorld:
    return DeadLetterWorld()


def test_each_queue_says_how_many_letters_it_has(world: DeadLetterWorld) -> None:
    world.undelivered()
    world.raw("?", queue="job-results")
    world.raw("!", queue="job-results")
    assert world.office.counts() == {"job-requests": 1, "job-results": 2, "object-restored": 0}


def test_letters_of_all_queues_are_listed_oldest_first_and_given_back(world: DeadLetterWorld) -> None:
    young = world.undelivered(sent_at=NOON - timedelta(hours=1))
    old = world.undelivered(queue="job-results", sent_at=NOON - timedelta(hours=2))
    letters = world.office.list(everything(), limit=50)
    assert [(letter.queue, letter.letter_id) for letter in letters] == [("job-results", old), ("job-requests", young)]
    assert len(world.office.list(everything(), limit=50)) == 2
    assert letters[0].forgotten_at == NOON - timedelta(hours=2) + timedelta(days=14)


def test_a_page_of_many_receives_no_more_than_it_shows(world: DeadLetterWorld) -> None:
    for number in range(300):
        world.undelivered(f"job-{number}")
    assert len(world.office.list(everything(), limit=50)) == 50
    assert world.queues.received <= 5 + 2 * len(world.channels)
    assert world.queues.held(world.url()) == []


def test_a_listed_letter_says_what_it_is_about(world: DeadLetterWorld) -> None:
    world.unhandled("job-7")
    (letter,) = world.office.list(everything(), limit=1)
    claimed = world.office.claimed(letter)
    assert (claimed.about.job_id, claimed.about.user_id, letter.reason) == ("job-7", "alice", REASON)


def test_a_list_keeps_no_bodies(world: DeadLetterWorld) -> None:
    world.raw("x" * 1024 * 1024)
    world.unhandled("job-7")
    letters = world.office.list(everything(), limit=50)
    assert [letter.body for letter in letters] == ["", ""]
    assert [world.office.claimed(letter).text for letter in letters] == ["", ""]
    assert len(world.office.show("job-requests", letters[0].letter_id).letter.body) > 0


def test_a_letter_is_shown_with_what_a_replay_would_do(world: DeadLetterWorld) -> None:
    letter = world.unhandled("job-7")
    shown = world.office.show("job-requests", letter)
    assert shown.verdict is Verdict.WOULD_REPLAY
    assert REASON in shown.detail
    assert (shown.about.job_id, shown.topic_arn) == ("job-7", world.channels[0].topic_arn)
    assert json.loads(shown.text)["job_id"] == "job-7"
    assert shown.entry is not None
    assert shown.entry.state is EntryState.DEAD
    assert world.queues.held(world.url()) == []


def test_an_altered_letter_is_shown_as_invalid_with_what_it_claims(world: DeadLetterWorld) -> None:
    shown = world.office.show("job-requests", world.put(altered(world.envelope())))
    assert (shown.verdict, shown.about.job_id) == (Verdict.INVALID, "other")
    assert "Signature is wrong" in shown.detail


def test_what_is_no_message_at_all_is_shown(world: DeadLetterWorld) -> None:
    shown = world.office.show("job-requests", world.raw("<html>"))
    assert (shown.verdict, shown.text, shown.message_id, shown.letter.body) == (Verdict.INVALID, "", "", "<html>")


def test_what_a_function_failed_at_says_whose_files_are_meant(world: DeadLetterWorld) -> None:
    event = {"Records": [{"s3": {"bucket": {"name": "gas-results"}, "object": {"key": "alice/job-7/run-1.1/a+b.vcf"}}}]}
    sns = {"TopicArn": world.channels[2].topic_arn, "MessageId": "m", "Message": json.dumps(event)}
    letter = world.queues.put(
        world.url("object-restored"),
        json.dumps({"Records": [{"Sns": sns}]}),
        attributes={"ErrorCode": "200", "ErrorMessage": "ClientError: SlowDown"},
    )
    shown = world.office.show("object-restored", letter)
    assert (shown.verdict, shown.about.job_id, shown.about.user_id) == (Verdict.INVALID, "job-7", "alice")
    assert shown.letter.reason == "ClientError: SlowDown"
    assert "docs/dead-letters.md" in shown.detail


@pytest.mark.parametrize(
    "text", ['{"Records": []}', '{"Records": [{"Sns": {"TopicArn": 1}}]}', "[]", "7", "[" * 100_000]
)
def test_a_function_s_letter_may_say_nothing(world: DeadLetterWorld, text: str) -> None:
    shown = world.office.show("object-restored", world.raw(text, queue="object-restored"))
    assert (shown.verdict, shown.about.job_id, shown.text) == (Verdict.INVALID, "", "")


def test_what_somebody_else_holds_is_not_found_and_says_so(world: DeadLetterWorld) -> None:
    letter = world.undelivered()
    run: Any = world.office.replay(everything(), who="otto", why="Mended.", dry_run=True)
    next(run)
    with pytest.raises(NotFound, match="somebody looks at it"):
        world.office.show("job-requests", letter)
    run.close()
    assert world.office.show("job-requests", letter).letter.letter_id == letter


def test_an_unknown_queue_has_no_letters(world: DeadLetterWorld) -> None:
    with pytest.raises(NotFound, match="no queue jobs"):
        world.office.show("jobs", "1")


def test_a_chosen_letter_is_found_among_many(world: DeadLetterWorld) -> None:
    letters = [world.undelivered(f"job-{number}") for number in range(100)]
    assert [letter.letter_id for letter in world.office.list(only(letters[77]), limit=50)] == [letters[77]]


def test_nothing_is_chosen_without_a_queue(world: DeadLetterWorld) -> None:
    world.undelivered()
    assert world.office.list(Selection(frozenset()), limit=50) == []


def test_a_bare_confirmation_is_shown(world: DeadLetterWorld) -> None:
    letter = world.raw(body(world.senders["job-requests"].subscription_confirmation()).decode())
    shown = world.office.show("job-requests", letter)
    assert (shown.verdict, shown.topic_arn) == (Verdict.INVALID, world.channels[0].topic_arn)
