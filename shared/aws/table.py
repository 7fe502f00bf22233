"""Conditional writes to one DynamoDB table, and what stood there when the condition did not hold."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from shared.aws.errors import code_of, translated
from shared.aws.items import Item, to_attribute

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

MOST_READ = 100
"""Items that one read of several brings at most. Source: BatchGetItem, Amazon DynamoDB API Reference."""
_WRITE_ID = "write_id"
_NAME = re.compile(r"#(\w+)")


class ConditionFailed(Exception):
    """Nothing was written. ``item``: what is there instead; None when there is nothing."""

    def __init__(self, item: Item | None) -> None:
        super().__init__("the condition does not hold")
        self.item = item


class Table:
    """One table, keyed by the text attribute ``key``.

    Every write carries an id of its own. The SDK repeats a call whose answer was lost, and the repetition of a write
    that went through fails its own condition; the id tells that apart from a write by somebody else.
    """

    def __init__(self, dynamodb: DynamoDBClient, name: str, key: str) -> None:
        self._dynamodb = dynamodb
        self._name = name
        self._key = key

    def get(self, key: str) -> Item | None:
        """The item as it is now (strongly consistent)."""
        with translated("DynamoDB"):
            answer = self._dynamodb.get_item(TableName=self._name, Key={self._key: {"S": key}}, ConsistentRead=True)
        return answer.get("Item")

    def get_all(self, keys: Iterable[str]) -> dict[str, Item]:
        """Key → the item as it is now (strongly consistent), of those that are there; at most `MOST_READ` keys."""
        asked = [{self._key: {"S": key}} for key in dict.fromkeys(keys)]
        if not asked:
            return {}
        with translated("DynamoDB"):
            answer = self._dynamodb.batch_get_item(RequestItems={self._name: {"Keys": asked, "ConsistentRead": True}})
        found: dict[str, Item] = {item[self._key]["S"]: item for item in answer["Responses"].get(self._name, [])}
        if self._name in answer.get("UnprocessedKeys", {}):
            # One by one: the SDK is patient with those.
            for key in answer["UnprocessedKeys"][self._name]["Keys"]:
                item = self.get(key[self._key]["S"])
                if item is not None:
                    found[key[self._key]["S"]] = item
        return found

    def put_new(self, item: Item) -> None:
        """Raises `ConditionFailed` when the key is taken."""
        self.put(item, condition=f"attribute_not_exists(#{self._key})", values={})

    def put(self, item: Item, *, condition: str, values: Mapping[str, Any]) -> None:
        """Stores the whole item when the condition holds of what is there. Raises `ConditionFailed`.

        ``condition`` and ``values`` are written as for `update`.
        """
        write_id = uuid.uuid4().hex
        more: dict[str, Any] = {"ExpressionAttributeValues": _values(values)} if values else {}
        with translated("DynamoDB"):
            try:
                self._dynamodb.put_item(
                    TableName=self._name,
                    Item={**item, _WRITE_ID: {"S": write_id}},
                    ConditionExpression=condition,
                    ExpressionAttributeNames=_names(condition),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **more,
                )
            except ClientError as error:
                _our_own_write(error, write_id)

    def update(
        self,
        key: str,
        *,
        condition: str,
        values: Mapping[str, Any],
        changes: Mapping[str, str],
        remove: Sequence[str] = (),
        is_repeatable: bool = False,
    ) -> Item:
        """Changes an existing item, and answers it as it is then. Raises `ConditionFailed`.

        ``is_repeatable``: the condition holds as well after the change, which needs no id then. The id of the write
        before stays: the SDK may be repeating that very write.

        ``changes``: attribute → expression, such as ``{"fence": "#fence + :one"}``. ``values``: the values that
        ``condition`` and ``changes`` name, without their colons. Expressions write attributes as ``#fence``, since
        DynamoDB reserves hundreds of words.
        """
        write_id = uuid.uuid4().hex
        own = {} if is_repeatable else {_WRITE_ID: write_id}
        sets = {**changes, **{name: f":{name}" for name in own}}
        parts = []
        if sets:
            parts.append("SET " + ", ".join(f"#{name} = {expression}" for name, expression in sets.items()))
        if remove:
            parts.append("REMOVE " + ", ".join(f"#{name}" for name in remove))
        update = " ".join(parts)
        condition = f"attribute_exists(#{self._key}) AND ({condition})"
        with translated("DynamoDB"):
            try:
                answer = self._dynamodb.update_item(
                    TableName=self._name,
                    Key={self._key: {"S": key}},
                    UpdateExpression=update,
                    ConditionExpression=condition,
                    ExpressionAttributeNames=_names(f"{update} {condition}"),
                    ExpressionAttributeValues=_values({**values, **own}),
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                return _our_own_write(error, write_id)
        return answer["Attributes"]

    def delete(self, key: str) -> None:
        """Harmless when repeated."""
        with translated("DynamoDB"):
            self._dynamodb.delete_item(TableName=self._name, Key={self._key: {"S": key}})


def _names(expression: str) -> dict[str, str]:
    return {f"#{name}": name for name in _NAME.findall(expression)}


def _values(values: Mapping[str, Any]) -> dict[str, Any]:
    return {f":{name}": to_attribute(value) for name, value in values.items()}


def _our_own_write(error: ClientError, write_id: str) -> Item:
    """What is there, when the write that failed is there already."""
    if code_of(error) != "ConditionalCheckFailedException":
        raise error
    item = cast("Item | None", error.response.get("Item"))
    if item is None or item.get(_WRITE_ID) != {"S": write_id}:
        raise ConditionFailed(item) from None
    return item
