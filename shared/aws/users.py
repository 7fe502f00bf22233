"""The users table in DynamoDB, keyed by ``user_id``.

An address belongs to one account: beside each user stands an item with the key ``email#<address>`` that names its
owner. Both are written in one transaction, so that two sign-ups at once cannot share an address.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from shared.aws.errors import code_of, translated
from shared.aws.items import Item, from_item, to_item
from shared.aws.table import ConditionFailed, Table
from shared.core.clock import to_iso
from shared.core.errors import AlreadyExists, Conflict, NotFound, Unavailable
from shared.core.users import User

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_LONGEST_EMAIL = 320  # characters: 64 before the @, 255 after it


class DynamoUsers:
    """Implements `shared.core.ports.Users`."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._name = table
        self._table = Table(dynamodb, table, "user_id")

    def create(self, user: User) -> None:
        # boto3 adds a token to the transaction: a repetition by the SDK does not find its own first try in its way.
        lock = {"user_id": {"S": _lock_key(user.email)}, "owner": {"S": user.user_id}}
        with translated("DynamoDB"):
            try:
                self._dynamodb.transact_write_items(
                    TransactItems=[
                        {
                            "Put": {
                                "TableName": self._name,
                                "Item": item,
                                "ConditionExpression": "attribute_not_exists(user_id)",
                            }
                        }
                        for item in (to_item(user), lock)
                    ]
                )
            except ClientError as error:
                if code_of(error) != "TransactionCanceledException":
                    raise
                reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
                if "ConditionalCheckFailed" in reasons:
                    raise AlreadyExists("This address has an account already.") from None
                raise Unavailable("DynamoDB did not write the account; somebody else is writing it.") from error

    def get(self, user_id: str) -> User:
        item = self._table.get(user_id)
        if item is None or "owner" in item:  # the latter is an address, not a user
            raise NotFound("There is no such account.")
        return from_item(User, item)

    def by_email(self, email: str) -> User | None:
        if len(email) > _LONGEST_EMAIL:
            return None  # nobody's, and more than a key of DynamoDB holds
        lock = self._table.get(_lock_key(email))
        return self.get(lock["owner"]["S"]) if lock else None

    def verify(self, user_id: str, *, now: datetime) -> None:
        try:
            self._table.update(
                user_id,
                condition="attribute_exists(#email)",
                values={"now": to_iso(now)},
                changes={"verified_at": "if_not_exists(#verified_at, :now)"},
            )
        except ConditionFailed:
            raise NotFound("There is no such account.") from None

    def set_password(self, user_id: str, *, password_hash: str, epoch: int) -> None:
        try:
            self._table.update(
                user_id,
                condition="#session_epoch = :epoch",
                values={"epoch": epoch, "next": epoch + 1, "hash": password_hash},
                changes={"session_epoch": ":next", "password_hash": ":hash"},
            )
        except ConditionFailed as failure:
            if _is_user(failure.item):
                raise Conflict("The password was changed meanwhile.") from None
            raise NotFound("There is no such account.") from None

    def block_mail(self, email: str, *, reason: str) -> None:
        user = self.by_email(email)
        if user is None:
            return
        try:
            self._table.update(
                user.user_id,
                condition="#email = :email",
                values={"email": email, "reason": reason},
                changes={"mail_blocked": ":reason"},
            )
        except ConditionFailed:
            return  # nobody has the address any more


def _lock_key(email: str) -> str:
    return f"email#{email}"


def _is_user(item: Item | None) -> bool:
    return item is not None and "owner" not in item
