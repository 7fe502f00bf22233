"""What a query answers and costs, one behaviour at a time. `test_any_order` compares all of them with moto's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from moto.core.serialize import JSONSerializer
from moto.core.utils import get_service_model
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.dynamodb.models.utilities import dynamo_to_dict

from deploy.local.dynamodb.answers import AttributeSerializer, to_plain
from tests.unit.deploy.dynamodb.twins import Attributes, Twins, index
from tests.unit.deploy.virtual import EPOCH

SIMPLE: Attributes = {
    "text": {"S": "é"},
    "number": {"N": "1.5"},
    "bytes": {"B": b"\x00\xff"},
    "texts": {"SS": ["a", "b"]},
    "numbers": {"NS": ["1", "2"]},
    "many bytes": {"BS": [b"\x00", b"\xff"]},
    "yes": {"BOOL": True},
    "no": {"BOOL": False},
    "nothing": {"NULL": True},
}
ITEM: Attributes = {
    **SIMPLE,
    "map": {"M": {**SIMPLE, "empty": {"M": {}}}},
    "list": {"L": [*SIMPLE.values(), {"L": []}]},
}
TYPES = {"id": "S", "owner": "S", "at": "S", "due": "N"}
ALICE = ("owner", {"S": "alice"})


@pytest.fixture
def twins() -> Twins:
    """A table of things with an owner, some of them due."""
    twins = Twins()
    by_due = index("by-due", "owner", "due", kind="KEYS_ONLY")
    twins.create("things", "id", types=TYPES, global_indexes=[index("by-owner", "owner", "at"), by_due])
    return twins


def put(twins: Twins, name: str, owner: str = "alice", **more: dict[str, Any]) -> None:
    twins.call("put_item", "things", {"id": {"S": name}, "owner": {"S": owner}, "at": {"S": f"at {name}"}, **more})


def ids(answer: tuple[list[Attributes], int, Attributes | None]) -> list[str]:
    return [item["id"]["S"] for item in answer[0]]


def pages(twins: Twins, **query: Any) -> list[list[str]]:
    found: list[list[str]] = []
    start: Attributes | None = None
    while True:
        answer = twins.query("things", ALICE, start=start, **query)
        found.append(ids(answer))
        start = answer[2]
        if start is None:
            return found


def first(twins: Twins, name: str) -> list[Item]:
    """The first item of an index, as ours answers it."""
    query: Any = twins.ours.query
    items: list[Item] = query("things", ALICE[1], None, [], 1, None, True, None, name, hash_key_conditions=[ALICE])[0]
    return items


def test_only_the_items_of_the_owner_are_answered_in_order(twins: Twins) -> None:
    for name in ("b", "c", "a"):
        put(twins, name)
    put(twins, "z", owner="bob")
    assert ids(twins.query("things", ALICE, index_name="by-owner")) == ["a", "b", "c"]
    assert ids(twins.query("things", ALICE, index_name="by-owner", forward=False)) == ["c", "b", "a"]


@pytest.mark.parametrize(
    "names",
    [[["id"]], [["id"], ["owner"], ["nothing"]], [["note", "texts"]], [["note", "texts[0]"]], [["texts[1]"], ["id"]]],
)
@pytest.mark.parametrize("index", [None, "by-owner"])
def test_an_answer_has_the_attributes_that_are_asked_for(
    twins: Twins, names: list[list[str]], index: str | None
) -> None:
    texts = {"L": [{"S": "first"}, {"S": "second"}]}
    put(twins, "a", note={"M": {"texts": texts}}, texts=texts)
    key = ALICE if index else ("id", {"S": "a"})
    items, _, _ = twins.query("things", key, index_name=index, names=names)
    assert len(items) == 1


def test_numbers_are_in_the_order_of_numbers(twins: Twins) -> None:
    for due in ("10", "9", "-1", "1.5"):
        put(twins, due, due={"N": due})
    assert ids(twins.query("things", ALICE, index_name="by-due")) == ["-1", "1.5", "9", "10"]


def test_texts_are_in_the_order_of_texts(twins: Twins) -> None:
    for name in ("10", "9", "é", "Z"):
        put(twins, name)
    assert ids(twins.query("things", ALICE, index_name="by-owner")) == ["10", "9", "Z", "é"]


def test_pages_hold_each_item_once(twins: Twins) -> None:
    for number in range(5):
        put(twins, str(number), at={"S": "the same for all"})
    assert pages(twins, index_name="by-owner", limit=2) == [["0", "1"], ["2", "3"], ["4"]]
    assert pages(twins, index_name="by-owner", limit=2, forward=False) == [["4", "3"], ["2", "1"], ["0"]]


def test_a_page_begins_after_an_item_that_is_gone(twins: Twins) -> None:
    for name in ("a", "b", "c"):
        put(twins, name)
    _, _, start = twins.query("things", ALICE, index_name="by-owner", limit=2)
    twins.call("delete_item", "things", {"id": {"S": "b"}})
    assert ids(twins.query("things", ALICE, index_name="by-owner", start=start)) == ["c"]
    assert ids(twins.query("things", ALICE, index_name="by-owner", start=start, forward=False)) == ["a"]


def test_the_limit_is_on_what_is_read_before_the_filter(twins: Twins) -> None:
    for number in range(4):
        put(twins, str(number), due={"N": str(number)})
    wanted = {"filter_expression": "due = :due", "expr_values": {":due": {"N": "2"}}}
    assert pages(twins, index_name="by-owner", limit=2, **wanted) == [[], ["2"]]


def test_a_page_holds_no_more_than_a_megabyte(twins: Twins) -> None:
    for number in range(5):
        put(twins, str(number), text={"S": "x" * 300_000})
    assert pages(twins, index_name="by-owner") == [["0", "1", "2"], ["3", "4"]]


def test_an_index_has_what_is_projected_to_it(twins: Twins) -> None:
    put(twins, "a", due={"N": "1"}, text={"S": "long"})
    items, _, _ = twins.query("things", ALICE, index_name="by-due")
    assert items == [{"id": {"S": "a"}, "owner": {"S": "alice"}, "due": {"N": "1"}}]


def test_an_item_without_the_attribute_is_not_in_the_index(twins: Twins) -> None:
    put(twins, "a", due={"N": "1"})
    twins.call("update_item", "things", {"id": {"S": "a"}}, "REMOVE due", {}, {})
    assert ids(twins.query("things", ALICE, index_name="by-due")) == []
    assert ids(twins.query("things", ALICE, index_name="by-owner")) == ["a"]


def test_a_deleted_item_is_not_in_the_index(twins: Twins) -> None:
    for name in ("a", "b"):
        put(twins, name)
    twins.call("delete_item", "things", {"id": {"S": "a"}})
    assert ids(twins.query("things", ALICE, index_name="by-owner")) == ["b"]


@pytest.mark.parametrize(
    ("comparison", "values", "expected"),
    [
        ("=", ["b"], ["b"]),
        ("<", ["b"], ["a"]),
        ("<=", ["b"], ["a", "b"]),
        (">", ["b"], ["ba", "c"]),
        (">=", ["b"], ["b", "ba", "c"]),
        ("BETWEEN", ["b", "c"], ["b", "ba", "c"]),
        ("BEGINS_WITH", ["b"], ["b", "ba"]),
    ],
)
def test_a_condition_on_the_range_is_kept(
    twins: Twins, comparison: str, values: list[str], expected: list[str]
) -> None:
    for name in ("c", "ba", "a", "b"):
        put(twins, name, at={"S": name})
    condition = ("at", comparison, [{"S": value} for value in values])
    assert ids(twins.query("things", ALICE, condition, index_name="by-owner")) == expected
    assert ids(twins.query("things", ALICE, condition, index_name="by-owner", forward=False)) == expected[::-1]


def test_an_index_without_a_range_is_in_the_order_of_the_tables_range(twins: Twins) -> None:
    twins.create("log", "id", "due", types=TYPES, global_indexes=[index("by-owner", "owner")])
    for name, due in (("a", "2"), ("b", "1"), ("a", "10")):
        twins.call("put_item", "log", {"id": {"S": name}, "due": {"N": due}, "owner": ALICE[1]})
    items, _, _ = twins.query("log", ALICE, index_name="by-owner")
    assert [(item["id"]["S"], item["due"]["N"]) for item in items] == [("b", "1"), ("a", "2"), ("a", "10")]


def test_an_item_that_changes_in_its_place_moves_in_the_index(twins: Twins) -> None:
    for name in ("a", "b"):
        put(twins, name, due={"N": "1"})
    twins.call("update_item", "things", {"id": {"S": "a"}}, "SET due = due + :one", {}, {":one": {"N": "1"}})
    assert ids(twins.query("things", ALICE, index_name="by-due")) == ["b", "a"]


def test_a_consistent_read_of_a_global_index_is_refused(twins: Twins) -> None:
    put(twins, "a")
    refusal = twins.query("things", ALICE, index_name="by-owner", consistent_read=True)
    assert "Consistent reads are not supported" in str(refusal)


def test_a_value_of_another_type_than_the_keys_is_motos_matter(twins: Twins) -> None:
    put(twins, "a")
    assert ids(twins.query("things", ("owner", {"N": "1"}), index_name="by-owner")) == []


def test_an_index_that_is_added_later_has_the_items_that_are_there(twins: Twins) -> None:
    put(twins, "a")
    for dynamo in (twins.moto, twins.ours):
        dynamo.update_table_global_indexes(dynamo.get_table("things"), [{"Create": index("by-at", "at")}])
    assert ids(twins.query("things", ("at", {"S": "at a"}), index_name="by-at")) == ["a"]


def test_a_table_made_anew_is_empty(twins: Twins) -> None:
    put(twins, "a")
    twins.ours.delete_table("things")
    twins.moto.delete_table("things")
    twins.create("things", "id", types=TYPES, global_indexes=[index("by-owner", "owner", "at")])
    assert ids(twins.query("things", ALICE, index_name="by-owner")) == []


def test_a_table_restored_from_a_backup_answers(twins: Twins) -> None:
    put(twins, "a")
    for dynamo in (twins.moto, twins.ours):
        dynamo.restore_table_from_backup("restored", dynamo.create_backup("things", "before").arn)
    assert ids(twins.query("restored", ALICE, index_name="by-owner")) == ["a"]


def test_an_answer_stays_as_it_was_when_the_item_changes(twins: Twins) -> None:
    put(twins, "a", note={"M": {"p": {"N": "1"}}})
    (answer,) = first(twins, "by-owner")
    twins.call("update_item", "things", {"id": {"S": "a"}}, "SET note.p = :two", {}, {":two": {"N": "2"}})
    assert answer.attrs["note"].to_regular_json() == {"M": {"p": {"N": "1"}}}


def test_a_query_does_not_read_the_whole_table(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        put(twins, name, due={"N": "1"})
    monkeypatch.setattr(Table, "all_items", None)
    for name in ("by-owner", "by-due"):
        assert [item.hash_key.value for item in first(twins, name)] == ["a"]


def test_an_item_is_written_as_moto_writes_it() -> None:
    operation = get_service_model("dynamodb").operation_model("GetItem")
    ours, motos = (
        json.loads(kind(operation).serialize({"Item": ITEM})["body"]) for kind in (AttributeSerializer, JSONSerializer)
    )
    assert ours == motos
    assert ours["Item"]["map"]["M"]["bytes"] == {"B": "AP8="}


def test_an_item_is_taken_out_as_moto_takes_it() -> None:
    item = Item(DynamoType({"S": "key"}), None, {**ITEM, "as it came": {"B": "AP8="}})
    answer = {"Items": [item, item.attrs], "LastEvaluatedKey": {"id": item.hash_key}, "CreationDateTime": EPOCH}
    assert to_plain(answer) == dynamo_to_dict(answer)
    assert to_plain(item.attrs)["as it came"] == {"B": bytes([0, 255])}
