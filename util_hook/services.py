"""What the utility server's handlers work with, and how it is put together on AWS."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from shared.aws.clock import AwsClock
from shared.aws.jobs import DynamoJobs
from shared.aws.mail import SesMailer
from shared.aws.session import client
from shared.aws.users import DynamoUsers
from shared.core.clock import Clock, utc_now
from shared.core.ports import Jobs, Mailer, Users
from util_hook.settings import UtilSettings


@dataclass(frozen=True)
class Services:
    """Handed to every handler."""

    jobs: Jobs
    users: Users
    mailer: Mailer
    public_url: str
    mail_evidence: timedelta
    """How long after a send of unknown fate the e-mail may be sent again."""
    now: Clock = utc_now


def build(settings: UtilSettings) -> Services:
    """The services on AWS (or on what `settings.endpoint_url` says)."""
    dynamodb, now = client(settings, "dynamodb"), AwsClock()
    now.listen(dynamodb)
    return Services(
        jobs=DynamoJobs(dynamodb, settings.jobs_table),
        users=DynamoUsers(dynamodb, settings.users_table),
        mailer=SesMailer(client(settings, "sesv2"), settings.mail_from, settings.mail_configuration_set),
        public_url=settings.public_url,
        mail_evidence=timedelta(seconds=settings.mail_evidence_seconds),
        now=now,
    )
