"""The audit log in DynamoDB: keyed by ``subject`` and ``entry_id``; nothing in it is ever changed or removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.aws.errors import translated
from shared.aws.items import from_item, to_item
from shared.aws.table import ConditionFailed, Table
from shared.core.audit import AuditEntry

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


class DynamoAudit:
    """Implements `shared.core.billing.Audit`."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._name = table
        self._table = Table(dynamodb, table, "subject")

    def record(self, entry: AuditEntry) -> bool:
        try:
            self._table.put(to_item(entry), condition="attribute_not_exists(#entry_id)", values={})
        except ConditionFailed:
            return False
        return True

    def of(self, subject: str, *, limit: int) -> list[AuditEntry]:
        with translated("DynamoDB"):
            answer = self._dynamodb.query(
                TableName=self._name,
                KeyConditionExpression="subject = :subject",
                ExpressionAttributeValues={":subject": {"S": subject}},
                ConsistentRead=True,
                ScanIndexForward=False,
                Limit=limit,
            )
        entries = [from_item(AuditEntry, item) for item in answer["Items"]]
        return sorted(entries, key=lambda entry: entry.at, reverse=True)
