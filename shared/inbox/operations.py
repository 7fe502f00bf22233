"""What operators' commands and pages work with, and how it is put together on AWS."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote_plus

from shared.aws.audit import DynamoAudit
from shared.aws.clock import AwsClock
from shared.aws.dead_letters import SqsDeadLetterQueues
from shared.aws.inbox import DynamoInbox
from shared.aws.session import client
from shared.aws.subscriptions import SnsSubscriptions
from shared.aws.users import DynamoUsers
from shared.core.audit import Audit
from shared.core.channels import Channel, Subscriptions
from shared.core.clock import Clock, utc_now
from shared.core.errors import ConfigurationError
from shared.core.inbox import About, Inbox
from shared.core.messages import (
    AccountChanged,
    ArchiveDue,
    JobFinished,
    JobRequested,
    MailEvent,
    Message,
    RestoreRequested,
)
from shared.core.ports import Users
from shared.core.settings import OperatorSettings
from shared.inbox.desk import MessageDesk
from shared.inbox.letters import LetterOffice
from shared.inbox.readiness import HttpReadiness
from shared.inbox.replay import Parsers
from shared.sns_verify import CertificateStore, fetch_certificate


@dataclass(frozen=True)
class Operations:
    """All of it."""

    office: LetterOffice
    desk: MessageDesk
    inbox: Inbox
    audit: Audit
    subscriptions: Subscriptions
    users: Users
    """Whose messages they are."""
    channels: Sequence[Channel]
    now: Clock = utc_now
    """The time as AWS has it, once two of its answers were heard."""


@dataclass(frozen=True)
class ObjectEvents:
    """Topic ``object-restored``: S3 → restore function. Which job's objects it is about, for people.

    Source: "Event message structure", Amazon S3 User Guide.
    """

    keys: Sequence[str]

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises `ValueError`, `LookupError` or `TypeError` when it is no such event."""
        return cls([unquote_plus(record["s3"]["object"]["key"]) for record in json.loads(text)["Records"]])

    def about(self) -> About:
        """Keys begin with ``<user_id>/<job_id>/``."""
        user_id, _, rest = self.keys[0].partition("/")
        job_id, slash, _ = rest.partition("/")
        return About(job_id=job_id, user_id=user_id) if slash else About()


PARSERS: Parsers = {
    "job-requests": JobRequested.from_json,
    "job-results": JobFinished.from_json,
    "mail-feedback": MailEvent.from_json,
    "account-changes": AccountChanged.from_json,
    "archive-due": ArchiveDue.from_json,
    "restore-requests": RestoreRequested.from_json,
    "daily": Message.from_json,
    "object-restored": ObjectEvents.from_json,
}
"""Channel → what makes a message of a text."""


def build_operations(settings: OperatorSettings) -> Operations:
    """On AWS (or on what `settings.endpoint_url` says). Raises `ConfigurationError`."""
    dynamodb, sqs, now = client(settings, "dynamodb"), client(settings, "sqs"), AwsClock()
    now.listen(dynamodb)
    now.listen(sqs)
    inbox, audit = DynamoInbox(dynamodb, settings.inbox_table), DynamoAudit(dynamodb, settings.audit_table)
    subscriptions = SnsSubscriptions(client(settings, "sns"))
    try:
        office = LetterOffice(
            channels=settings.channels,
            queues=SqsDeadLetterQueues(sqs),
            inbox=inbox,
            audit=audit,
            subscriptions=subscriptions,
            readiness=HttpReadiness(),
            certificates=CertificateStore(
                fetch=fetch_certificate,
                now=now,
                extra_origin=settings.extra_certificate_origin,
                is_bounded=False,  # a few letters with made-up certificates must not keep the true ones from theirs
            ),
            parsers=PARSERS,
            now=now,
        )
    except ValueError as error:
        raise ConfigurationError(f"A topic or GAS_EXTRA_CERTIFICATE_ORIGIN is wrong: {error}") from error
    desk = MessageDesk(inbox, audit, settings.channels, now)
    users = DynamoUsers(dynamodb, settings.users_table)
    return Operations(office, desk, inbox, audit, subscriptions, users, settings.channels, now)
