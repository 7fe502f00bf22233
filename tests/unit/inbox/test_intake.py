"""A notification is stored once, under one name, whatever is delivered how often."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.core.errors import Unavailable
from shared.core.inbox import About, EntryState
from shared.core.messages import JobRequested, MailEvent
from shared.inbox.backlog import Backlog
from shared.inbox.intake import Receipt
from shared.inbox.route import Route
from tests.factories import NOON
from tests.sns_sender import TOPIC_ARN
from tests.unit.inbox.world import QUEUE, World


@pytest.fixture
def world() -> World:
    return World()


def test_an_accepted_notification_is_stored_verbatim_with_the_moment_of_its_arrival(world: World) -> None:
    message = world.notification()
    world.time = NOON + timedelta(milliseconds=5)
    receipt, entry = world.intake.accept(world.route, message, NOON)
    assert receipt is Receipt.ACCEPTED
    assert entry == world.entry(f"job-requests#{message.message_id}")
    assert (entry.envelope, entry.topic_arn, entry.route) == (message.envelope, message.topic_arn, "job-requests")
    assert (entry.received_at, entry.accepted_at) == (NOON, NOON + timedelta(milliseconds=5))
    assert entry.state is EntryState.RECEIVED


def test_an_entry_says_whom_and_what_it_is_about(world: World) -> None:
    text = JobRequested(job_id="job", run=1, user_id="alice", request_id="r").to_json()
    _, entry = world.intake.accept(world.route, world.notification(text), NOON)
    assert entry.about == About(job_id="job", user_id="alice", request_id="r")


@pytest.mark.parametrize(
    "text", ["", "not json", "[" * 10_000, "9" * 5_000, "[1]", '{"job_id": ["job"]}', '{"job_id": "../../x y"}']
)
def test_what_is_no_message_is_accepted_and_about_nothing(world: World, text: str) -> None:
    receipt, entry = world.intake.accept(world.route, world.notification(text), NOON)
    assert (receipt, entry.about) == (Receipt.ACCEPTED, About())


def test_what_is_no_message_is_still_about_whom_it_says_where_that_is_well_formed(world: World) -> None:
    text = json.dumps({"job_id": "job", "run": "first", "user_id": "alice", "request_id": "r" * 129})
    _, entry = world.intake.accept(world.route, world.notification(text), NOON)
    assert entry.about == About(job_id="job", user_id="alice")


def test_an_id_that_no_index_could_hold_is_left_out(world: World) -> None:
    route = Route("mail-feedback", TOPIC_ARN, QUEUE, MailEvent.from_json, lambda *_: None)
    tags = {"job_id": ["x" * 5000], "user_id": ["alice"]}
    text = json.dumps({"eventType": "Send", "mail": {"messageId": "1", "tags": tags}})
    _, entry = world.intake.accept(route, world.notification(text), NOON)
    assert entry.about == About(user_id="alice")


def test_a_sweep_leaves_a_fresh_entry_to_the_process_that_accepted_it(world: World) -> None:
    world.accept()
    for seconds, found in ((1, 0), (2, 1)):
        moment = NOON + timedelta(seconds=seconds)
        assert len(world.inbox.survey("job-requests", now=moment, due=9, unfinished=9).due) == found


def test_a_repeat_of_what_nobody_started_says_so(world: World) -> None:
    message = world.notification()
    receipts = [world.intake.accept(world.route, message, NOON)[0] for _ in range(2)]
    assert receipts == [Receipt.ACCEPTED, Receipt.WAITING]


def test_a_repeat_of_what_was_started_or_done_is_a_duplicate(world: World) -> None:
    message = world.notification()
    world.intake.accept(world.route, message, NOON)
    world.attempts.run(f"job-requests#{message.message_id}")
    assert world.intake.accept(world.route, message, NOON)[0] is Receipt.DUPLICATE


def test_a_repeat_signed_anew_is_a_duplicate(world: World) -> None:
    message = world.notification()
    world.intake.accept(world.route, message, NOON)
    again = replace(message, envelope=message.envelope.replace("Signature", "Signature "))
    assert world.intake.accept(world.route, again, NOON)[0] is Receipt.WAITING


@pytest.mark.parametrize("change", [{"message": "another"}, {"subject": "another"}])
def test_another_message_under_a_known_id_contradicts_and_changes_nothing(world: World, change: dict[str, Any]) -> None:
    message = world.notification()
    world.intake.accept(world.route, message, NOON)
    before = dict(world.inbox.entries)
    assert world.intake.accept(world.route, replace(message, **change), NOON)[0] is Receipt.CONTRADICTION
    assert world.inbox.entries == before


def test_the_same_id_at_another_endpoint_is_another_entry(world: World) -> None:
    message = world.notification()
    world.intake.accept(world.route, message, NOON)
    assert world.intake.accept(replace(world.route, name="other"), message, NOON)[0] is Receipt.ACCEPTED


def test_a_store_that_is_away_is_said_to_be(world: World) -> None:
    world.inbox.fail_with = Unavailable("DynamoDB is away.")
    with pytest.raises(Unavailable):
        world.intake.accept(world.route, world.notification(), NOON)


def test_a_duplicate_does_not_grow_the_backlog(world: World) -> None:
    world.backlog.bound = 2
    message = world.notification()
    for _ in range(5):
        world.intake.accept(world.route, message, NOON)
    assert not world.backlog.is_full


def test_a_count_replaces_what_was_guessed_before_it_and_keeps_what_came_after() -> None:
    backlog = Backlog(bound=10)
    for _ in range(12):
        backlog.accepted()
    assert backlog.is_full
    mark = backlog.begin_count()
    backlog.accepted()
    backlog.counted(8, mark)
    assert not backlog.is_full  # 8 in the store, and one since
    backlog.accepted()
    assert backlog.is_full
