"""What only DynamoDB can show: repetitions by the SDK, forgetting, sparse indexes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from shared.aws.inbox import DynamoInbox
from shared.aws.jobs import DynamoJobs
from shared.aws.limits import DynamoLimits
from shared.aws.session import client
from shared.core.clock import to_millis
from shared.core.errors import TooLarge, Unavailable
from shared.core.inbox import KEPT
from shared.core.jobs import JobState
from shared.core.ports import Work
from tests.contract import tables
from tests.contract.conftest import SETTINGS
from tests.contract.test_inbox import an_entry, claimed
from tests.factories import NOON, a_job

pytestmark = pytest.mark.usefixtures("moto")


class LostAnswers:
    """A client of which the answer to each write is lost, and the SDK repeats the call."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self.real, name)

        def call(**arguments: Any) -> Any:
            if name in {"put_item", "update_item"}:
                method(**arguments)
            return method(**arguments)

        return call


class Table:
    def __init__(self, logical_id: str) -> None:
        self.dynamodb = client(SETTINGS, "dynamodb")
        self.name = tables.create(self.dynamodb, logical_id)

    def items(self) -> list[Any]:
        return list(self.dynamodb.scan(TableName=self.name)["Items"])


def test_a_write_whose_answer_was_lost_is_not_refused_when_the_sdk_repeats_it() -> None:
    table = Table("Inbox")
    for number in (1, 2):
        inbox = DynamoInbox(LostAnswers(table.dynamodb), table.name)  # type: ignore[arg-type]  # a client with a fault
        assert inbox.accept(an_entry(number)) is None
        assert claimed(inbox, an_entry(number)).fence == 1
        inbox.beat(Work(f"job-requests#{number}", 1), until=NOON)


def test_a_transition_whose_answer_was_lost_is_not_refused_when_the_sdk_repeats_it() -> None:
    table = Table("Jobs")
    jobs = DynamoJobs(LostAnswers(table.dynamodb), table.name)  # type: ignore[arg-type]  # a client with a fault
    job = a_job(state=JobState.QUEUED)
    jobs.create(job)
    assert jobs.cancel(job.job_id, now=NOON).state is JobState.CANCELLED


def test_an_entry_is_forgotten_thirty_days_after_it_was_finished_and_not_before() -> None:
    table = Table("Inbox")
    inbox = DynamoInbox(table.dynamodb, table.name)
    expires = tables.ttl_attribute("Inbox")
    held = claimed(inbox)
    assert expires not in table.items()[0]
    inbox.settle(held, held.completed(NOON))
    assert table.items()[0][expires] == {"N": str(to_millis(NOON + KEPT) // 1000)}


def test_the_only_copy_of_a_dead_message_is_never_forgotten() -> None:
    table = Table("Inbox")
    inbox = DynamoInbox(table.dynamodb, table.name)
    held = claimed(inbox)
    inbox.settle(held, held.dead(NOON, "too large for the queue", is_buried=False))
    assert tables.ttl_attribute("Inbox") not in table.items()[0]


def test_a_counter_is_forgotten_after_its_window() -> None:
    table = Table("Limits")
    DynamoLimits(table.dynamodb, table.name).hit("k", window=timedelta(minutes=1), now=NOON)
    expires = int(table.items()[0][tables.ttl_attribute("Limits")]["N"])
    assert NOON + timedelta(minutes=1) <= NOON + timedelta(seconds=expires - to_millis(NOON) // 1000)


def test_entries_are_stored_with_their_moments_in_milliseconds() -> None:
    table = Table("Inbox")
    inbox = DynamoInbox(table.dynamodb, table.name)
    held = claimed(inbox)
    inbox.settle(held, replace(held, started_at=NOON + timedelta(milliseconds=7)).completed(NOON))
    [item] = table.items()
    assert int(item["started_at"]["N"]) - int(item["received_at"]["N"]) == 7


def test_a_finished_entry_leaves_the_index() -> None:
    table = Table("Inbox")
    inbox = DynamoInbox(table.dynamodb, table.name)
    held = claimed(inbox)
    inbox.settle(held, held.completed(NOON))
    assert table.dynamodb.scan(TableName=table.name, IndexName="by-due")["Items"] == []


def test_more_than_a_page_of_jobs_is_listed_whole() -> None:
    """DynamoDB answers a megabyte at a time, and a summary may have a hundred kilobytes."""
    table = Table("Jobs")
    jobs = DynamoJobs(table.dynamodb, table.name)
    for _ in range(15):
        jobs.create(a_job(user_id="alice", summary={"x": "y" * 100_000}))
    assert len(jobs.by_owner("alice", limit=15).jobs) == 15


def test_what_dynamodb_cannot_hold_is_said_to_be_too_large() -> None:
    table = Table("Jobs")
    with pytest.raises(TooLarge):
        DynamoJobs(table.dynamodb, table.name).create(a_job(summary={"x": "y" * 500_000}))


def test_a_database_that_does_not_answer_is_unavailable_and_not_a_conflict() -> None:
    class Silent:
        def __getattr__(self, name: str) -> Callable[..., Any]:
            def call(**arguments: Any) -> Any:
                raise ReadTimeoutError(endpoint_url="http://dynamodb")

            return call

    inbox = DynamoInbox(Silent(), "inbox")  # type: ignore[arg-type]  # a client with a fault
    with pytest.raises(Unavailable):
        inbox.accept(an_entry())
    with pytest.raises(Unavailable):
        inbox.beat(Work("job-requests#1", 1), until=NOON)
