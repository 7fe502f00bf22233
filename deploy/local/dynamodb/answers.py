"""How items become JSON: moto looks for each of the ten kinds of value under each of its possible names, at each value."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from moto.core.model import StructureShape
from moto.core.serialize import JSONSerializer


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
