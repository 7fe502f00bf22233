"""The inbox table in DynamoDB.

Keyed by ``entry_id``; moments are numbers of milliseconds. The index ``by-due`` (``due_shard``, ``due_at``) holds the
unfinished entries only, spread over shards of each route so that no one partition takes every write. What is finished
is removed by TTL (``expires_at``, epoch seconds); what is not finished never is.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.aws.errors import translated
from shared.aws.items import Item, from_attribute, to_attribute
from shared.aws.table import ConditionFailed, Table
from shared.core.clock import from_millis, to_millis
from shared.core.errors import Conflict, Permanent
from shared.core.inbox import KEPT, Ended, Entry, EntryState
from shared.core.ports import Work

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import QueryInputTypeDef

SHARDS = 4
_COMPRESS_ABOVE = 32 * 1024
"""Bytes. A legal message of 256 KiB is up to 1.5 MB of JSON, and an item of DynamoDB holds 400 KB; compressed, even
random text of control characters, the worst there is, takes less than 300 KB."""
_MOMENTS = frozenset({"received_at", "accepted_at", "due_at", "claimed_at", "started_at", "finished_at"})
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

    def claim(self, entry_id: str, *, holder: str, now: datetime, lease: timedelta) -> Entry:
        try:
            item = self._table.update(
                entry_id,
                condition="(#state = :received AND (#attempts = :zero OR #due_at <= :now))"
                " OR (#state = :running AND #due_at <= :now)",
                values={
                    "received": EntryState.RECEIVED.value,
                    "running": EntryState.RUNNING.value,
                    "holder": holder,
                    "now": to_millis(now),
                    "until": to_millis(now + lease),
                    "zero": 0,
                    "one": 1,
                },
                changes={
                    "state": ":running",
                    "attempts": "#attempts + :one",
                    "fence": "#fence + :one",
                    "holder": ":holder",
                    "claimed_at": ":now",
                    "due_at": ":until",
                },
            )
        except ConditionFailed:
            raise Conflict(f"Inbox entry {entry_id} is not free.") from None
        return _from_item(item)

    def beat(self, work: Work, *, now: datetime, lease: timedelta) -> None:
        self._change(work, values={"until": to_millis(now + lease)}, changes={"due_at": ":until"})

    def complete(self, work: Work, ended: Ended) -> None:
        self._finish(work, ended, EntryState.DONE, forget=True)

    def retry(self, work: Work, ended: Ended, *, due: datetime) -> None:
        values, changes = _ended(ended)
        self._change(
            work,
            values={**values, "received": EntryState.RECEIVED.value, "due": to_millis(due)},
            changes={**changes, "state": ":received", "due_at": ":due"},
        )

    def release(self, work: Work, *, now: datetime) -> None:
        self._change(
            work,
            values={"received": EntryState.RECEIVED.value, "now": to_millis(now), "one": 1},
            changes={"state": ":received", "due_at": ":now", "attempts": "#attempts - :one"},
        )

    def dead(self, work: Work, ended: Ended, *, forget: bool) -> None:
        self._finish(work, ended, EntryState.DEAD, forget=forget)

    def due(self, route: str, *, now: datetime, limit: int) -> Sequence[str]:
        found: list[tuple[int, str]] = []
        for shard in range(SHARDS):
            request = self._shard_query(route, shard)
            request["KeyConditionExpression"] = "due_shard = :shard AND due_at <= :now"
            request["ExpressionAttributeValues"] = {**_shard_value(route, shard), ":now": {"N": str(to_millis(now))}}
            request["Limit"] = limit
            with translated("DynamoDB"):
                answer = self._dynamodb.query(**request)
            found += [(int(item["due_at"]["N"]), item["entry_id"]["S"]) for item in answer["Items"]]
        return [entry_id for _, entry_id in sorted(found)[:limit]]

    def backlog(self, route: str, *, limit: int) -> int:
        count = 0
        for shard in range(SHARDS):
            request = self._shard_query(route, shard)
            request["Select"] = "COUNT"
            while count < limit:
                request["Limit"] = limit - count
                with translated("DynamoDB"):
                    answer = self._dynamodb.query(**request)
                count += answer["Count"]
                if "LastEvaluatedKey" not in answer:
                    break
                request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return count

    def _shard_query(self, route: str, shard: int) -> QueryInputTypeDef:
        return {
            "TableName": self._name,
            "IndexName": "by-due",
            "KeyConditionExpression": "due_shard = :shard",
            "ExpressionAttributeValues": _shard_value(route, shard),
        }

    def _finish(self, work: Work, ended: Ended, state: EntryState, *, forget: bool) -> None:
        values, changes = _ended(ended)
        values |= {"finished": state.value, "now": to_millis(ended.now)}
        changes |= {"state": ":finished", "finished_at": ":now"}
        if forget:
            values["expires"] = to_millis(ended.now + KEPT) // _SECOND
            changes["expires_at"] = ":expires"
        self._change(work, values=values, changes=changes, remove=("due_at", "due_shard"))

    def _change(
        self, work: Work, *, values: Mapping[str, Any], changes: Mapping[str, str], remove: Sequence[str] = ()
    ) -> None:
        try:
            self._table.update(
                work.entry_id,
                condition=_HELD,
                values={**values, "running": EntryState.RUNNING.value, "fence": work.fence},
                changes=changes,
                remove=remove,
            )
        except ConditionFailed:
            raise Conflict(f"The lease on inbox entry {work.entry_id} is lost.") from None


def _ended(ended: Ended) -> tuple[dict[str, Any], dict[str, str]]:
    values: dict[str, Any] = {"error": ended.error}
    changes = {"error": ":error"}
    if ended.started_at is not None:
        values["started"] = to_millis(ended.started_at)
        changes["started_at"] = ":started"
    return values, changes


def _shard_value(route: str, shard: int) -> dict[str, Any]:
    return {":shard": {"S": f"{route}#{shard}"}}


def _to_item(entry: Entry) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for field in fields(entry):
        value = getattr(entry, field.name)
        if value is not None:
            plain[field.name] = to_millis(value) if field.name in _MOMENTS else value
    raw = entry.envelope.encode()
    if len(raw) > _COMPRESS_ABOVE:
        plain["envelope"] = zlib.compress(raw)
    shard = zlib.crc32(entry.message_id.encode()) % SHARDS
    plain["due_shard"] = f"{entry.route}#{shard}"
    return {name: to_attribute(value) for name, value in plain.items()}


def _from_item(item: Item) -> Entry:
    plain = {name: from_attribute(item[name]) for name in _NAMES if name in item}
    for name in _MOMENTS & plain.keys():
        plain[name] = from_millis(plain[name])
    if isinstance(plain["envelope"], bytes):
        plain["envelope"] = zlib.decompress(plain["envelope"]).decode()
    return Entry(**{"due_at": None, **plain, "state": EntryState(plain["state"])})


_NAMES = frozenset(field.name for field in fields(Entry))
