"""A table through a pickle and back answers as one that was never away, whatever was pickled of it before."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from deploy.local.dynamodb.table import LocalTable
from tests.unit.deploy.dynamodb.twins import Twins, index

TYPES = {"id": "S", "at": "N", "owner": "S"}
ALICE = ("owner", {"S": "alice"})
KEY = {"id": {"S": "a"}, "at": {"N": "2"}}
NOTE = {"M": {"texts": {"L": [{"S": "first"}]}, "count": {"N": "1"}}}


@pytest.fixture
def twins() -> Twins:
    made = Twins()
    made.create("things", "id", "at", types=TYPES, global_indexes=[index("by-owner", "owner")])
    for number in ("2", "10"):
        put(made, number)
    table(made).pickle_items()
    return made


def put(twins: Twins, number: str) -> None:
    item = {"id": {"S": "a"}, "at": {"N": number}, "owner": ALICE[1], "note": NOTE}
    twins.call("put_item", "things", item, None, {}, {})


def update(twins: Twins, path: str, value: str) -> None:
    names = {"#first": path.split(".", maxsplit=1)[0]}
    expression = path.replace(names["#first"], "#first", 1)
    outcome = twins.call("update_item", "things", KEY, f"SET {expression} = :new", names, {":new": {"S": value}})
    assert isinstance(outcome, dict), outcome


def table(twins: Twins) -> LocalTable:
    found = twins.ours.tables["things"]
    assert isinstance(found, LocalTable)
    return found


def restart(twins: Twins) -> None:
    twins.ours.tables["things"] = pickle.loads(pickle.dumps(table(twins)))  # noqa: S301 - our own


def of_alice(twins: Twins) -> list[Any]:
    return twins.query("things", ALICE, index_name="by-owner")[0]


def test_items_and_their_order_in_an_index_come_back(twins: Twins) -> None:
    restart(twins)
    assert [item["at"] for item in of_alice(twins)] == [{"N": "2"}, {"N": "10"}]
    assert twins.query("things", ("id", {"S": "a"}), forward=False)[1] == 2


def test_a_change_in_place_is_in_the_next_pickle(twins: Twins) -> None:
    update(twins, "note.texts[0]", "second")
    restart(twins)
    assert of_alice(twins)[0]["note"]["M"]["texts"] == {"L": [{"S": "second"}]}


def test_what_is_written_after_a_restart_is_found_and_kept(twins: Twins) -> None:
    restart(twins)
    put(twins, "3")
    update(twins, "owner", "bob")
    restart(twins)
    assert [item["at"] for item in of_alice(twins)] == [{"N": "3"}, {"N": "10"}]


def test_what_was_deleted_stays_away(twins: Twins) -> None:
    restart(twins)
    twins.call("delete_item", "things", KEY, {}, {}, None)
    restart(twins)
    assert [item["at"] for item in of_alice(twins)] == [{"N": "10"}]
