"""What the pages work with, and how it is put together on AWS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from frontend.catalogue import Catalogue
from frontend.settings import FrontendSettings
from shared.aws.clock import AwsClock
from shared.aws.jobs import DynamoJobs
from shared.aws.limits import DynamoLimits
from shared.aws.mail import SesMailer
from shared.aws.mails import DynamoMails
from shared.aws.objects import S3Objects
from shared.aws.session import client
from shared.aws.topics import SnsTopics
from shared.aws.users import DynamoUsers
from shared.billing.stripe_billing import StripeBilling
from shared.core.audit import Audit
from shared.core.billing import Billing
from shared.core.channels import Readiness
from shared.core.clock import Clock, utc_now
from shared.core.inbox import Inbox
from shared.core.ports import Jobs, Limits, Mailer, Mails, Objects, Topics, Users
from shared.inbox.operations import Operations, build_operations
from shared.inbox.readiness import HttpReadiness


@dataclass(frozen=True)
class Services:
    """Handed to the app; a view gets it from `frontend.access.services`."""

    jobs: Jobs
    users: Users
    limits: Limits
    inputs: Objects
    results: Objects
    topics: Topics
    mailer: Mailer
    mails: Mails
    audit: Audit
    inbox: Inbox
    billing: Billing
    operations: Operations
    readiness: Readiness
    job_requests_topic: str
    account_changes_topic: str
    restore_requests_topic: str
    probes: Mapping[str, Callable[[], object]]
    """What pages cannot do without → what asks it for next to nothing, once and briefly. Raises `GasError` when it does
    not answer."""
    now: Clock = utc_now

    @cached_property
    def catalogue(self) -> Catalogue:
        """The installed reference packs."""
        return Catalogue(self.results, self.now)


def build(settings: FrontendSettings) -> Services:
    """The services on AWS (or on what `settings.endpoint_url` says)."""
    dynamodb, now = client(settings, "dynamodb"), AwsClock()
    now.listen(dynamodb)
    s3 = client(settings, "s3")
    operations = build_operations(settings)
    probed_users = DynamoUsers(client(settings, "dynamodb", probe=True), settings.users_table)
    probed_results = S3Objects(client(settings, "s3", probe=True), settings.results_bucket)
    return Services(
        jobs=DynamoJobs(dynamodb, settings.jobs_table),
        users=DynamoUsers(dynamodb, settings.users_table),
        limits=DynamoLimits(dynamodb, settings.limits_table),
        inputs=S3Objects(s3, settings.inputs_bucket),
        results=S3Objects(s3, settings.results_bucket),
        topics=SnsTopics(client(settings, "sns"), client(settings, "sqs")),
        mailer=SesMailer(client(settings, "sesv2"), settings.mail_from, settings.mail_configuration_set),
        mails=DynamoMails(dynamodb, settings.mails_table),
        audit=operations.audit,
        inbox=operations.inbox,
        billing=StripeBilling(
            key=settings.stripe_key.get_secret_value(),
            price=settings.stripe_price,
            webhook_secrets=settings.webhook_secrets,
            api=settings.stripe_api,
        ),
        operations=operations,
        readiness=HttpReadiness(),
        job_requests_topic=settings.job_requests_topic,
        account_changes_topic=settings.account_changes_topic,
        restore_requests_topic=settings.restore_requests_topic,
        probes={
            "database": lambda: probed_users.by_email("readyz@localhost"),
            "bucket": lambda: probed_results.size("readyz"),
        },
        now=now,
    )
