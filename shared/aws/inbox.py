"""The inbox table in DynamoDB.

Keyed by ``entry_id``; moments are numbers of milliseconds. The index ``by-due`` (``due_shard``, ``due_at``) holds the
unfinished entries only (no other has a ``due_at``), spread over shards of each route so that no one partition takes every write. What is finished
is removed by TTL (``expires_at``, epoch seconds); what is not finished never is.

An entry is always written whole: its holder knows it whole, and a put costs what an update does.
"""

from __future__ import annotations

import zlib
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.aws.errors import translated
from shared.aws.items import Item, from_attribute, to_attribute
from shared.aws.table import ConditionFailed, Table
from shared.core.clock import from_millis, to_millis
from shared.core.errors import Conflict, Permanent
from shared.core.inbox import Entry, EntryState, Survey
from shared.core.ports import Work

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import QueryInputTypeDef

SHARDS = 2
_COMPRESS_ABOVE = 32 * 1024
"""Bytes. A legal message of 256 KiB is up to 1.5 MB of JSON, and an item of DynamoDB holds 400 KB; compressed, even
random text of control characters, the worst there is, takes less than 300 KB."""
_NAMES = tuple(field.name for field in fields(Entry))
_MOMENTS = frozenset({"received_at", "accepted_at", "due_at", "claimed_at", "started_at", "finished_at", "forget_at"})
_HELD = "#state = :running AND #fence = :fence"
_SECOND = 1000


class DynamoInbox:
    """Implements `shared.core.inbox.Inbox`."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._name = table
        self._table = Table(dynamodb, table, "entry_id")

    def accept(self, entry: Entry) -> Entry | None:
        try:
            self._table.put_new(_to_item(entry))
        except ConditionFailed as failure:
            if failure.item is None:
                raise Permanent("DynamoDB did not say which inbox entry is there.") from None
            return _from_item(failure.item)
        return None

    def get(self, entry_id: str) -> Entry | None:
        item = self._table.get(entry_id)
        return _from_item(item) if item is not None else None

    def claim(self, entry: Entry, claimed: Entry) -> None:
        if entry.due_at is None:
            raise Conflict(f"Inbox entry {entry.entry_id} is finished.")
        try:
            self._table.put(
                _to_item(claimed),
                condition="#state = :state AND #fence = :fence AND #due_at = :due_at",
                values={"state": entry.state.value, "fence": entry.fence, "due_at": to_millis(entry.due_at)},
            )
        except ConditionFailed:
            raise Conflict(f"Inbox entry {entry.entry_id} is not free.") from None

    def beat(self, work: Work, *, until: datetime) -> None:
        try:
            self._table.update(
                work.entry_id,
                condition=_HELD,
                values={**_held(work), "until": to_millis(until)},
                changes={"due_at": ":until"},
            )
        except ConditionFailed:
            raise _lost(work) from None

    def settle(self, held: Entry, settled: Entry) -> None:
        try:
            self._table.put(_to_item(settled), condition=_HELD, values=_held(held.work))
        except ConditionFailed:
            raise _lost(held.work) from None

    def survey(self, route: str, *, now: datetime, due: int, unfinished: int) -> Survey:
        moment = to_millis(now)
        found: list[tuple[int, str]] = []
        count = 0
        for shard in range(SHARDS):
            request: QueryInputTypeDef = {
                "TableName": self._name,
                "IndexName": "by-due",
                "KeyConditionExpression": "due_shard = :shard",
                "ExpressionAttributeValues": {":shard": {"S": f"{route}#{shard}"}},
                "Limit": due,
            }
            while True:
                with translated("DynamoDB"):
                    answer = self._dynamodb.query(**request)
                count += answer["Count"]
                # The index is in the order of due_at: the first page has those that are due. Then it is only counted.
                found += [(int(item["due_at"]["N"]), item["entry_id"]["S"]) for item in answer.get("Items", [])]
                if "LastEvaluatedKey" not in answer or count >= unfinished:
                    break
                request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
                request["Select"] = "COUNT"
                request["Limit"] = unfinished - count
        ids = [entry_id for due_at, entry_id in sorted(found) if due_at <= moment]
        return Survey(ids[:due], min(count, unfinished))


def _held(work: Work) -> dict[str, Any]:
    """The values of `_HELD`."""
    return {"running": EntryState.RUNNING.value, "fence": work.fence}


def _lost(work: Work) -> Conflict:
    return Conflict(f"The lease on inbox entry {work.entry_id} is lost.")


def _to_item(entry: Entry) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for name in _NAMES:
        value = getattr(entry, name)
        if value is not None:
            plain[name] = to_millis(value) if name in _MOMENTS else value
    raw = entry.envelope.encode()
    if len(raw) > _COMPRESS_ABOVE:
        plain["envelope"] = zlib.compress(raw)
    plain["due_shard"] = f"{entry.route}#{zlib.crc32(entry.message_id.encode()) % SHARDS}"
    if entry.forget_at is not None:
        plain["expires_at"] = to_millis(entry.forget_at) // _SECOND
    return {name: to_attribute(value) for name, value in plain.items()}


def _from_item(item: Item) -> Entry:
    plain = {name: from_attribute(item[name]) for name in _NAMES if name in item}
    for name in _MOMENTS & plain.keys():
        plain[name] = from_millis(plain[name])
    if isinstance(plain["envelope"], bytes):
        plain["envelope"] = zlib.decompress(plain["envelope"]).decode()
    return Entry(**{"due_at": None, **plain, "state": EntryState(plain["state"])})
