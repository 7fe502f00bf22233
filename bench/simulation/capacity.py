"""What the inbox's writes and reads cost DynamoDB, from items as the code makes them and indexes as the stack has them.

Source: "DynamoDB read and write operations" and "Using Global Secondary Indexes in DynamoDB", Amazon DynamoDB Developer
Guide: a write takes a unit for each KB of the larger of the old and the new item; an index takes the same for its part of
them when something of that part changes, and twice (delete, put) when its key does; a query takes half a unit for each
4 KB that it reads, of all its items together.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

CORE = Path(__file__).parents[2] / "deploy" / "stack" / "core.yaml"
WRITES_OF_A_PARTITION, READS_OF_A_PARTITION = 1000, 3000
"""Units a second that one partition gives, so also what has one partition key. Source: "Best practices for designing and
using partition keys effectively in DynamoDB"."""
WRITES_OF_A_NEW_TABLE, UNITS_OF_A_TABLE = 4000, 40_000
"""Write units a second of a new on-demand table at once (it doubles within half an hour), and the quota of any table."""
BYTES_OF_A_DUE_ENTRY = 354
"""In the index of what is due, of a job's announcement under way."""


class TemplateLoader(yaml.SafeLoader):
    """Reads CloudFormation's own tags as what they hold: none of them stands in what is looked at."""


TemplateLoader.add_multi_constructor("!", lambda *_: None)


@dataclass(frozen=True)
class Index:
    """A global secondary index."""

    name: str
    key: tuple[str, ...]
    attributes: frozenset[str] | None
    """Those it has beside keys; None for all."""

    def part(self, item: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """What the index has of the item; None where it does not have it."""
        if item is None or not all(name in item for name in self.key):
            return None
        return {name: value for name, value in item.items() if self.attributes is None or name in self.attributes}


def indexes(table: str) -> list[Index]:
    """Of this table of the stack."""
    properties = yaml.load(CORE.read_text(), TemplateLoader)["Resources"][table]["Properties"]  # noqa: S506 - a safe loader
    keys = {key["AttributeName"] for key in properties["KeySchema"]}
    found = []
    for index in properties["GlobalSecondaryIndexes"]:
        own = tuple(key["AttributeName"] for key in index["KeySchema"])
        projection = index["Projection"]
        everything = projection["ProjectionType"] == "ALL"
        names = None if everything else frozenset({*keys, *own, *projection.get("NonKeyAttributes", ())})
        found.append(Index(index["IndexName"], own, names))
    return found


def size(item: Mapping[str, Any]) -> int:
    """Bytes, as DynamoDB counts them."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return len(content) // 2 + 2
        case "B":
            return len(content)
        case "M":
            return 3 + sum(1 + len(name.encode()) + _size(one) for name, one in content.items())
        case "L":
            return 3 + sum(1 + _size(one) for one in content)
        case _:
            return 1


def write_units(old: Mapping[str, Any] | None, new: Mapping[str, Any], of: list[Index]) -> dict[str, int]:
    """Index → units; the table itself is ``table``."""
    units = {"table": _kilobytes(old, new)}
    for index in of:
        before, after = index.part(old), index.part(new)
        if before == after:
            continue
        is_moved = before and after and any(before[name] != after[name] for name in index.key)
        units[index.name] = (
            _kilobytes(before, None) + _kilobytes(None, after) if is_moved else _kilobytes(before, after)
        )
    return units


def _kilobytes(*items: Mapping[str, Any] | None) -> int:
    return math.ceil(max(size(item) if item else 0 for item in items) / 1024)


@dataclass
class Meter:
    """Units that were taken of each thing that has a limit, by the minute: DynamoDB lends for longer than that. And of
    everything."""

    total: float = 0.0
    _by_minute: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(float)))
    _second: dict[str, tuple[int, float]] = field(default_factory=dict)

    def take(self, thing: str, moment: float, units: float) -> None:
        """``thing`` is what has a limit of its own, such as a partition key of an index."""
        self._by_minute[thing][int(moment) // 60] += units

    def admits(self, thing: str, moment: float, units: float, limit: float) -> bool:
        """Whether so much may still be taken in the second that the moment is in."""
        second, taken = self._second.get(thing, (-1, 0.0))
        taken = taken + units if second == int(moment) else units
        if taken > limit:
            return False
        self._second[thing] = int(moment), taken
        return True

    def peaks(self) -> dict[str, float]:
        """The most that was taken of each, a second, in its busiest minute."""
        return {thing: max(minutes.values()) / 60 for thing, minutes in self._by_minute.items()}
