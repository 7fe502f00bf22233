"""Transactions: all of it or nothing, at the cost of what they touch."""

from __future__ import annotations

from typing import Any

import pytest
from moto.dynamodb.models.dynamo_type import Item

from deploy.local.dynamodb.table import LocalTable
from tests.unit.deploy.dynamodb.twins import Twins, index

TYPES = {"id": "S", "owner": "S"}
ALICE = ("owner", {"S": "alice"})
STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


def things(**described: Any) -> Twins:
    twins = Twins()
    twins.create("things", "id", types=TYPES, global_indexes=[index("by-owner", "owner")], **described)
    return twins


def put(name: str, *, new: bool = False) -> dict[str, Any]:
    condition = {"ConditionExpression": "attribute_not_exists(id)"} if new else {}
    return {"Put": {"TableName": "things", "Item": {"id": {"S": name}, "owner": ALICE[1]}, **condition}}


def delete(name: str) -> dict[str, Any]:
    return {"Delete": {"TableName": "things", "Key": {"id": {"S": name}}}}


def check(name: str) -> dict[str, Any]:
    condition = {"ConditionExpression": "attribute_exists(id)"}
    return {"ConditionCheck": {"TableName": "things", "Key": {"id": {"S": name}}, **condition}}


def note(name: str) -> dict[str, Any]:
    change = {"UpdateExpression": "SET note.p = :two", "ExpressionAttributeValues": {":two": {"N": "2"}}}
    return {"Update": {"TableName": "things", "Key": {"id": {"S": name}}, **change}}


def names(twins: Twins) -> list[str]:
    return [item["id"]["S"] for item in twins.query("things", ALICE, index_name="by-owner")[0]]


def test_what_it_writes_is_found_by_the_index() -> None:
    twins = things()
    twins.call("transact_write_items", [put("a"), put("b")])
    twins.call("transact_write_items", [delete("a"), check("b"), put("c", new=True)])
    assert names(twins) == ["b", "c"]


@pytest.mark.parametrize("described", [{}, {"streams": STREAM}], ids=["plain", "with a stream"])
def test_a_transaction_that_fails_changes_nothing(described: dict[str, Any]) -> None:
    twins = things(**described)
    backends = (twins.moto, twins.ours)
    twins.call("put_item", "things", {"id": {"S": "a"}, "owner": ALICE[1], "note": {"M": {"p": {"N": "1"}}}})
    twins.call("put_item", "things", {"id": {"S": "b"}, "owner": ALICE[1]})
    kind, reasons = twins.call("transact_write_items", [note("a"), delete("b"), put("c"), check("nobody's")])
    assert (kind.__name__, "ConditionalCheckFailed" in reasons) == ("TransactionCanceledException", True)
    assert names(twins) == ["a", "b"]
    assert twins.call("get_item", "things", {"id": {"S": "a"}})["note"] == {"M": {"p": {"N": "1"}}}
    assert twins.call("get_item", "things", {"id": {"S": "c"}}) is None
    shards = [dynamo.get_table("things").stream_shard for dynamo in backends]
    assert [len(shard.items) if shard else 0 for shard in shards] == [2 if described else 0] * 2


def test_the_same_item_twice_is_refused() -> None:
    twins = things()
    kind, _ = twins.call("transact_write_items", [put("a"), delete("a")])
    assert kind.__name__ == "MultipleTransactionsException"
    assert names(twins) == []


def test_a_table_that_is_not_there_cancels_it() -> None:
    twins = things()
    nowhere = {"Put": {"TableName": "nowhere", "Item": {"id": {"S": "a"}}}}
    kind, _ = twins.call("transact_write_items", [put("a"), nowhere])
    assert kind.__name__ == "TransactionCanceledException"
    assert names(twins) == []


def test_the_items_of_a_table_with_a_range_key_are_found() -> None:
    twins = Twins()
    twins.create("log", "id", "at", types={"id": "S", "at": "N"})
    puts = [{"Put": {"TableName": "log", "Item": {"id": {"S": "a"}, "at": {"N": at}}}} for at in ("10", "9")]
    twins.call("transact_write_items", puts)
    items, _, _ = twins.query("log", ("id", {"S": "a"}))
    assert [item["at"]["N"] for item in items] == ["9", "10"]


def test_nothing_is_copied_but_the_items_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    twins = things()
    for number in range(20):
        twins.call("put_item", "things", {"id": {"S": str(number)}, "owner": ALICE[1]})
    copied: list[str] = []
    copy = Item.__deepcopy__

    def counted(item: Item, memo: dict[int, Any]) -> Item:
        copied.append(item.hash_key.value)
        return copy(item, memo)

    monkeypatch.setattr(Item, "__deepcopy__", counted)
    monkeypatch.setattr(LocalTable, "__deepcopy__", None, raising=False)
    twins.ours.transact_write_items([put("1"), check("2"), delete("3")])
    assert copied == ["1", "2", "3"]
