"""The tables as `shared.aws` needs them. That the stack declares the very same is tested with the stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import CreateTableInputTypeDef, GlobalSecondaryIndexTypeDef

Type = Literal["S", "N"]


def create(
    dynamodb: DynamoDBClient,
    name: str,
    key: str,
    *,
    indexes: Mapping[str, tuple[str, str]] | None = None,
    types: Mapping[str, Type] | None = None,
    projection: Literal["ALL", "KEYS_ONLY"] = "ALL",
) -> None:
    """``indexes``: index → its hash and range attribute; ``types`` of those that are not text."""
    indexes = indexes or {}
    attributes = {key, *(attribute for pair in indexes.values() for attribute in pair)}
    secondary: list[GlobalSecondaryIndexTypeDef] = [
        {
            "IndexName": index,
            "KeySchema": [
                {"AttributeName": pair[0], "KeyType": "HASH"},
                {"AttributeName": pair[1], "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": projection},
        }
        for index, pair in indexes.items()
    ]
    table: CreateTableInputTypeDef = {
        "TableName": name,
        "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
        "AttributeDefinitions": [
            {"AttributeName": attribute, "AttributeType": (types or {}).get(attribute, "S")}
            for attribute in sorted(attributes)
        ],
        "BillingMode": "PAY_PER_REQUEST",
    }
    if secondary:
        table["GlobalSecondaryIndexes"] = secondary
    dynamodb.create_table(**table)


def create_jobs(dynamodb: DynamoDBClient) -> None:
    """The table ``jobs``."""
    create(
        dynamodb,
        "jobs",
        "job_id",
        indexes={"by-owner": ("user_id", "created_at"), "unannounced": ("unannounced", "queued_at")},
    )


def create_inbox(dynamodb: DynamoDBClient) -> None:
    """The table ``inbox``."""
    create(
        dynamodb,
        "inbox",
        "entry_id",
        indexes={"by-due": ("due_shard", "due_at")},
        types={"due_at": "N"},
        projection="KEYS_ONLY",
    )
