"""Frozen dataclasses ↔ DynamoDB items, in one place.

A moment is text as `to_iso` writes it. What is None is left out, and what an item does not have is the field's
default: a field may be added while older items are around.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from shared.core.errors import Permanent

T = TypeVar("T")
Item = Mapping[str, Any]
"""As DynamoDB's API has it: ``{"job_id": {"S": "…"}, …}``."""


_adapters: dict[Any, TypeAdapter[Any]] = {}


def _adapter(kind: Any) -> TypeAdapter[Any]:
    """Made once for each class: making one takes milliseconds."""
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def to_item(thing: Any) -> dict[str, Any]:
    """The item of a dataclass instance."""
    plain = _adapter(type(thing)).dump_python(thing, mode="json")
    return {name: to_attribute(value) for name, value in plain.items() if value is not None}


def from_item(kind: type[T], item: Item) -> T:
    """The inverse of `to_item`; attributes that the dataclass does not have are ignored.

    Raises `Permanent` when the item is not one of these.
    """
    plain = {name: from_attribute(value) for name, value in item.items()}
    try:
        thing: T = _adapter(kind).validate_python(plain)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Permanent(f"A stored {kind.__name__} is damaged: {where}: {first['msg']}.") from None
    return thing


def to_plain(value: Any) -> Any:
    """A field's value (a dataclass, a moment, a mapping of these) as `to_attribute` takes it."""
    return _adapter(type(value)).dump_python(value, mode="json")


def to_attribute(value: Any) -> dict[str, Any]:
    """A JSON-able value, or bytes, as DynamoDB types it. Raises `Permanent` for anything else.

    boto3's own serializer takes no floats and answers `Decimal`; GAS stores counts, seconds and rates.
    """
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case bytes():
            return {"B": value}
        case int():
            return {"N": str(value)}
        case float() if math.isfinite(value):
            return {"N": repr(value)}
        case Mapping():
            return {"M": {str(name): to_attribute(inner) for name, inner in value.items()}}
        case list() | tuple():
            return {"L": [to_attribute(inner) for inner in value]}
    raise Permanent(f"DynamoDB cannot hold {value!r}.")


def from_attribute(attribute: Mapping[str, Any]) -> Any:
    """The inverse of `to_attribute`."""
    ((kind, value),) = attribute.items()
    match kind:
        case "NULL":
            return None
        case "N":
            return int(value) if value.lstrip("-").isdigit() else float(value)
        case "M":
            return {name: from_attribute(inner) for name, inner in value.items()}
        case "L":
            return [from_attribute(inner) for inner in value]
        case "S" | "B" | "BOOL":
            return value
    raise Permanent(f"An attribute of DynamoDB type {kind} is none of GAS's.")
