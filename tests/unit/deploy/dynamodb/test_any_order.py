"""Whatever is written in whatever order: queries answer what moto's answer, which read the whole table."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.deploy.dynamodb.twins import Attributes, Twins, index

_IDS = st.sampled_from(["a", "b", "c", "ab", "é"]).map(lambda text: {"S": text})
_NUMBERS = st.sampled_from(["1", "2", "9", "10", "-3", "1.5"]).map(lambda text: {"N": text})
_GROUPS = st.sampled_from(["x", "x", "x", "y"]).map(lambda text: {"S": text})
_MAPS = st.dictionaries(st.sampled_from("pq"), _NUMBERS, max_size=2).map(lambda found: {"M": found})
_TYPES = {"id": "S", "at": "N", "group": "S", "due": "N", "name": "S"}
_VALUES: dict[str, st.SearchStrategy[dict[str, Any]]] = {"group": _GROUPS, "due": _NUMBERS, "name": _IDS, "note": _MAPS}
_ATTRIBUTES = {"id": _IDS, "at": _NUMBERS, **_VALUES}

_TABLES: dict[str, tuple[str, ...]] = {"flat": ("id",), "ranged": ("id", "at")}
_GLOBAL = [
    index("by-due", "group", "due"),
    index("by-name", "group", "name", kind="KEYS_ONLY"),
    index("grouped", "group", kind="INCLUDE", more=["note"]),
]
_INDEXES = {
    "flat": {"by-due": ("group", "due"), "by-name": ("group", "name"), "grouped": ("group",)},
    "ranged": {"by-due": ("group", "due"), "by-name": ("group", "name"), "grouped": ("group",), "own": ("id", "due")},
}


def _value(name: str) -> st.SearchStrategy[dict[str, Any]]:
    return _ATTRIBUTES[name]


def _attributes(*names: str) -> st.SearchStrategy[Attributes]:
    return st.fixed_dictionaries({name: _value(name) for name in names})


@st.composite
def _writes(draw: st.DrawFn, table: str) -> tuple[str, dict[str, Any]]:
    """An operation of a transaction."""
    kind = draw(st.sampled_from(["Put", "Put", "Update", "Update", "Delete", "ConditionCheck"]))
    key = draw(_attributes(*_TABLES[table]))
    write: dict[str, Any] = {"TableName": table}
    if kind == "Put":
        write["Item"] = {
            **key,
            **draw(_attributes("group", "due")),
            **draw(st.fixed_dictionaries({}, optional=_VALUES)),
        }
    else:
        write["Key"] = key
    if kind == "Update":
        changed = draw(st.fixed_dictionaries({}, optional=_VALUES))
        removed = sorted(draw(st.sets(st.sampled_from(sorted(_VALUES)), max_size=2)) - changed.keys())
        if not changed and not removed:
            removed = ["due"]
        write["UpdateExpression"] = " ".join(
            [
                *(["SET " + ", ".join(f"#{name} = :{name}" for name in changed)] if changed else []),
                *(["REMOVE " + ", ".join(f"#{name}" for name in removed)] if removed else []),
            ]
        )
        write["ExpressionAttributeNames"] = {f"#{name}": name for name in (*changed, *removed)}
        write["ExpressionAttributeValues"] = {f":{name}": value for name, value in changed.items()}
    condition = draw(st.sampled_from([None, None, "attribute_exists(id)", "attribute_not_exists(id)"]))
    if condition is not None or kind == "ConditionCheck":
        write["ConditionExpression"] = condition or "attribute_exists(id)"
    return kind, write


@st.composite
def _queries(draw: st.DrawFn, table: str) -> dict[str, Any]:
    name = draw(st.sampled_from([None, *_INDEXES[table]]))
    names = _INDEXES[table][name] if name else _TABLES[table]
    query: dict[str, Any] = {
        "hash_key": (names[0], draw(_value(names[0]))),
        "forward": draw(st.booleans()),
        "limit": draw(st.sampled_from([None, 1, 2, 3])),
        "index_name": name,
        "consistent_read": draw(st.sampled_from([False, False, False, True])),
    }
    if len(names) == 2 and draw(st.booleans()):
        comparisons = ["=", "<", "<=", ">", ">=", "BETWEEN", "BEGINS_WITH"][: 7 if names[1] == "name" else 6]
        comparison = draw(st.sampled_from(comparisons))
        values = [draw(_value(names[1])) for _ in range(2 if comparison == "BETWEEN" else 1)]
        query["condition"] = (names[1], comparison, values)
    if draw(st.booleans()):
        query["start"] = {**draw(_attributes(*_TABLES[table], *names)), names[0]: query["hash_key"][1]}
    if draw(st.booleans()):
        query |= {"filter_expression": "due > :due", "expr_values": {":due": draw(_NUMBERS)}}
    if draw(st.booleans()):
        query["names"] = draw(st.sampled_from([[["id"]], [["due"], ["note", "p"]]]))
    return query


def _do(twins: Twins, table: str, kind: str, write: dict[str, Any]) -> None:
    """One write alone."""
    told = {
        "expression_attribute_names": write.get("ExpressionAttributeNames"),
        "expression_attribute_values": write.get("ExpressionAttributeValues"),
        "condition_expression": write.get("ConditionExpression"),
    }
    if kind == "Put":
        twins.call("put_item", table, write["Item"], **told)
    elif kind == "Update":
        twins.call("update_item", table, write["Key"], write["UpdateExpression"], **told)
    elif kind == "Delete":
        twins.call("delete_item", table, write["Key"], **told)


@given(st.sampled_from(sorted(_TABLES)), st.data())
@settings(deadline=None)
def test_queries_answer_what_moto_answers_after_any_writes(table: str, data: st.DataObject) -> None:
    twins = Twins()
    own = [index("own", "id", "due")] if table == "ranged" else []
    twins.create(table, *_TABLES[table], types=_TYPES, global_indexes=_GLOBAL, indexes=own)
    for _ in range(data.draw(st.integers(4, 16))):
        step = data.draw(st.sampled_from(["write", "write", "write", "transaction", "query"]))
        if step == "write":
            _do(twins, table, *data.draw(_writes(table)))
        elif step == "transaction":
            writes = data.draw(st.lists(_writes(table), min_size=1, max_size=3))
            twins.call("transact_write_items", [{kind: write} for kind, write in writes])
        twins.query(table, **data.draw(_queries(table)))
    for name in (None, *_INDEXES[table]):  # all of it, as it is now
        names = _INDEXES[table][name] if name else _TABLES[table]
        for value in ({"S": "x"}, {"S": "y"}) if names[0] == "group" else ({"S": "a"}, {"S": "b"}):
            twins.query(table, (names[0], value), index_name=name)
