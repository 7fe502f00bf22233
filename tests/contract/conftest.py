"""Each protocol twice: as its fake, and as its AWS implementation on moto, in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws

from shared.aws.audit import DynamoAudit
from shared.aws.dead_letters import SqsDeadLetterQueues, SqsDeadLetters
from shared.aws.inbox import DynamoInbox
from shared.aws.jobs import DynamoJobs
from shared.aws.limits import DynamoLimits
from shared.aws.mails import DynamoMails
from shared.aws.objects import S3Objects
from shared.aws.session import client
from shared.aws.users import DynamoUsers
from shared.core.audit import Audit
from shared.core.clock import utc_now
from shared.core.dead_letters import DeadLetterQueues
from shared.core.inbox import Inbox
from shared.core.ports import DeadLetters, Jobs, Limits, Mails, Objects, Users
from shared.core.settings import Settings
from tests.contract import tables
from tests.fakes import (
    FakeAudit,
    FakeDeadLetterQueues,
    FakeDeadLetters,
    FakeInbox,
    FakeJobs,
    FakeLimits,
    FakeMails,
    FakeObjects,
    FakeUsers,
)

SETTINGS = Settings(public_url="https://gas.example.org")


@pytest.fixture
def moto() -> Iterator[None]:
    """An empty cloud."""
    with mock_aws():
        yield


@pytest.fixture(params=["fake", "moto"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which of the two is under test."""
    kind: str = request.param
    if kind == "moto":
        request.getfixturevalue("moto")
    return kind


@pytest.fixture
def jobs(kind: str) -> Jobs:
    if kind == "fake":
        return FakeJobs()
    dynamodb = client(SETTINGS, "dynamodb")
    return DynamoJobs(dynamodb, tables.create(dynamodb, "Jobs"))


@pytest.fixture
def users(kind: str) -> Users:
    if kind == "fake":
        return FakeUsers()
    dynamodb = client(SETTINGS, "dynamodb")
    return DynamoUsers(dynamodb, tables.create(dynamodb, "Users"))


@pytest.fixture
def limits(kind: str) -> Limits:
    if kind == "fake":
        return FakeLimits()
    dynamodb = client(SETTINGS, "dynamodb")
    return DynamoLimits(dynamodb, tables.create(dynamodb, "Limits"))


@pytest.fixture
def mails(kind: str) -> Mails:
    if kind == "fake":
        return FakeMails()
    dynamodb = client(SETTINGS, "dynamodb")
    return DynamoMails(dynamodb, tables.create(dynamodb, "Mails"))


@pytest.fixture
def audit(kind: str) -> Audit:
    if kind == "fake":
        return FakeAudit()
    dynamodb = client(SETTINGS, "dynamodb")
    return DynamoAudit(dynamodb, tables.create(dynamodb, "Audit"))


@pytest.fixture
def inbox(kind: str) -> Inbox:
    if kind == "fake":
        return FakeInbox()
    dynamodb = client(SETTINGS, "dynamodb")
    return DynamoInbox(dynamodb, tables.create(dynamodb, "Inbox"))


@pytest.fixture
def objects(kind: str) -> Objects:
    if kind == "fake":
        return FakeObjects()
    s3 = client(SETTINGS, "s3")
    s3.create_bucket(Bucket="files")
    return S3Objects(s3, "files")


@pytest.fixture
def dead_letters(kind: str) -> DeadLetters:
    return FakeDeadLetters() if kind == "fake" else SqsDeadLetters(client(SETTINGS, "sqs"))


@pytest.fixture
def queues(kind: str) -> DeadLetterQueues:
    return FakeDeadLetterQueues(utc_now) if kind == "fake" else SqsDeadLetterQueues(client(SETTINGS, "sqs"))
