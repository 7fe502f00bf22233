"""The tables of ``deploy/stack/core.yaml``: what is deployed is what the contract is tested on."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

STACK = Path(__file__).parents[2] / "deploy" / "stack" / "core.yaml"
_TAKEN = ("KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes", "BillingMode")


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short functions (``!Ref``, ``!Sub``) as nothing: no table's shape depends on one."""


_Loader.add_multi_constructor("!", lambda *_: None)


@functools.cache
def _resources() -> dict[str, Any]:
    resources: dict[str, Any] = yaml.load(STACK.read_text(), _Loader)["Resources"]  # noqa: S506 - a safe loader with one more rule
    return resources


def create(dynamodb: DynamoDBClient, logical_id: str, *, name: str = "") -> str:
    """Makes the table as the stack has it. Answers its name, which is its logical id unless another one is given."""
    properties = _resources()[logical_id]["Properties"]
    taken = {each: properties[each] for each in _TAKEN if each in properties}
    dynamodb.create_table(TableName=name or logical_id, **taken)
    return name or logical_id


def ttl_attribute(logical_id: str) -> str:
    """By which attribute the stack has DynamoDB forget items."""
    return str(_resources()[logical_id]["Properties"]["TimeToLiveSpecification"]["AttributeName"])
