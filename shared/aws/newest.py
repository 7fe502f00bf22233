"""Reading an index of DynamoDB newest first, when it is spread over several partitions."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from shared.aws.errors import translated
from shared.aws.items import Item, from_attribute, to_attribute

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import QueryInputTypeDef

Bound = Any
"""A value of the index's range attribute, text or a number; None for no bound."""
Place = tuple[Any, ...]
"""Where an item stands: the value of the index's range attribute, then those of the table's key."""


@dataclass(frozen=True)
class Index:
    """An index whose range attribute is a moment (milliseconds, or text as `to_iso` writes it)."""

    table: str
    name: str
    hash: str
    range: str
    key: Sequence[str]
    """The attributes of the table's own key: what happened in the same moment is ordered by them."""


def newest_first(
    dynamodb: DynamoDBClient,
    index: Index,
    partitions: Sequence[str],
    *,
    page: int,
    since: Bound = None,
    until: Bound = None,
    after: Place | None = None,
) -> Iterator[tuple[Place, Item]]:
    """The items of these values of the hash attribute, merged, each with its place.

    ``since``, ``until``: bounds of the range attribute, both inclusive. ``after``: where an earlier reading ended.
    ``page``: about how many the caller will take. Reads as it goes, so an item that moves from one partition to another
    meanwhile may come twice, then in one place. Raises `Unavailable`.
    """
    if after is not None:
        until = after[0] if until is None else min(until, after[0])
    if since is not None and until is not None and since > until:
        return  # DynamoDB refuses such bounds
    walks = [_walk(dynamodb, index, partition, page, since, until) for partition in partitions]
    for place, item in heapq.merge(*walks, key=lambda pair: pair[0], reverse=True):
        if after is None or place < after:
            yield place, item


def _walk(
    dynamodb: DynamoDBClient, index: Index, partition: str, page: int, since: Bound, until: Bound
) -> Iterator[tuple[Place, Item]]:
    request: QueryInputTypeDef = {
        "TableName": index.table,
        "IndexName": index.name,
        "KeyConditionExpression": "#hash = :hash" + _bounds(since, until),
        "ExpressionAttributeNames": {"#hash": index.hash},
        "ExpressionAttributeValues": {":hash": {"S": partition}},
        "ScanIndexForward": False,
        "Limit": page,
    }
    for name, bound in ((":since", since), (":until", until)):
        if bound is not None:
            request["ExpressionAttributeNames"] = {"#hash": index.hash, "#range": index.range}
            request["ExpressionAttributeValues"] = {**request["ExpressionAttributeValues"], name: to_attribute(bound)}
    placed = ((_place(index, item), item) for item in _pages(dynamodb, request))
    # DynamoDB promises no order among items of the same moment.
    for _, same in groupby(placed, key=lambda pair: pair[0][0]):
        yield from sorted(same, key=lambda pair: pair[0], reverse=True)


def _bounds(since: Bound, until: Bound) -> str:
    match since, until:
        case None, None:
            return ""
        case None, _:
            return " AND #range <= :until"
        case _, None:
            return " AND #range >= :since"
    return " AND #range BETWEEN :since AND :until"


def _pages(dynamodb: DynamoDBClient, request: QueryInputTypeDef) -> Iterator[Item]:
    while True:
        with translated("DynamoDB"):
            answer = dynamodb.query(**request)
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _place(index: Index, item: Item) -> Place:
    return tuple(from_attribute(item[name]) for name in (index.range, *index.key))
