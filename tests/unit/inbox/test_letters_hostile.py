"""Whoever may send to a dead-letter queue may send anything: no letter keeps operators from the others, or from itself."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Iterator
from dataclasses import astuple

import pytest
from moto import mock_aws

from shared.aws.audit import DynamoAudit
from shared.aws.session import client
from shared.core.audit import Audit
from shared.inbox.letters import Claimed
from tests.contract.conftest import SETTINGS
from tests.unit.inbox.dead_letters_world import DeadLetterWorld, everything, only, verdicts

HALF = "\\ud800"  # half of a surrogate pair, as JSON says it


def of_function(topic: str = '"t"', message_id: str = '"m"', message: str = '"x"') -> str:
    return f'{{"Records":[{{"Sns":{{"TopicArn":{topic},"MessageId":{message_id},"Message":{message}}}}}]}}'


def of_key(key: str) -> str:
    return of_function(message=json.dumps(f'{{"Records":[{{"s3":{{"object":{{"key":{key}}}}}}}]}}'))


LETTERS = {
    "half a surrogate pair as id": of_function(message_id=f'"{HALF}"'),
    "half a surrogate pair as topic": of_function(topic=f'"{HALF}"'),
    "half a surrogate pair as text": of_function(message=f'"{HALF}"'),
    "half a surrogate pair as a key": of_key(f'"{HALF}/{HALF}/x"'),
    "escaped bytes as a key": of_key('"%ED%A0%80/%00%1b/x"'),
    "an id of 500 KB": of_function(message_id=f'"{"m" * 500_000}"'),
    "a topic of 500 KB": of_function(topic=f'"{"t" * 500_000}"'),
    "a key of 500 KB": of_key(f'"{"u" * 500_000}/{"j" * 500_000}/x"'),
    "control characters": of_function(*[r'"\u0000\u001b[2J\u009b\u202e"'] * 3),
    "a number as a key": of_key("1e999"),
    "a number too large to read": of_key("9" * 10_000),
    "lists without end": "[" * 100_000,
    "lists without end in the text": of_function(message=json.dumps("[" * 100_000)),
    "NaN": of_function(message="NaN"),
    "null": "null",
    "empty": "",
    "a bare half of a surrogate pair": "\ud800",
    "a NUL": "\x00",
}


@pytest.fixture
def world() -> DeadLetterWorld:
    return DeadLetterWorld()


@pytest.fixture(scope="module")
def audit() -> Iterator[Audit]:
    """The real one: what DynamoDB cannot hold is what matters."""
    with mock_aws():
        dynamodb = client(SETTINGS, "dynamodb")
        dynamodb.create_table(
            TableName="audit",
            KeySchema=[
                {"AttributeName": "subject", "KeyType": "HASH"},
                {"AttributeName": "entry_id", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "subject", "AttributeType": "S"},
                {"AttributeName": "entry_id", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        yield DynamoAudit(dynamodb, "audit")


def is_harmless(claimed: Claimed) -> bool:
    """Whether it can be shown, be part of an address, and be stored."""
    about = astuple(claimed.about)
    values = [claimed.topic_arn, claimed.message_id, *about]
    urllib.parse.quote("".join([*values, claimed.text]))
    return all(value.isprintable() for value in values) and max(map(len, values)) <= 256


@pytest.mark.parametrize("queue", ["object-restored", "job-requests"])
@pytest.mark.parametrize("kind", LETTERS)
def test_a_letter_may_be_anything(world: DeadLetterWorld, audit: Audit, kind: str, queue: str) -> None:
    world.office._audit = audit
    bad = world.raw(LETTERS[kind], queue=queue)
    good = world.undelivered()
    subject = f"dead-letter#{queue}#{bad}"
    before = audit.of(subject, limit=100)
    listed = world.office.list(everything(), limit=50)
    assert len(listed) == 2
    assert all(is_harmless(world.office.claimed(letter)) for letter in listed)
    shown = world.office.show(queue, bad)
    assert is_harmless(Claimed(shown.topic_arn, shown.message_id, shown.text, shown.about))
    assert verdicts(world.replay(dry_run=True)) == {bad: "invalid", good: "would be replayed"}
    assert verdicts(world.replay()) == {bad: "invalid", good: "replayed"}
    assert verdicts(world.discard(only(bad))) == {bad: "discarded"}
    lines = [line for line in audit.of(subject, limit=100) if line not in before]
    assert {line.what for line in lines} == {
        "Discarded the dead letter.",
        "Tried to replay the dead letter, which is invalid.",
    }
