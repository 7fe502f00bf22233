"""Settings that more than one server needs. Each server has its own class beside its `create_app`.

All are read from environment variables with the prefix ``GAS_`` (and nothing else), once, at the entrance.
`docs/settings.md` lists every one; a test fails when it does not.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.core.channels import Channel
from shared.core.errors import ConfigurationError

_GUNICORN_APP_LOAD_ERROR = 4
_SHORTEST_KEY = 32


class FromEnvironment(BaseSettings):
    """Settings that are read once, at the entrance of a process, and never change."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    @classmethod
    def from_environment(cls) -> Self:
        """The settings as the environment gives them.

        Raises `ConfigurationError` with one line that names each setting that is missing or wrong; values are never
        repeated, since they may be secrets.
        """
        try:
            return cls()
        except ValidationError as error:
            prefix = cls.model_config["env_prefix"]
            complaints = [
                f"{prefix}{str(item['loc'][0]).upper() if item['loc'] else '…'}: {item['msg']}"
                for item in error.errors(include_url=False, include_input=False, include_context=False)
            ]
            raise ConfigurationError("Settings are missing or wrong: " + "; ".join(complaints)) from None

    @classmethod
    def at_entrance(cls) -> Self:
        """As `from_environment`, but a complaint is one line on standard error and the end of the process.

        The exit code is the one that stops gunicorn for good instead of starting worker after worker.
        """
        try:
            return cls.from_environment()
        except ConfigurationError as error:
            sys.stderr.write(f"{error}\n")
            raise SystemExit(_GUNICORN_APP_LOAD_ERROR) from None


class AwsSettings(FromEnvironment):
    """What every process needs to reach AWS. Credentials are boto3's own business."""

    model_config = SettingsConfigDict(env_prefix="GAS_")

    region: str = Field(default="us-east-1", description="AWS region of all resources.")
    endpoint_url: str | None = Field(
        default=None,
        description="Base URL of all AWS services; unset on AWS, the local cloud's address on one machine.",
    )


class Settings(AwsSettings):
    """What every server and command needs."""

    model_config = SettingsConfigDict(env_prefix="GAS_")

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="DEBUG, INFO, WARNING or ERROR."
    )
    public_url: str = Field(description="The address under which people reach the pages, without a trailing slash.")


class MailSettings(Settings):
    """What a server needs that sends e-mail."""

    mail_from: str = Field(description="The sender of all e-mail, such as `GAS <gas@example.org>`.")
    mail_configuration_set: str = Field(description="The SES configuration set whose events come back to GAS.")


class HookSettings(Settings):
    """What a server needs that receives pushes."""

    inbox_table: str = Field(description="DynamoDB table of accepted pushes.")
    hook_url: str = Field(description="Base URL under which SNS reaches this server, without a trailing slash.")
    extra_certificate_origin: str | None = Field(
        default=None,
        description="One more origin whose signing certificates are trusted, such as `http://127.0.0.1:8003`. "
        "Refused unless it is a loopback address: it exists for the local cloud.",
    )
    subscribe_at_start: bool = Field(default=True, description="Whether the server subscribes itself to its topics.")
    worker_slots: int = Field(default=2, ge=1, le=256, description="Messages handled at once by one process.")
    max_backlog: int = Field(
        default=10_000, ge=1, description="Accepted but unhandled messages above which pushes are answered 503."
    )
    lease_seconds: float = Field(
        default=20.0, gt=0, description="How long a claim on a message holds without a sign of life."
    )
    sweep_seconds: float = Field(
        default=3.0, gt=0, description="How often messages are looked for that nobody handles."
    )
    max_attempts: int = Field(default=10, ge=1, description="Attempts after which a message goes to the dead letters.")


class RetentionSettings(Settings):
    """What a server needs that deals with the archive."""

    retention_seconds: int = Field(
        default=7 * 24 * 60 * 60, ge=1, description="How long files of free users stay in standard storage."
    )
    archive_notice_seconds: int = Field(
        default=24 * 60 * 60,
        ge=0,
        description="How long before they are archived their owner is told; not told when that is longer than the retention.",
    )

    @property
    def retention(self) -> timedelta:
        """`retention_seconds`."""
        return timedelta(seconds=self.retention_seconds)

    @property
    def archive_notice(self) -> timedelta:
        """`archive_notice_seconds`."""
        return timedelta(seconds=self.archive_notice_seconds)


class BillingSettings(Settings):
    """What a server needs that asks Stripe."""

    stripe_key: SecretStr = Field(
        description="Stripe's secret or restricted API key (customers, Checkout, Portal: write; subscriptions: write; "
        "invoices, prices: read).",
        min_length=1,
    )
    stripe_price: str = Field(description="Stripe's id of the premium plan's price, such as `price_1Pxyz`.")
    stripe_api: str | None = Field(
        default=None,
        description="Base address of Stripe's API; unset for Stripe itself, the local Stripe's on one machine.",
    )


class OperatorSettings(Settings):
    """What operators' pages and commands need: every channel of the stack."""

    inbox_table: str = Field(description="DynamoDB table of accepted pushes.")
    audit_table: str = Field(description="DynamoDB table of what operators and billing did.")
    users_table: str = Field(description="DynamoDB table of users.")
    extra_certificate_origin: str | None = Field(
        default=None,
        description="One more origin whose signing certificates are trusted, such as `http://127.0.0.1:8003`. "
        "Refused unless it is a loopback address: it exists for the local cloud.",
    )
    job_requests_topic: str = Field(description="ARN of the topic on which jobs are announced.")
    job_requests_dead_letters: str = Field(description="URL of the dead-letter queue of `job-requests`.")
    job_results_topic: str = Field(description="ARN of the topic on which finished jobs are announced.")
    job_results_dead_letters: str = Field(description="URL of the dead-letter queue of `job-results`.")
    mail_feedback_topic: str = Field(description="ARN of the topic on which SES reports about e-mail.")
    mail_feedback_dead_letters: str = Field(description="URL of the dead-letter queue of `mail-feedback`.")
    account_changes_topic: str = Field(description="ARN of the topic on which changes of plans are announced.")
    account_changes_dead_letters: str = Field(description="URL of the dead-letter queue of `account-changes`.")
    archive_due_topic: str = Field(description="ARN of the topic on which waits for the archive end.")
    archive_due_dead_letters: str = Field(description="URL of the dead-letter queue of `archive-due`.")
    restore_requests_topic: str = Field(description="ARN of the topic on which files are asked back from the archive.")
    restore_requests_dead_letters: str = Field(description="URL of the dead-letter queue of `restore-requests`.")
    daily_topic: str = Field(description="ARN of the topic of the daily round.")
    daily_dead_letters: str = Field(description="URL of the dead-letter queue of `daily`.")
    object_restored_topic: str = Field(description="ARN of the topic on which S3 says that a file came back.")
    object_restored_dead_letters: str = Field(description="URL of the dead-letter queue of `object-restored`.")

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Every channel, in the order of a job's life."""
        return (
            Channel("job-requests", self.job_requests_topic, self.job_requests_dead_letters),
            Channel("job-results", self.job_results_topic, self.job_results_dead_letters),
            Channel("mail-feedback", self.mail_feedback_topic, self.mail_feedback_dead_letters),
            Channel("account-changes", self.account_changes_topic, self.account_changes_dead_letters),
            Channel("archive-due", self.archive_due_topic, self.archive_due_dead_letters),
            Channel("restore-requests", self.restore_requests_topic, self.restore_requests_dead_letters),
            Channel("daily", self.daily_topic, self.daily_dead_letters),
            Channel("object-restored", self.object_restored_topic, self.object_restored_dead_letters, has_inbox=False),
        )


class Secrets(Settings):
    """What a server needs that signs links or sessions."""

    secret_key: SecretStr = Field(
        description="Signs sessions and links; at least 32 characters, the same on every server. Several, separated by "
        "commas: the first one signs, all are believed."
    )

    @field_validator("secret_key")
    @classmethod
    def _each_is_long(cls, value: SecretStr) -> SecretStr:
        keys = split(value)
        if not keys or any(len(key) < _SHORTEST_KEY for key in keys):
            raise ValueError(f"each key has at least {_SHORTEST_KEY} characters")
        return value

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """Each of `secret_key`; the first one signs."""
        return split(self.secret_key)


def split(several: SecretStr) -> tuple[str, ...]:
    """Secrets that stand in one setting, separated by commas: while one is replaced by another, both are good."""
    return tuple(one for part in several.get_secret_value().split(",") if (one := part.strip()))
