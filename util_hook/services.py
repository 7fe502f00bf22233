"""What the utility server's handlers work with, and how it is put together on AWS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from shared.aws.audit import DynamoAudit
from shared.aws.clock import AwsClock
from shared.aws.glacier import S3Archive
from shared.aws.jobs import DynamoJobs
from shared.aws.mail import SesMailer
from shared.aws.mails import DynamoMails
from shared.aws.objects import S3Objects
from shared.aws.session import client
from shared.aws.topics import SnsTopics
from shared.aws.users import DynamoUsers
from shared.aws.waits import StepFunctionsWaits
from shared.billing.stripe_billing import StripeBilling
from shared.core.audit import Audit
from shared.core.billing import Billing
from shared.core.clock import Clock, utc_now
from shared.core.ports import Jobs, Mailer, Mails, Objects, Topics, Users
from shared.core.retention import Archive, Bucket, Waits
from util_hook.settings import UtilSettings


@dataclass(frozen=True)
class Services:
    """Handed to every handler."""

    jobs: Jobs
    users: Users
    mailer: Mailer
    mails: Mails
    topics: Topics
    waits: Waits
    billing: Billing
    audit: Audit
    buckets: Mapping[Bucket, Objects]
    archives: Mapping[Bucket, Archive]
    """The storage classes of the same buckets' objects."""
    public_url: str
    secret_keys: tuple[str, ...]
    """Signs the links that turn e-mails off."""
    account_changes_topic: str
    restore_requests_topic: str
    retention: timedelta
    """How long files of free users stay in standard storage."""
    archive_notice: timedelta
    """How long before they are archived their owner is told."""
    mail_evidence: timedelta
    """How long after a send of unknown fate the e-mail may be sent again."""
    now: Clock = utc_now


def build(settings: UtilSettings) -> Services:
    """The services on AWS (or on what `settings.endpoint_url` says)."""
    dynamodb, now = client(settings, "dynamodb"), AwsClock()
    s3, s3_once = client(settings, "s3"), client(settings, "s3", tries=1)
    now.listen(dynamodb)
    names: Mapping[Bucket, str] = {"inputs": settings.inputs_bucket, "results": settings.results_bucket}
    return Services(
        jobs=DynamoJobs(dynamodb, settings.jobs_table),
        users=DynamoUsers(dynamodb, settings.users_table),
        mailer=SesMailer(client(settings, "sesv2"), settings.mail_from, settings.mail_configuration_set),
        mails=DynamoMails(dynamodb, settings.mails_table),
        topics=SnsTopics(client(settings, "sns"), client(settings, "sqs")),
        waits=StepFunctionsWaits(client(settings, "stepfunctions"), settings.archive_waits),
        billing=StripeBilling(
            key=settings.stripe_key.get_secret_value(), price=settings.stripe_price, api=settings.stripe_api
        ),
        audit=DynamoAudit(dynamodb, settings.audit_table),
        buckets={bucket: S3Objects(s3, name) for bucket, name in names.items()},
        archives={
            bucket: S3Archive(s3, name, restore_days=settings.restore_days, once=s3_once)
            for bucket, name in names.items()
        },
        public_url=settings.public_url,
        secret_keys=settings.secret_keys,
        account_changes_topic=settings.account_changes_topic,
        restore_requests_topic=settings.restore_requests_topic,
        retention=settings.retention,
        archive_notice=settings.archive_notice,
        mail_evidence=timedelta(seconds=settings.mail_evidence_seconds),
        now=now,
    )
