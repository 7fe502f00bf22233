"""Request bodies and queries of Stripe's API: ``line_items[0][price]=price_1`` and the like.

Source: "Request bodies" and "Errors", Stripe API reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)\Z")


class ApiError(Exception):
    """What Stripe's API answers when it does not do what was asked."""

    def __init__(
        self, status: int, message: str, *, code: str = "", param: str = "", kind: str = "invalid_request_error"
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"error": {"type": kind, "message": message}}
        if code:
            self.body["error"]["code"] = code
        if param:
            self.body["error"]["param"] = param


def missing(kind: str, name: str, *, param: str = "id", status: int = 404) -> ApiError:
    """There is no such object. Status 400 where it was named by a parameter of something else."""
    return ApiError(status, f"No such {kind}: '{name}'", code="resource_missing", param=param)


def decode(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Nested dictionaries; what Stripe would take for a list has the keys "0", "1", … Raises `ApiError`."""
    decoded: dict[str, Any] = {}
    for name, value in pairs:
        match = _NAME.match(name)
        if match is None:
            raise ApiError(400, f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
        *path, last = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
        inner = decoded
        for key in path:
            inner = inner.setdefault(key, {})
            if not isinstance(inner, dict):
                raise ApiError(400, "Invalid object", param=name)
        inner[last] = value
    return decoded


def only(given: Mapping[str, Any], *known: str, required: Iterable[str] = ()) -> None:
    """Raises `ApiError` for a parameter that this call does not know, as Stripe does, and for one that is missing."""
    for name in given:
        if name not in known and name not in required:
            raise ApiError(400, f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
    for name in required:
        if not given.get(name):
            raise ApiError(400, f"Missing required param: {name}.", code="parameter_missing", param=name)


def a_list(value: Any) -> list[Any]:
    """The values of a decoded list, in their order."""
    return [value[key] for key in sorted(value, key=lambda key: (len(key), key))] if isinstance(value, dict) else []


def whole_number(given: Mapping[str, Any], name: str, default: int) -> int:
    """Raises `ApiError` where it is none."""
    text = given.get(name, str(default))
    if not isinstance(text, str) or not text.isdecimal():
        raise ApiError(400, f"Invalid integer: {text}", code="parameter_invalid_integer", param=name)
    return int(text)
