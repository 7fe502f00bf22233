"""The inbox table in DynamoDB.

Keyed by ``entry_id``. Its indexes are ``by-due`` (``shard``, ``due_at``), which holds the unfinished entries only, and
those by which operators find entries, all in the order of ``accepted_at``: ``by-arrival`` (``shard``), ``by-state``
(``state_shard``; what is done is not in it), ``by-job`` and ``by-user``. `shared.aws.inbox_items` has the attributes.

An entry is always written whole: its holder knows it whole, and a put costs what an update does.

One more item, ``pauses``, says which routes are paused. No entry's id is that: it would have a ``#``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.aws import items
from shared.aws.errors import translated
from shared.aws.inbox_items import LONGEST_KEY, from_item, shards, to_item
from shared.aws.inbox_search import find, oldest
from shared.aws.items import Item, from_attribute, to_attribute, to_plain
from shared.aws.table import ConditionFailed, Table
from shared.core.clock import to_millis
from shared.core.errors import Conflict, Permanent, Unavailable
from shared.core.inbox import Entry, EntryState, Found, Line, Pause, Query, Survey, Waiting
from shared.core.ports import Work
from shared.core.turns import in_turns

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import QueryInputTypeDef

_HELD = "#state = :running AND #fence = :fence"
_PAUSES = "pauses"
_TRIES = 5
_LOOKED_AT = 1000
"""Due entries of each shard among which owners take turns."""


class DynamoInbox:
    """Implements `shared.core.inbox.Inbox`."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._name = table
        self._table = Table(dynamodb, table, "entry_id")

    def accept(self, entry: Entry) -> Entry | None:
        try:
            self._table.put_new(to_item(entry))
        except ConditionFailed as failure:
            if failure.item is None:
                raise Permanent("DynamoDB did not say which inbox entry is there.") from None
            return from_item(failure.item)
        return None

    def get(self, entry_id: str) -> Entry | None:
        if not _may_be(entry_id):
            return None
        item = self._table.get(entry_id)
        return from_item(item) if item is not None else None

    def get_all(self, entry_ids: Sequence[str]) -> dict[str, Entry]:
        found = self._table.get_all(filter(_may_be, entry_ids))
        return {entry_id: from_item(item) for entry_id, item in found.items()}

    def claim(self, entry: Entry, claimed: Entry) -> None:
        if entry.due_at is None:
            raise Conflict(f"Inbox entry {entry.entry_id} is finished.")
        try:
            self._table.put(
                to_item(claimed),
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
            self._table.put(to_item(settled), condition=_HELD, values=_held(held.work))
        except ConditionFailed:
            raise _lost(held.work) from None

    def change(self, entry: Entry, changed: Entry) -> None:
        condition = "#state = :state AND #fence = :fence AND "
        values: dict[str, Any] = {"state": entry.state.value, "fence": entry.fence}
        if entry.due_at is None:
            condition += "attribute_not_exists(#due_at)"
        else:
            condition += "#due_at = :due_at"
            values["due_at"] = to_millis(entry.due_at)
        try:
            self._table.put(to_item(changed), condition=condition, values=values)
        except ConditionFailed:
            raise Conflict(f"Inbox entry {entry.entry_id} was changed by somebody else meanwhile.") from None

    def survey(self, route: str, *, now: datetime, due: int, unfinished: int) -> Survey:
        moment = to_millis(now)
        found: list[tuple[int, Waiting]] = []
        count = 0
        for shard in shards(route):
            looked_at = 0
            for due_at, _, waiting in self._by_due(shard, _LOOKED_AT):
                looked_at += 1
                if due_at <= moment:
                    found.append((due_at, waiting))
            # The index is in the order of due_at: what is left is not due, or too far down the line; it is only counted.
            if looked_at == _LOOKED_AT and looked_at < unfinished:
                looked_at = self._count("by-due", "shard", shard, unfinished)
            count += looked_at
        return Survey(_in_turns(found)[:due], min(count, unfinished))

    def find(self, query: Query, *, limit: int, start: str | None = None) -> Found:
        return find(self._dynamodb, self._name, query, limit=limit, start=start)

    def line(self, route: str, *, limit: int) -> Line:
        running = sum(
            self._count("by-state", "state_shard", shard, limit) for shard in shards(f"{route}#{EntryState.RUNNING}")
        )
        running = min(running, limit)
        found = [
            (due_at, waiting)
            for shard in shards(route)
            for due_at, state, waiting in self._by_due(shard, limit)
            if state is EntryState.RECEIVED
        ]
        return Line(_in_turns(found)[: limit - running], running)

    def oldest(self, route: str) -> datetime | None:
        return oldest(self._dynamodb, self._name, route)

    def pauses(self) -> Mapping[str, Pause]:
        return _pauses(self._table.get(_PAUSES))

    def pause(self, pause: Pause) -> None:
        self._change_pauses(lambda pauses: {pause.route: pause, **pauses})  # who was first is kept

    def resume(self, route: str) -> None:
        self._change_pauses(lambda pauses: {name: pause for name, pause in pauses.items() if name != route})

    def _change_pauses(self, change: Callable[[Mapping[str, Pause]], Mapping[str, Pause]]) -> None:
        for _ in range(_TRIES):
            item = self._table.get(_PAUSES)
            version = from_attribute(item["version"]) if item else 0
            plain = {
                "entry_id": _PAUSES,
                "version": version + 1,
                "routes": {route: to_plain(pause) for route, pause in change(_pauses(item)).items()},
            }
            try:
                self._table.put(
                    {name: to_attribute(value) for name, value in plain.items()},
                    condition="#version = :version" if item else "attribute_not_exists(#entry_id)",
                    values={"version": version} if item else {},
                )
            except ConditionFailed:
                continue
            return
        raise Unavailable("Others are pausing and resuming topics all the time; try again.")

    def _by_due(self, shard: str, limit: int) -> Iterator[tuple[int, EntryState, Waiting]]:
        """At most so many, what is longest due first."""
        request: QueryInputTypeDef = {
            "TableName": self._name,
            "IndexName": "by-due",
            "KeyConditionExpression": "shard = :shard",
            "ExpressionAttributeValues": {":shard": {"S": shard}},
            "ProjectionExpression": "entry_id, due_at, user_id, #state",
            "ExpressionAttributeNames": {"#state": "state"},
        }
        while limit > 0:
            request["Limit"] = limit
            with translated("DynamoDB"):
                answer = self._dynamodb.query(**request)
            for item in answer["Items"]:
                user_id = item["user_id"]["S"] if "user_id" in item else ""
                state = EntryState(item["state"]["S"])
                yield int(item["due_at"]["N"]), state, Waiting(item["entry_id"]["S"], user_id)
            limit -= answer["Count"]
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _count(self, index: str, attribute: str, value: str, limit: int) -> int:
        """How many the index has of this value; at most about ``limit``."""
        request: QueryInputTypeDef = {
            "TableName": self._name,
            "IndexName": index,
            "KeyConditionExpression": f"{attribute} = :value",
            "ExpressionAttributeValues": {":value": {"S": value}},
            "Select": "COUNT",
        }
        count = 0
        while count < limit:
            request["Limit"] = limit - count
            with translated("DynamoDB"):
                answer = self._dynamodb.query(**request)
            count += answer["Count"]
            if "LastEvaluatedKey" not in answer:
                break
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return count


def _in_turns(found: list[tuple[int, Waiting]]) -> list[Waiting]:
    """Of what was found with the moment at which it is due."""
    found.sort(key=lambda pair: (pair[0], pair[1].entry_id))
    return in_turns([waiting for _, waiting in found], lambda waiting: waiting.user_id)


def _pauses(item: Item | None) -> dict[str, Pause]:
    routes: Mapping[str, Any] = item["routes"]["M"] if item else {}
    return {route: items.from_item(Pause, pause["M"]) for route, pause in routes.items()}


def _may_be(entry_id: str) -> bool:
    """Whether an entry can have that id: others are nobody's, and perhaps more than a key of DynamoDB holds."""
    return "#" in entry_id and len(entry_id.encode()) <= LONGEST_KEY


def _held(work: Work) -> dict[str, Any]:
    """The values of `_HELD`."""
    return {"running": EntryState.RUNNING.value, "fence": work.fence}


def _lost(work: Work) -> Conflict:
    return Conflict(f"The lease on inbox entry {work.entry_id} is lost.")
