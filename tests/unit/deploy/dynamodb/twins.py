"""moto's DynamoDB and ours side by side: whatever is done, is done to both."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from moto.core.exceptions import JsonRESTError, ServiceException
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item

from deploy.local.dynamodb.service import LocalDynamo

ACCOUNT = "123456789012"
Attributes = dict[str, dict[str, Any]]

_NOTHING: dict[str, Any] = {
    "indexes": [],
    "global_indexes": [],
    "throughput": None,
    "streams": None,
    "billing_mode": "PAY_PER_REQUEST",
    "sse_specification": None,
    "tags": [],
    "deletion_protection_enabled": False,
    "warm_throughput": None,
}


def schema(*names: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=False)]


def index(name: str, *names: str, kind: str = "ALL", more: Iterable[str] = ()) -> dict[str, Any]:
    projection: dict[str, Any] = {"ProjectionType": kind}
    if more:
        projection["NonKeyAttributes"] = list(more)
    return {"IndexName": name, "KeySchema": schema(*names), "Projection": projection}


def create(dynamo: DynamoDBBackend, name: str, *names: str, types: dict[str, str], **described: Any) -> None:
    attr = [{"AttributeName": name, "AttributeType": kind} for name, kind in types.items()]
    dynamo.create_table(**{**_NOTHING, "name": name, "schema": schema(*names), "attr": attr, **described})


def local() -> LocalDynamo:
    return LocalDynamo("us-east-1", ACCOUNT)


class Twins:
    """Each method answers what both answer; the test fails where they differ."""

    def __init__(self) -> None:
        self.moto, self.ours = DynamoDBBackend("us-east-1", ACCOUNT), local()

    def create(self, name: str, *names: str, types: dict[str, str], **described: Any) -> None:
        for dynamo in (self.moto, self.ours):
            create(dynamo, name, *names, types=types, **described)

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """A method of the backends."""
        moto, ours = (outcome(dynamo, method, *args, **kwargs) for dynamo in (self.moto, self.ours))
        assert ours == moto
        return ours

    def query(
        self,
        table: str,
        hash_key: tuple[str, dict[str, Any]],
        condition: tuple[str, str, list[dict[str, Any]]] | None = None,
        *,
        limit: int | None = None,
        start: Attributes | None = None,
        forward: bool = True,
        names: list[list[str]] | None = None,
        **more: Any,
    ) -> tuple[list[Attributes], int, Attributes | None]:
        """(items, read, where to go on)."""
        answer: tuple[list[Attributes], int, Attributes | None] = self.call(
            "query",
            table,
            hash_key[1],
            condition[1] if condition else None,
            condition[2] if condition else [],
            limit,
            start,
            forward,
            names,
            hash_key_conditions=[hash_key],
            range_key_conditions=[condition] if condition else [],
            **more,
        )
        return answer


def outcome(dynamo: DynamoDBBackend, method: str, *args: Any, **kwargs: Any) -> Any:
    """What it answers or raises, as plain values."""
    try:
        return plain(getattr(dynamo, method)(*args, **kwargs))
    except (JsonRESTError, ServiceException, ValueError, AttributeError) as error:
        return type(error), str(error)


def plain(value: Any) -> Any:
    if isinstance(value, Item):
        return plain(value.attrs)
    if isinstance(value, DynamoType):
        return value.to_regular_json()
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(plain(each) for each in value)
    return value
