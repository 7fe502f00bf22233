"""The items of a table in the order of a key, kept up with every write: what an index is."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Hashable, Sequence
from decimal import Decimal
from typing import Any

from moto.dynamodb.models.dynamo_type import DynamoType, Item

Value = str | Decimal
"""Of a key: text goes by its characters, numbers go by their size."""
Entry = tuple[tuple[Any, ...], Item]
"""An item, and before it the values by which it is sorted: no two items of a table have the same."""


class Order:
    """The items that have this key, by the value of its first attribute, sorted by the others.

    ``types`` has each attribute's type as the table declares it: "S" or "N". What lacks one of them, or has it with
    another type, is left out, as DynamoDB leaves it out or refuses it.
    """

    def __init__(self, hash_name: str, sort_names: Sequence[str], types: dict[str, str]) -> None:
        self.names = (hash_name, *sort_names)
        self._types = types
        self._partitions: dict[Value, list[Entry]] = {}
        self._places: dict[Hashable, tuple[Any, ...]] = {}

    def follow(self, key: Hashable, item: Item | None) -> None:
        """The item with this primary key is now this one, or changed, or gone."""
        old = self._places.pop(key, None)
        if old is not None:
            entries = self._partitions[old[0]]
            del entries[bisect_left(entries, old[1:], key=sorted_by)]
            if not entries:
                del self._partitions[old[0]]
        if item is not None and (place := self.place(item.attrs)) is not None:
            self._places[key] = place
            entry: Entry = place[1:], item
            insort(self._partitions.setdefault(place[0], []), entry, key=sorted_by)

    def place(self, attributes: dict[str, DynamoType]) -> tuple[Any, ...] | None:
        """Where an item with these attributes stands: its partition, and the values by which it is sorted there."""
        found = [attributes.get(name) for name in self.names]
        if all(self.fits(name, value) for name, value in zip(self.names, found, strict=True)):
            return tuple(value.cast_value for value in found if value is not None)
        return None

    def fits(self, name: str, value: DynamoType | None) -> bool:
        """Whether the attribute may have this value."""
        return value is not None and value.type == self._types[name]

    def partition(self, value: Value) -> Sequence[Entry]:
        """The items with this first value, in ascending order."""
        return self._partitions.get(value, ())


def span(entries: Sequence[Entry], comparison: str, values: Sequence[Value]) -> tuple[int, int] | None:
    """From where until before where the first value that they are sorted by is as wanted; None: no such comparison."""
    value = values[0]
    if comparison == "BEGINS_WITH" and isinstance(value, str):
        length = len(value)

        def start(entry: Entry) -> str:
            return str(entry[0][0])[:length]

        return bisect_left(entries, value, key=start), bisect_right(entries, value, key=start)
    before, until = bisect_left(entries, value, key=_first), bisect_right(entries, values[-1], key=_first)
    spans = {
        "=": (before, until),
        "<": (0, before),
        "<=": (0, until),
        ">": (until, len(entries)),
        ">=": (before, len(entries)),
        "BETWEEN": (before, until),
    }
    return spans.get(comparison)


def sorted_by(entry: Entry) -> tuple[Any, ...]:
    """What `bisect` is to compare."""
    return entry[0]


def _first(entry: Entry) -> Any:
    return entry[0][0]
