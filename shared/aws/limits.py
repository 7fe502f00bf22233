"""Counters that forget, in DynamoDB: keyed by ``counter``, removed by TTL after ``expires_at`` (epoch seconds)."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.aws.errors import translated
from shared.core.clock import to_millis

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_LONGEST_KEY = 512  # bytes; DynamoDB takes 2048, and the key may be any text that a stranger sent
_SECOND = 1000


class DynamoLimits:
    """Implements `shared.core.ports.Limits`."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def hit(self, key: str, *, window: timedelta, now: datetime) -> int:
        counter, window_end = _counter(key, window, now)
        with translated("DynamoDB"):
            answer = self._dynamodb.update_item(
                TableName=self._table,
                Key={"counter": {"S": counter}},
                UpdateExpression="ADD hits :one SET expires_at = :expires_at",
                ExpressionAttributeValues={
                    ":one": {"N": "1"},
                    ":expires_at": {"N": str(window_end // _SECOND + 1)},
                },
                ReturnValues="UPDATED_NEW",
            )
        return int(answer["Attributes"]["hits"]["N"])

    def forgive(self, key: str, *, window: timedelta, now: datetime) -> None:
        counter, _ = _counter(key, window, now)
        with translated("DynamoDB"), suppress(self._dynamodb.exceptions.ConditionalCheckFailedException):
            self._dynamodb.update_item(
                TableName=self._table,
                Key={"counter": {"S": counter}},
                UpdateExpression="ADD hits :minus_one",
                ConditionExpression="hits > :zero",
                ExpressionAttributeValues={":minus_one": {"N": "-1"}, ":zero": {"N": "0"}},
            )


def _counter(key: str, window: timedelta, now: datetime) -> tuple[str, int]:
    """The table's key for ``key`` in the present window, and when that window ends (epoch milliseconds)."""
    length = window // timedelta(milliseconds=1)
    number = to_millis(now) // length
    raw = key.encode("utf-8", "surrogatepass")
    if len(raw) > _LONGEST_KEY or raw.decode("utf-8", "ignore") != key:
        key = "sha256:" + hashlib.sha256(raw).hexdigest()
    return f"{key}#{length}#{number}", (number + 1) * length
