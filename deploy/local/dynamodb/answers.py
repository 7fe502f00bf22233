"""How items become JSON.

moto looks for each of the ten kinds of value under each of its possible names, at each value; and before that it
imports a module at each value. Both together are nine tenths of what a page of items costs.
"""

from __future__ import annotations

import base64
from collections.abc import MutableMapping
from datetime import datetime
from typing import Any

from moto.core.model import StructureShape
from moto.core.serialize import JSONSerializer
from moto.dynamodb.models.dynamo_type import DynamoType


def to_plain(value: Any) -> Any:
    """What is to be serialized, without moto's objects. Does what moto's `dynamo_to_dict` does."""
    if isinstance(value, DynamoType):
        kind, content = value.type, value.value
        if kind in {"M", "L"}:
            return {kind: to_plain(content)}
        if kind == "B":
            return {kind: _to_bytes(content)}
        return {kind: [_to_bytes(each) for each in content] if kind == "BS" else content}
    if isinstance(value, dict):
        return {name: to_plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [to_plain(each) for each in value]
    if hasattr(value, "to_json") and not isinstance(value, datetime):
        return to_plain(value.to_json())
    return value


def _to_bytes(content: str | bytes) -> bytes:
    """moto keeps them as they came, in base64, or as a projection left them."""
    return content if isinstance(content, bytes) else base64.b64decode(content)


class AttributeSerializer(JSONSerializer):
    """moto's serializer, which takes a value of an item as it is: ``{"S": "…"}``."""

    def _serialize_type_structure(
        self, serialized: MutableMapping[str, Any], value: Any, shape: StructureShape, key: str
    ) -> None:
        if shape.name == "AttributeValue" and isinstance(value, dict):
            serialized[key] = self._attribute(value)
        else:
            super()._serialize_type_structure(serialized, value, shape, key)

    def _attribute(self, value: dict[str, Any]) -> dict[str, Any]:
        ((kind, content),) = value.items()
        if kind == "B":
            return {kind: self._base64(content)}
        if kind == "BS":
            return {kind: [self._base64(each) for each in content]}
        if kind == "M":
            return {kind: {name: self._attribute(each) for name, each in content.items()}}
        if kind == "L":
            return {kind: [self._attribute(each) for each in content]}
        return value
