"""The templates of deploy/stack, as tests look at them: ``!Ref x`` is ``{"Ref": "x"}``, and so on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from deploy.local.stack import TEMPLATE

FOLDER = TEMPLATE.parent
PATHS = sorted(FOLDER.glob("*.yaml"))

Resource = dict[str, Any]
Key = tuple[str, str]
"""Stack, name."""


class _Loader(yaml.SafeLoader):
    """Reads the short forms of intrinsic functions."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    assert isinstance(node, yaml.SequenceNode)
    return {suffix: loader.construct_sequence(node, deep=True)}


_Loader.add_multi_constructor("!", _intrinsic)


def load(path: Path) -> dict[str, Any]:
    """One template."""
    loaded: dict[str, Any] = yaml.load(path.read_text(), _Loader)  # noqa: S506 - derived from SafeLoader
    return loaded


STACKS = {path.stem: load(path) for path in PATHS}


def of_type(*types: str) -> list[Key]:
    """All resources of these types, in whatever stack."""
    return [
        (stack, name)
        for stack, template in STACKS.items()
        for name, resource in template["Resources"].items()
        if resource["Type"] in types
    ]


def resource(key: Key) -> Resource:
    """A whole resource."""
    stack, name = key
    found: Resource = STACKS[stack]["Resources"][name]
    return found


def properties(key: Key) -> Resource:
    """Its properties."""
    found: Resource = resource(key)["Properties"]
    return found


def policies() -> list[Key]:
    """Resources that grant something to somebody."""
    return [
        (stack, name)
        for stack, template in STACKS.items()
        for name in template["Resources"]
        if any(statements((stack, name)))
    ]


def statements(key: Key) -> Iterator[Resource]:
    """Every statement of every policy within a resource."""
    waiting: list[Any] = [properties(key)] if "Properties" in resource(key) else []
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            for name, value in one.items():
                if name.endswith("PolicyDocument"):
                    yield from value["Statement"]
                else:
                    waiting.append(value)
        elif isinstance(one, list):
            waiting.extend(one)


def listed(value: Any) -> list[Any]:
    """Policies say one thing, or a list of them."""
    return value if isinstance(value, list) else [value]
