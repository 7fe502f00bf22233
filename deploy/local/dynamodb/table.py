"""moto's table, with queries that read what they answer and nothing else."""

from __future__ import annotations

import copy
import copyreg
import pickle
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from operator import itemgetter
from typing import Any

from moto.dynamodb.comparisons import OpDefault
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import RESULT_SIZE_LIMIT, SecondaryIndex, Table

from deploy.local.dynamodb.order import Entry, Order, sorted_by, span

Key = tuple[DynamoType, DynamoType | None]
"""An item's primary key: hash and, where the table has one, range."""
Found = tuple[list[Item], int, dict[str, Any] | None]
"""Items, how many were read, and where to go on."""

_PICKLED = "_pickled"
"""Attribute of an item, beside those that moto gives it: its pickle, while that is true."""
_PUT = "_put"
"""Likewise: what was put, as long as it is that and not pickled. It is pickled much faster than moto's objects are."""
_SIZE = "_size"
"""Likewise: its size in bytes."""
_KEPT = (_PICKLED, _PUT, _SIZE)
_SORTABLE = {"S", "N"}
_MANY_VALUED = {"M", "L", "SS", "NS", "BS"}


class LocalTable(Table):
    """Answers as moto's does; where a query is not of the common kind, moto's does.

    moto changes items in their place: whoever does tells it by `follow`, so that the orders of the items are kept up.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._orders: dict[tuple[str, ...], Order] = {}
        for index in (None, *self.all_indexes()):
            self._order(index)

    def pickle_items(self) -> None:
        """Those that changed since the last time, so that a pickle of the table does not take all of them apart."""
        for item in self._unsorted():
            if _PICKLED not in vars(item):
                put = vars(item).pop(_PUT, None)
                vars(item)[_PICKLED] = pickle.dumps(item if put is None else put, pickle.HIGHEST_PROTOCOL)

    def __getstate__(self) -> dict[str, Any]:
        """What is kept over a restart; orders are made again when they are asked for."""
        self.pickle_items()
        return {**vars(self), "_orders": {}, "items": [vars(item)[_PICKLED] for item in self._unsorted()]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.items = defaultdict(dict)
        for pickled in state["items"]:
            found: Item | dict[str, Any] = pickle.loads(pickled)  # noqa: S301 - part of what is unpickled already
            item = found if isinstance(found, Item) else self._item(found)
            vars(item)[_PICKLED] = pickled
            items: dict[Any, Any] = self.items[item.hash_key] if item.range_key else self.items
            items[item.range_key or item.hash_key] = item

    def put_item(self, item_attrs: dict[str, Any], *args: Any, **kwargs: Any) -> Item:
        item = super().put_item(item_attrs, *args, **kwargs)
        self.follow((item.hash_key, item.range_key))
        vars(item)[_PUT] = item_attrs
        return item

    def delete_item(self, hash_key: DynamoType, range_key: DynamoType | None) -> Item | None:
        item = super().delete_item(hash_key, range_key)
        self.follow((hash_key, range_key))
        return item

    def follow(self, key: Key) -> None:
        """The item with this key came, changed or went."""
        item = self.get_item(*key)
        if item is not None:
            for name in _KEPT:
                vars(item).pop(name, None)
        for order in self._orders.values():
            order.follow(key, item)

    def _item(self, attributes: dict[str, Any]) -> Item:
        """As moto makes it of what is put."""
        range_name = self.range_key_attr
        range_key = DynamoType(attributes[range_name]) if range_name else None
        return Item(DynamoType(attributes[self.hash_key_attr]), range_key, attributes)

    def key_of(self, attributes: dict[str, Any]) -> Key | None:
        """The primary key among these; None when it is not whole."""
        if not attributes.keys() >= set(self.table_key_attrs):
            return None
        range_name = self.range_key_attr
        return DynamoType(attributes[self.hash_key_attr]), DynamoType(attributes[range_name]) if range_name else None

    def become(self, described: LocalTable) -> None:
        """As it is described there, with the items that are here."""
        items = self.items
        vars(self).update(vars(described))
        self.items = items
        self._orders = {}

    def adopt(self, excerpt: Excerpt) -> None:
        """What became of the excerpt's items becomes of ours."""
        for hash_key, range_key in excerpt.keys:
            item = excerpt.get_item(hash_key, range_key)
            items: dict[Any, Any] = self.items[hash_key] if range_key else self.items
            if item is None:
                items.pop(range_key or hash_key, None)
            else:
                items[range_key or hash_key] = item
            self.follow((hash_key, range_key))

    def query(
        self,
        hash_key: DynamoType | None,
        range_comparison: str | None,
        range_objs: list[DynamoType],
        limit: int,
        exclusive_start_key: dict[str, Any] | None,
        scan_index_forward: bool,
        projection_expressions: list[list[str]] | None,
        index_name: str | None = None,
        consistent_read: bool = False,
        filter_expression: Any = None,
        hash_key_conditions: list[tuple[str, DynamoType]] | None = None,
        range_key_conditions: list[tuple[str, str, list[DynamoType]]] | None = None,
        **filter_kwargs: Any,
    ) -> Found:
        """moto's arguments. Its answer, but for attributes that a projection leaves as they are stored."""
        index = next((index for index in self.all_indexes() if index.name == index_name), None)
        usual = not filter_kwargs and not (index_name and (index is None or consistent_read))
        found = (
            self._read(index, hash_key, range_comparison, range_objs, limit, exclusive_start_key, scan_index_forward)
            if usual
            else None
        )
        if found is None:
            return super().query(
                hash_key,
                range_comparison,
                range_objs,
                limit,
                exclusive_start_key,  # type: ignore[arg-type]  # moto tests it for None
                scan_index_forward,
                projection_expressions,
                index_name,
                consistent_read,
                filter_expression,
                hash_key_conditions,
                range_key_conditions,
                **filter_kwargs,
            )
        items, more = found
        names = _projected(index) if index is not None else None
        wanted = projection_expressions or []
        is_filtered = not (filter_expression is None or isinstance(filter_expression, OpDefault))
        is_plain = bool(wanted) and not is_filtered and all(len(path) == 1 and "[" not in path[0] for path in wanted)
        if is_plain:
            asked = {path[0] for path in wanted}
            names = asked if names is None else asked & set(names)
        results = [_copy(item, names) for item in items]
        if is_filtered:
            results = [item for item in results if filter_expression.expr(item)]
        if wanted and not is_plain:
            results = [item.project(wanted) for item in results]
        return results, len(items), self._get_last_evaluated_key(items[-1], index_name) if more else None

    def _read(
        self,
        index: SecondaryIndex | None,
        hash_key: DynamoType | None,
        comparison: str | None,
        values: list[DynamoType],
        limit: int | None,
        after: dict[str, Any] | None,
        forward: bool,
    ) -> tuple[list[Item], bool] | None:
        """A page of stored items, and whether there are more; None where moto has to be asked."""
        order = self._order(index)
        if order is None or not order.fits(order.names[0], hash_key):
            return None
        entries = order.partition(hash_key.cast_value)  # type: ignore[union-attr]  # moto asks with a key
        first, last = 0, len(entries)
        if comparison:
            has_range = len(self.schema if index is None else index.schema) > 1
            if not has_range or not all(order.fits(order.names[1], value) for value in values):
                return None
            wanted = span(entries, comparison, [value.cast_value for value in values])
            if wanted is None:
                return None
            first, last = wanted
        start, stop = first, last
        if after is not None:
            place = order.place({name: DynamoType(value) for name, value in after.items()})
            if place is None or place[0] != hash_key.cast_value:  # type: ignore[union-attr]  # as above
                return None
            start = max(first, bisect_right(entries, place[1:], key=sorted_by))
            stop = min(last, bisect_left(entries, place[1:], key=sorted_by))
        steps = range(start, len(entries)) if forward else range(stop - 1, -1, -1)
        return _page(entries, steps, range(first, last), limit)

    def _order(self, index: SecondaryIndex | None) -> Order | None:
        """That of an index, or the table's own. Made where there is none yet; None for keys that are not sorted here."""
        names = _names(self.schema if index is None else index.schema)
        if names in self._orders:
            return self._orders[names]
        rest = names[1:]
        if index is not None:  # its keys are not unique; where it has no range, moto takes the table's before the hash
            rest += tuple(self.table_key_attrs if rest else reversed(self.table_key_attrs))
        types = {declared["AttributeName"]: declared["AttributeType"] for declared in self.attr}
        if len(names) > 2 or any(types.get(name) not in _SORTABLE for name in (names[0], *rest)):
            return None
        order = self._orders[names] = Order(names[0], rest, types)
        for item in self._unsorted():
            order.follow((item.hash_key, item.range_key), item)
        return order

    def _unsorted(self) -> Iterator[Item]:
        for found in self.items.values():
            if isinstance(found, Item):
                yield found
            else:
                yield from found.values()


class Excerpt(Table):
    """Copies of a few items of a table, as a table of its own: what is done to it is not done to the other."""

    def __init__(self, table: LocalTable, keys: Iterable[Key]) -> None:
        self.__dict__.update(vars(table))
        self.table, self.keys = table, list(keys)
        self.items = defaultdict(dict)
        for hash_key, range_key in self.keys:
            item = copy.deepcopy(table.get_item(hash_key, range_key))
            if item is not None:
                items: dict[Any, Any] = self.items[hash_key] if range_key else self.items
                items[range_key or hash_key] = item

    def __deepcopy__(self, memo: dict[int, Any]) -> Excerpt:
        """Itself: moto's back-up before a transaction, which nobody needs of what is thrown away."""
        return self


def _whole_dict(content: dict[str, Any]) -> LimitedSizeDict:
    """Past its `__setitem__`, which would measure the whole at each attribute."""
    made = LimitedSizeDict.__new__(LimitedSizeDict)
    dict.update(made, content)
    return made


copyreg.pickle(LimitedSizeDict, lambda content: (_whole_dict, (dict(content),)))


def _names(schema: list[dict[str, str]]) -> tuple[str, ...]:
    """Hash attributes before range attributes."""
    ordered = sorted(schema, key=itemgetter("KeyType"))
    return tuple(part["AttributeName"] for part in ordered)


def _page(entries: Any, steps: range, wanted: range, limit: int | None) -> tuple[list[Item], bool]:
    """As moto and DynamoDB: a page that is full ends before the next item, be that wanted or not."""
    items: list[Item] = []
    size = 0
    for step in steps:
        entry: Entry = entries[step]
        item = entry[1]
        size += _size(item)
        if len(items) == limit or size > RESULT_SIZE_LIMIT:
            return items, True
        if step not in wanted:
            break
        items.append(item)
    return items, False


def _size(item: Item) -> int:
    """Measured once: moto measures each attribute of each item of each page anew."""
    size: int | None = vars(item).get(_SIZE)
    if size is None:
        size = vars(item)[_SIZE] = item.size()
    return size


def _projected(index: SecondaryIndex) -> Collection[str] | None:
    """The attributes that an index has; None: all."""
    kind = (index.projection or {}).get("ProjectionType")
    if kind not in {"KEYS_ONLY", "INCLUDE"}:
        return None
    more = index.projection.get("NonKeyAttributes", []) if kind == "INCLUDE" else []
    return {*index.table_key_attrs, *index.schema_key_attrs, *more}


def _copy(item: Item, names: Collection[str] | None) -> Item:
    """Shares with the item only what is never changed in its place."""
    made = Item(item.hash_key, item.range_key, {})
    for name, value in item.attrs.items():
        if names is None or name in names:
            # past LimitedSizeDict, which would measure the whole item at each attribute
            dict.__setitem__(made.attrs, name, copy.deepcopy(value) if value.type in _MANY_VALUED else value)
    return made
