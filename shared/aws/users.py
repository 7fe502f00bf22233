"""The users table in DynamoDB, keyed by ``user_id``.

An address belongs to one account: beside each user stands an item with the key ``email#<address>`` that names its
owner. Both are written in one transaction, so that two sign-ups at once cannot share an address. A customer of Stripe
belongs to one account in the same way: ``customer#<id>``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared.aws.errors import code_of, translated
from shared.aws.items import Item, from_item, to_item, to_plain
from shared.aws.table import ConditionFailed, Table
from shared.core.clock import to_iso
from shared.core.errors import AlreadyExists, Conflict, NotFound, Unavailable
from shared.core.users import MailKind, Plan, Role, Subscription, User

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import ScanInputTypeDef, TransactWriteItemTypeDef

_LONGEST_EMAIL = 320  # characters: 64 before the @, 255 after it
_LONGEST_CUSTOMER = 255  # characters; what Stripe says an id may have
_TRIES = 5
_GONE = "There is no such account."


class DynamoUsers:
    """Implements `shared.core.ports.Users`."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._name = table
        self._table = Table(dynamodb, table, "user_id")

    def create(self, user: User) -> None:
        lock = {"user_id": {"S": _email_key(user.email)}, "owner": {"S": user.user_id}}
        new = "attribute_not_exists(user_id)"
        if not self._write_together(
            [
                {"Put": {"TableName": self._name, "Item": item, "ConditionExpression": new}}
                for item in (to_item(user), lock)
            ]
        ):
            raise AlreadyExists("This address has an account already.")

    def get(self, user_id: str) -> User:
        item = self._table.get(user_id)
        if item is None or not _is_user(item):
            raise NotFound(_GONE)
        return from_item(User, item)

    def by_email(self, email: str) -> User | None:
        if len(email) > _LONGEST_EMAIL:
            return None  # nobody's, and more than a key of DynamoDB holds
        return self._owner(_email_key(email))

    def verify(self, user_id: str, *, now: datetime) -> None:
        try:
            self._table.update(
                user_id,
                condition="attribute_exists(#email)",
                values={"now": to_iso(now)},
                changes={"verified_at": "if_not_exists(#verified_at, :now)"},
            )
        except ConditionFailed:
            raise NotFound(_GONE) from None

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
            raise NotFound(_GONE) from None

    def set_role(self, user_id: str, role: Role) -> User:
        try:
            self._table.update(
                user_id, condition="attribute_exists(#email)", values={"role": role}, changes={"role": ":role"}
            )
        except ConditionFailed:
            raise NotFound(_GONE) from None
        return self.get(user_id)

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

    def set_mail_off(self, user_id: str, kinds: tuple[MailKind, ...]) -> None:
        try:
            self._table.update(
                user_id,
                condition="attribute_exists(#email)",
                values={"kinds": list(kinds)},
                changes={"mail_off": ":kinds"},
            )
        except ConditionFailed:
            raise NotFound(_GONE) from None

    def set_customer(self, user_id: str, customer_id: str) -> User:
        user = self.get(user_id)
        if user.customer_id:
            return user
        lock = {"user_id": {"S": _customer_key(customer_id)}, "owner": {"S": user_id}}
        if not self._write_together(
            [
                {
                    "Put": {
                        "TableName": self._name,
                        "Item": lock,
                        "ConditionExpression": "attribute_not_exists(user_id)",
                    }
                },
                {
                    "Update": {
                        "TableName": self._name,
                        "Key": {"user_id": {"S": user_id}},
                        "UpdateExpression": "SET customer_id = :customer_id",
                        "ConditionExpression": "attribute_exists(email) AND "
                        "(attribute_not_exists(customer_id) OR customer_id = :nobody)",
                        "ExpressionAttributeValues": {":customer_id": {"S": customer_id}, ":nobody": {"S": ""}},
                    }
                },
            ]
        ):
            user = self.get(user_id)
            if not user.customer_id:
                raise AlreadyExists("This customer has an account already.")
            return user
        return self.get(user_id)

    def by_customer(self, customer_id: str) -> User | None:
        if not 0 < len(customer_id) <= _LONGEST_CUSTOMER:
            return None
        return self._owner(_customer_key(customer_id))

    def set_subscription(
        self, user_id: str, *, version: int, subscription: Subscription | None, plan: Plan, now: datetime
    ) -> User:
        present = self.get(user_id)
        # What an account of before there was a subscription does not have counts as 0.
        condition = "#billing_version = :version" + ("" if version else " OR attribute_not_exists(#billing_version)")
        values: dict[str, Any] = {"version": version, "next": version + 1, "plan": plan, "present": present.plan}
        changes = {"billing_version": ":next", "plan": ":plan"}
        if subscription is not None:
            values["subscription"] = to_plain(subscription)
            changes["subscription"] = ":subscription"
        if plan != present.plan:
            values |= {"now": to_iso(now), "zero": 0, "one": 1}
            changes |= {"plan_since": ":now", "plan_epoch": "if_not_exists(#plan_epoch, :zero) + :one"}
        try:
            item = self._table.update(
                user_id,
                # The plan is in it for what was found out above: nothing else than this changes it.
                condition=f"attribute_exists(#email) AND #plan = :present AND ({condition})",
                values=values,
                changes=changes,
                remove=() if subscription is not None else ("subscription",),
            )
        except ConditionFailed as failure:
            if _is_user(failure.item):
                raise Conflict("The subscription was stored by somebody else meanwhile.") from None
            raise NotFound(_GONE) from None
        return from_item(User, item)

    def announced(self, user_id: str, *, epoch: int) -> None:
        try:
            self._table.update(
                user_id,
                condition="attribute_exists(#email) AND "
                "(attribute_not_exists(#announced_epoch) OR #announced_epoch < :epoch)",
                values={"epoch": epoch},
                changes={"announced_epoch": ":epoch"},
            )
        except ConditionFailed:
            return  # known already, or gone

    def close(self, user_id: str, *, now: datetime) -> User:
        try:
            item = self._table.update(
                user_id,
                condition="attribute_exists(#email) AND attribute_not_exists(#closed_at)",
                values={"now": to_iso(now), "zero": 0, "one": 1},
                changes={
                    "closed_at": ":now",
                    "plan_epoch": "if_not_exists(#plan_epoch, :zero) + :one",
                    "session_epoch": "#session_epoch + :one",
                },
            )
        except ConditionFailed as failure:
            if failure.item is None or not _is_user(failure.item):
                raise NotFound(_GONE) from None
            item = failure.item
        return from_item(User, item)

    def delete(self, user_id: str) -> None:
        for _ in range(_TRIES):
            try:
                user = self.get(user_id)
            except NotFound:
                return
            locks = [_email_key(user.email)] + ([_customer_key(user.customer_id)] if user.customer_id else [])
            deletions: list[TransactWriteItemTypeDef] = [
                {
                    "Delete": {
                        "TableName": self._name,
                        "Key": {"user_id": {"S": key}},
                        "ConditionExpression": "attribute_not_exists(#owner) OR #owner = :owner",
                        "ExpressionAttributeNames": {"#owner": "owner"},
                        "ExpressionAttributeValues": {":owner": {"S": user_id}},
                    }
                }
                for key in locks
            ]
            deletions.append(
                {
                    "Delete": {
                        "TableName": self._name,
                        "Key": {"user_id": {"S": user_id}},
                        # Had they become a customer meanwhile, the customer would stay taken for good.
                        "ConditionExpression": "attribute_not_exists(customer_id) OR customer_id = :customer_id",
                        "ExpressionAttributeValues": {":customer_id": {"S": user.customer_id}},
                    }
                }
            )
            if self._write_together(deletions):
                return
        raise Unavailable("The account is being changed all the time.")

    def billed(self, *, limit: int, start: str | None = None) -> tuple[Sequence[User], str | None]:
        request: ScanInputTypeDef = {
            "TableName": self._name,
            "Limit": limit,
            "FilterExpression": "(attribute_exists(customer_id) AND customer_id <> :nobody) OR attribute_exists(closed_at)",
            "ExpressionAttributeValues": {":nobody": {"S": ""}},
        }
        if start is not None:
            request["ExclusiveStartKey"] = {"user_id": {"S": start}}
        with translated("DynamoDB"):
            answer = self._dynamodb.scan(**request)
        last = answer.get("LastEvaluatedKey")
        return [from_item(User, item) for item in answer["Items"]], last["user_id"]["S"] if last else None

    def _owner(self, lock_key: str) -> User | None:
        """Whose the address or customer is."""
        lock = self._table.get(lock_key)
        if lock is None:
            return None
        try:
            return self.get(lock["owner"]["S"])
        except NotFound:
            return None  # deleted between the two reads

    def _write_together(self, items: Sequence[TransactWriteItemTypeDef]) -> bool:
        """All or nothing. False when a condition did not hold."""
        # boto3 adds a token to the transaction: a repetition by the SDK does not find its own first try in its way.
        with translated("DynamoDB"):
            try:
                self._dynamodb.transact_write_items(TransactItems=items)
            except ClientError as error:
                if code_of(error) != "TransactionCanceledException":
                    raise
                reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
                if "ConditionalCheckFailed" in reasons:
                    return False
                raise Unavailable("DynamoDB did not write the account; somebody else is writing it.") from error
        return True


def _email_key(email: str) -> str:
    return f"email#{email}"


def _customer_key(customer_id: str) -> str:
    return f"customer#{customer_id}"


def _is_user(item: Item | None) -> bool:
    """An item with an owner is an address or a customer."""
    return item is not None and "owner" not in item
