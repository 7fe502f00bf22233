"""Finding entries of the inbox by the indexes that are in the order of ``accepted_at``."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from shared.aws import page_token
from shared.aws.errors import translated
from shared.aws.inbox_items import LONGEST_KEY, shards, to_head
from shared.aws.newest import Index, Place, newest_first
from shared.core.clock import from_millis, to_millis
from shared.core.inbox import EntryState, Found, Head, Query

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_UNFINISHED = (EntryState.RECEIVED, EntryState.RUNNING)
_MOST_PASSED = 2000
"""Heads that one call reads in vain; the page is short then."""
_PAGE = 500
"""Heads that one query reads where most of them may be in vain: a few at a time would take a hundred queries."""


def find(dynamodb: DynamoDBClient, table: str, query: Query, *, limit: int, start: str | None) -> Found:
    """`shared.core.inbox.Inbox.find`."""
    after: Place | None = None
    if start is not None:
        after = tuple(page_token.decode_place(start, listing(query), (int, str)))
    index, partitions = _index(table, query)
    page = limit + 1
    if partitions and not _is_all_wanted(index, query):
        page = max(page, min(_PAGE, _MOST_PASSED // len(partitions)))
    rows = newest_first(
        dynamodb,
        index,
        partitions,
        page=page,
        since=to_millis(query.since) if query.since else None,
        until=to_millis(query.until) if query.until else None,
        after=after,
    )
    heads: list[Head] = []
    for passed, (place, item) in enumerate(rows):
        head = to_head(item)
        if _is_wanted(head, query) and not (heads and heads[-1].entry_id == head.entry_id):
            heads.append(head)
        if len(heads) == limit or passed - len(heads) == _MOST_PASSED:
            return Found(heads, page_token.encode_place(listing(query), place) if next(rows, None) else None)
    return Found(heads, None)


def oldest(dynamodb: DynamoDBClient, table: str, route: str) -> datetime | None:
    """`shared.core.inbox.Inbox.oldest`."""
    found: list[int] = []
    for state in _UNFINISHED:
        for shard in shards(f"{route}#{state}"):
            with translated("DynamoDB"):
                answer = dynamodb.query(
                    TableName=table,
                    IndexName="by-state",
                    KeyConditionExpression="state_shard = :shard",
                    ExpressionAttributeValues={":shard": {"S": shard}},
                    Limit=1,
                )
            found += [int(item["accepted_at"]["N"]) for item in answer["Items"]]
    return from_millis(min(found)) if found else None


def listing(query: Query) -> str:
    """The same for the same query, and for no other."""
    return repr((sorted(set(query.routes)), sorted(query.states), query.job_id, query.user_id,
                 query.since, query.until, query.error))  # fmt: skip


def _index(table: str, query: Query) -> tuple[Index, list[str]]:
    """Where to look: in the index that holds least besides what is asked for."""

    def index(name: str, hash_name: str) -> Index:
        return Index(table, name, hash_name, "accepted_at", ("entry_id",))

    for name, hash_name, value in (("by-job", "job_id", query.job_id), ("by-user", "user_id", query.user_id)):
        if value:
            return index(name, hash_name), [value] if len(value.encode()) <= LONGEST_KEY else []
    routes = sorted(set(query.routes))
    # What is done has no error.
    states = query.states - {EntryState.DONE} if query.error else query.states
    if EntryState.DONE in states:
        return index("by-arrival", "shard"), [shard for route in routes for shard in shards(route)]
    return index("by-state", "state_shard"), [
        shard for route in routes for state in sorted(states) for shard in shards(f"{route}#{state}")
    ]


def _is_all_wanted(index: Index, query: Query) -> bool:
    """Whether everything is wanted that lies there; whatever is left out is left out on this side."""
    match index.name:
        case "by-arrival":
            return query.states == set(EntryState)
        case "by-state":
            return not query.error
    return False


def _is_wanted(head: Head, query: Query) -> bool:
    return (
        head.route in query.routes
        and head.state in query.states
        and query.job_id in {"", head.about.job_id}
        and query.user_id in {"", head.about.user_id}
        and (query.since is None or head.accepted_at >= query.since)
        and (query.until is None or head.accepted_at < query.until)
        and query.error.lower() in head.error.lower()
    )
