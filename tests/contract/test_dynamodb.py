"""What only DynamoDB can show: repetitions by the SDK, forgetting, sparse indexes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from shared.aws.audit import DynamoAudit
from shared.aws.inbox import DynamoInbox
from shared.aws.items import to_item
from shared.aws.jobs import DynamoJobs
from shared.aws.limits import DynamoLimits
from shared.aws.mails import DynamoMails
from shared.aws.session import client
from shared.aws.users import DynamoUsers
from shared.core.audit import AuditEntry
from shared.core.clock import to_millis
from shared.core.errors import TooLarge, Unavailable
from shared.core.jobs import JobState
from shared.core.ports import Work
from shared.core.retention import FilesState
from tests.contract import tables
from tests.contract.conftest import SETTINGS
from tests.contract.test_inbox import an_entry, claimed
from tests.factories import NOON, a_completed_job, a_job, a_subscription, a_user

pytestmark = pytest.mark.usefixtures("moto")


class LostAnswers:
    """A client of which the answer to each write is lost, and the SDK repeats the call."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self.real, name)

        def call(**arguments: Any) -> Any:
            if name in {"put_item", "update_item", "transact_write_items"}:
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


class Meanwhile(LostAnswers):
    """Between the lost answer and the repetition, somebody else writes."""

    def __init__(self, real: Any, write: Callable[[], None]) -> None:
        super().__init__(real)
        self.write = write

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self.real, name)

        def call(**arguments: Any) -> Any:
            if name == "update_item":
                method(**arguments)
                self.write()
            return method(**arguments)

        return call


def test_a_job_whose_announcement_is_noted_while_the_sdk_repeats_its_start_or_its_end_is_started_and_finished() -> None:
    table = Table("Jobs")
    work = Work("job-requests#1", 1)
    job = a_job(state=JobState.QUEUED)
    frontend = DynamoJobs(table.dynamodb, table.name)
    frontend.create(job)
    unlucky = Meanwhile(table.dynamodb, lambda: frontend.announced(job.job_id, run=1))
    annotator = DynamoJobs(unlucky, table.name)  # type: ignore[arg-type]  # a client with a fault
    assert annotator.start(job.job_id, run=1, work=work, now=NOON).state is JobState.RUNNING
    annotator.finish(job.job_id, run=1, work=work, state=JobState.COMPLETED, now=NOON)
    assert frontend.get(job.job_id).state is JobState.COMPLETED


def test_billing_whose_answers_were_lost_is_not_refused_when_the_sdk_repeats_it() -> None:
    table = Table("Users")
    users = DynamoUsers(LostAnswers(table.dynamodb), table.name)  # type: ignore[arg-type]  # a client with a fault
    user = a_user()
    DynamoUsers(table.dynamodb, table.name).create(user)
    stored = users.set_subscription(user.user_id, version=0, subscription=a_subscription(), plan="premium", now=NOON)
    assert (stored.billing_version, stored.plan_epoch) == (1, 1)
    closed = users.close(user.user_id, now=NOON)
    assert (closed.plan_epoch, closed.session_epoch) == (2, 2)
    users.delete(user.user_id)
    assert table.items() == []


def test_what_happens_once_is_recorded_also_when_the_sdk_repeats_it() -> None:
    table = Table("Audit")
    audit = DynamoAudit(LostAnswers(table.dynamodb), table.name)  # type: ignore[arg-type]  # a client with a fault
    assert audit.record(AuditEntry("stripe-event#1", "received", NOON, "stripe", "It came."))
    assert len(table.items()) == 1


def test_an_email_is_forgotten_thirty_days_after_it_was_claimed_or_sent() -> None:
    table = Table("Mails")
    mails = DynamoMails(table.dynamodb, table.name)
    mails.claim("claimed", now=NOON, lapsed=timedelta(minutes=2))
    mails.sent("sent", now=NOON)
    expires = tables.ttl_attribute("Mails")
    assert [item[expires] for item in table.items()] == [{"N": str(to_millis(NOON + timedelta(days=30)) // 1000)}] * 2


class TestOfBefore:
    """What was stored before there were plans and an archive."""

    def a_job(self, table: Table) -> str:
        job = a_completed_job()
        newer = {"files", "wait", "restore_epoch"}
        item = {name: value for name, value in to_item(job).items() if name not in newer}
        table.dynamodb.put_item(TableName=table.name, Item=item)
        return job.job_id

    def test_a_job_waits_is_archived_and_comes_back(self) -> None:
        table = Table("Jobs")
        jobs, job_id = DynamoJobs(table.dynamodb, table.name), self.a_job(table)
        assert jobs.begin_wait(job_id, run=1, until=NOON).wait == 1
        jobs.begin_archive(job_id, wait=1, now=NOON)
        jobs.archived(job_id, wait=1, now=NOON)
        jobs.begin_restore(job_id, epoch=1, now=NOON)
        assert jobs.restored(job_id, now=NOON).wait == 2

    def test_a_job_is_run_again(self) -> None:
        table = Table("Jobs")
        jobs, job_id = DynamoJobs(table.dynamodb, table.name), self.a_job(table)
        assert jobs.run_again(job_id, run=1, request_id="", now=NOON).wait == 1

    def test_a_job_that_does_not_wait_is_asked_back(self) -> None:
        table = Table("Jobs")
        jobs, job_id = DynamoJobs(table.dynamodb, table.name), self.a_job(table)
        assert jobs.end_wait(job_id).wait == 1
        assert jobs.begin_restore(job_id, epoch=3, now=NOON).restore_epoch == 3

    def a_user(self, table: Table) -> str:
        user = a_user()
        newer = {"mail_off", "customer_id", "billing_version", "plan_epoch", "announced_epoch"}
        item = {name: value for name, value in to_item(user).items() if name not in newer}
        table.dynamodb.put_item(TableName=table.name, Item=item)
        return user.user_id

    def test_a_user_becomes_a_customer_subscribes_and_goes(self) -> None:
        table = Table("Users")
        users, user_id = DynamoUsers(table.dynamodb, table.name), self.a_user(table)
        assert users.billed(limit=10) == ([], None)
        assert users.set_customer(user_id, "cus_1").customer_id == "cus_1"
        stored = users.set_subscription(user_id, version=0, subscription=a_subscription(), plan="premium", now=NOON)
        assert (stored.billing_version, stored.plan_epoch) == (1, 1)
        users.announced(user_id, epoch=1)
        assert users.get(user_id).announced_epoch == 1
        assert users.close(user_id, now=NOON).plan_epoch == 2
        users.delete(user_id)
        assert table.items() == []

    def test_a_user_who_never_was_a_customer_is_deleted(self) -> None:
        table = Table("Users")
        users, user_id = DynamoUsers(table.dynamodb, table.name), self.a_user(table)
        users.delete(user_id)
        assert table.items() == []


class Between:
    """A client before whose first write of a kind something else happens."""

    def __init__(self, real: Any, write: str, happening: Callable[[], object]) -> None:
        self.real, self.write, self.happening = real, write, happening

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name == self.write:
            self.write = ""
            self.happening()
        method: Callable[..., Any] = getattr(self.real, name)
        return method


def test_who_becomes_a_customer_while_they_are_deleted_leaves_no_customer_behind() -> None:
    table = Table("Users")
    users, user = DynamoUsers(table.dynamodb, table.name), a_user()
    users.create(user)
    meanwhile = Between(table.dynamodb, "transact_write_items", lambda: users.set_customer(user.user_id, "cus_1"))
    DynamoUsers(meanwhile, table.name).delete(user.user_id)  # type: ignore[arg-type]  # a client with a race
    assert table.items() == []


def test_an_address_that_somebody_took_since_the_account_was_deleted_stays_theirs() -> None:
    table = Table("Users")
    users, user = DynamoUsers(table.dynamodb, table.name), a_user(email="alice@example.org")
    users.create(user)
    again = a_user(email="alice@example.org")

    def deleted_and_taken() -> None:
        users.delete(user.user_id)
        users.create(again)

    meanwhile = Between(table.dynamodb, "transact_write_items", deleted_and_taken)
    DynamoUsers(meanwhile, table.name).delete(user.user_id)  # type: ignore[arg-type]  # a client with a race
    assert users.by_email("alice@example.org") == again


def test_two_who_make_somebody_a_customer_agree() -> None:
    table = Table("Users")
    users, user = DynamoUsers(table.dynamodb, table.name), a_user()
    users.create(user)
    meanwhile = Between(table.dynamodb, "transact_write_items", lambda: users.set_customer(user.user_id, "cus_1"))
    late = DynamoUsers(meanwhile, table.name)  # type: ignore[arg-type]  # a client with a race
    assert late.set_customer(user.user_id, "cus_2").customer_id == "cus_1"
    assert users.by_customer("cus_2") is None


def test_files_that_somebody_else_moves_while_they_are_asked_back_are_asked_back_all_the_same() -> None:
    table = Table("Jobs")
    jobs, job = DynamoJobs(table.dynamodb, table.name), a_completed_job(wait=1)
    jobs.create(job)
    jobs.begin_archive(job.job_id, wait=1, now=NOON)
    meanwhile = Between(table.dynamodb, "update_item", lambda: jobs.begin_restore(job.job_id, epoch=2, now=NOON))
    late = DynamoJobs(meanwhile, table.name)  # type: ignore[arg-type]  # a client with a race
    restoring = late.begin_restore(job.job_id, epoch=3, now=NOON)
    assert (restoring.files, restoring.restore_epoch, restoring.wait) == (FilesState.RESTORING, 3, 2)


def test_a_counter_is_forgotten_after_its_window() -> None:
    table = Table("Limits")
    DynamoLimits(table.dynamodb, table.name).hit("k", window=timedelta(minutes=1), now=NOON)
    expires = int(table.items()[0][tables.ttl_attribute("Limits")]["N"])
    assert NOON + timedelta(minutes=1) <= NOON + timedelta(seconds=expires - to_millis(NOON) // 1000)


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
