"""The audit log in DynamoDB: keyed by ``subject`` and ``entry_id``; nothing in it is ever changed or removed.

The index ``latest`` (``log``, ``at``) has two logs: what operators did, which has a reason, and all else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared.aws import page_token
from shared.aws.errors import translated
from shared.aws.items import Item, from_item, to_item
from shared.aws.newest import Index, Place, newest_first
from shared.aws.table import ConditionFailed, Table
from shared.core.audit import AuditEntry

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import WriteRequestTypeDef

_OPERATORS = "operators"
_OTHERS = "others"


class DynamoAudit:
    """Implements `shared.core.audit.Audit`."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._name = table
        self._table = Table(dynamodb, table, "subject")

    def record(self, entry: AuditEntry) -> bool:
        try:
            self._table.put(_item(entry), condition="attribute_not_exists(#entry_id)", values={})
        except ConditionFailed:
            return False
        return True

    def record_all(self, entries: Sequence[AuditEntry]) -> None:
        if not entries:
            return
        puts: Sequence[WriteRequestTypeDef] = [{"PutRequest": {"Item": _item(entry)}} for entry in entries]
        with translated("DynamoDB"):
            left = self._dynamodb.batch_write_item(RequestItems={self._name: puts}).get("UnprocessedItems", {})
            for each in left.get(self._name, []):  # one by one: the SDK is patient with those
                self._dynamodb.put_item(TableName=self._name, Item=each["PutRequest"]["Item"])

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

    def latest(
        self, *, limit: int, start: str | None = None, by_operators: bool = False
    ) -> tuple[Sequence[AuditEntry], str | None]:
        logs = [_OPERATORS] if by_operators else [_OPERATORS, _OTHERS]
        listing = " and ".join(logs)
        after: Place | None = None
        if start is not None:
            after = tuple(page_token.decode_place(start, listing, (str, str, str)))
        index = Index(self._name, "latest", "log", "at", ("subject", "entry_id"))
        rows = newest_first(self._dynamodb, index, logs, page=limit + 1, after=after)
        entries: list[AuditEntry] = []
        for place, item in rows:
            entries.append(from_item(AuditEntry, item))
            if len(entries) == limit:
                return entries, page_token.encode_place(listing, place) if next(rows, None) else None
        return entries, None


def _item(entry: AuditEntry) -> Item:
    return {**to_item(entry), "log": {"S": _OPERATORS if entry.why else _OTHERS}}
