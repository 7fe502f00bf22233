"""Whether SES lets GAS send e-mail, and what to do where it does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from shared.aws.errors import code_of, translated

if TYPE_CHECKING:
    from types_boto3_sesv2 import SESV2Client


@dataclass(frozen=True)
class MailIdentity:
    """How the sender's domain or address stands with SES."""

    is_verified: bool
    dkim_tokens: tuple[str, ...]
    """Of a domain: each ``<token>._domainkey.<domain>`` has to be a CNAME of ``<token>.dkim.amazonses.com``."""
    may_write_to_all: bool
    """Whether the account is out of SES's sandbox, in which only verified addresses get e-mail."""


def mail_identity(sesv2: SESV2Client, identity: str) -> MailIdentity | None:
    """None where SES does not know it. Raises `GasError`."""
    with translated("SES"):
        try:
            found = sesv2.get_email_identity(EmailIdentity=identity)
        except ClientError as error:
            if code_of(error) == "NotFoundException":
                return None
            raise
        account = sesv2.get_account()
    return MailIdentity(
        is_verified=found.get("VerifiedForSendingStatus", False),
        dkim_tokens=tuple(found.get("DkimAttributes", {}).get("Tokens", ())),
        may_write_to_all=account.get("ProductionAccessEnabled", False),
    )
