"""What DynamoDB leaves out of a batch, because it is busy, is done all the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from shared.aws.audit import DynamoAudit
from shared.aws.session import client
from shared.aws.table import Table
from shared.core.audit import AuditEntry
from shared.core.settings import Settings
from tests.factories import NOON


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return client(Settings(public_url="https://gas.example.org"), "dynamodb")


@pytest.fixture
def stub(dynamodb: Any) -> Iterator[Stubber]:
    with Stubber(dynamodb) as stub:
        yield stub
        stub.assert_no_pending_responses()


def item(key: str) -> dict[str, Any]:
    return {"key": {"S": key}}


def test_what_a_read_of_several_leaves_out_is_read_alone(dynamodb: Any, stub: Stubber) -> None:
    left = {"Keys": [item("b"), item("c")], "ConsistentRead": True}
    stub.add_response(
        "batch_get_item",
        {"Responses": {"table": [item("a")]}, "UnprocessedKeys": {"table": left}},
        {"RequestItems": {"table": {"Keys": [item("a"), item("b"), item("c")], "ConsistentRead": True}}},
    )
    stub.add_response("get_item", {"Item": item("b")}, {"TableName": "table", "Key": item("b"), "ConsistentRead": True})
    stub.add_response("get_item", {}, {"TableName": "table", "Key": item("c"), "ConsistentRead": True})
    assert Table(dynamodb, "table", "key").get_all(["a", "b", "c"]) == {"a": item("a"), "b": item("b")}


def test_what_a_write_of_several_leaves_out_is_written_alone(dynamodb: Any, stub: Stubber) -> None:
    first, second = (AuditEntry("user#alice", str(number), NOON, "olga", "Did it.", why="So.") for number in (1, 2))
    written = {"subject": {"S": "user#alice"}, "entry_id": {"S": "2"}, "why": {"S": "So."}}
    stub.add_response(
        "batch_write_item",
        {"UnprocessedItems": {"audit": [{"PutRequest": {"Item": written}}]}},
        {"RequestItems": {"audit": [{"PutRequest": {"Item": ANY}}, {"PutRequest": {"Item": ANY}}]}},
    )
    stub.add_response("put_item", {}, {"TableName": "audit", "Item": written})
    DynamoAudit(dynamodb, "audit").record_all([first, second])
