"""Which e-mails were sent, in DynamoDB: keyed by ``mail_id``, removed by TTL after ``expires_at`` (epoch seconds)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.aws.items import from_attribute, to_attribute
from shared.aws.table import ConditionFailed, Table
from shared.core.clock import to_iso, to_millis
from shared.core.errors import Unavailable
from shared.core.ports import MailClaim

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

KEPT = timedelta(days=30)
_SENDING, _SENT = "SENDING", "SENT"
_SECOND = 1000


class DynamoMails:
    """Implements `shared.core.ports.Mails`."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._table = Table(dynamodb, table, "mail_id")

    def claim(self, mail_id: str, *, now: datetime, lapsed: timedelta) -> MailClaim:
        try:
            self._table.put(
                _item(mail_id, _SENDING, now),
                condition="attribute_not_exists(#mail_id) OR (#state = :sending AND #at <= :lapsed)",
                values={"sending": _SENDING, "lapsed": to_iso(now - lapsed)},
            )
        except ConditionFailed as failure:
            if failure.item is None:
                raise Unavailable("DynamoDB did not say who claimed the e-mail.") from None
            sent = from_attribute(failure.item["state"]) == _SENT
            return MailClaim(sent=sent, pending=not sent)
        return MailClaim(granted=True)

    def sent(self, mail_id: str, *, now: datetime) -> None:
        try:
            self._table.put(
                _item(mail_id, _SENT, now),
                condition="attribute_not_exists(#mail_id) OR #state <> :sent",
                values={"sent": _SENT},
            )
        except ConditionFailed:
            return  # known already


def _item(mail_id: str, state: str, now: datetime) -> dict[str, Any]:
    plain = {"mail_id": mail_id, "state": state, "at": to_iso(now), "expires_at": to_millis(now + KEPT) // _SECOND}
    return {name: to_attribute(value) for name, value in plain.items()}
