"""What the frontend is told at its start."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from shared.core.settings import BillingSettings, MailSettings, OperatorSettings, RetentionSettings, Secrets, split


class FrontendSettings(MailSettings, BillingSettings, RetentionSettings, OperatorSettings, Secrets):
    """Settings of `frontend`."""

    jobs_table: str = Field(description="DynamoDB table of jobs.")
    users_table: str = Field(description="DynamoDB table of users.")
    limits_table: str = Field(description="DynamoDB table of counters, such as attempts to sign in.")
    mails_table: str = Field(description="DynamoDB table of e-mails that are sent once and belong to no job.")
    inputs_bucket: str = Field(description="S3 bucket of uploaded VCFs.")
    results_bucket: str = Field(description="S3 bucket of results.")
    stripe_webhook_secrets: SecretStr = Field(
        description="Secrets with which Stripe signs events, separated by commas, newest first: while one is replaced by "
        "another, both are believed.",
    )
    max_upload_mib: int = Field(
        default=50, ge=1, le=5000, description="Largest VCF that somebody with the free plan may upload, in MiB."
    )
    results_cache_dir: Path = Field(
        default=Path("/var/tmp/gas-results"),  # noqa: S108 - its folders are for this user alone
        description="Folder in which results that somebody looks at are kept, ready for filtering.",
    )
    results_cache_mib: int = Field(
        default=4096,
        ge=64,
        description="How large that folder may grow, in MiB; what was looked at longest ago goes first.",
    )
    mailbox_url: str | None = Field(
        default=None, description="Address of the local mailbox, linked at the foot of every page; unset on AWS."
    )
    trusted_proxies: int = Field(
        default=0,
        ge=0,
        le=5,
        description="How many reverse proxies (such as a load balancer) stand before the frontend: that many entries of "
        "X-Forwarded-For and X-Forwarded-Proto are believed.",
    )

    @field_validator("stripe_webhook_secrets")
    @classmethod
    def _at_least_one(cls, value: SecretStr) -> SecretStr:
        if not split(value):
            raise ValueError("at least one secret is needed")
        return value

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """Each of `stripe_webhook_secrets`."""
        return split(self.stripe_webhook_secrets)

    @property
    def payment_origins(self) -> tuple[str, ...]:
        """Where forms of ours lead people to pay: browsers hold the CSP's form-action against redirects too."""
        if self.stripe_api:
            return (_origin(self.stripe_api),)
        return ("https://checkout.stripe.com", "https://billing.stripe.com")

    @property
    def is_https(self) -> bool:
        """Whether people reach the pages over TLS: cookies are Secure then, and browsers are told to insist."""
        return urlsplit(self.public_url).scheme == "https"

    @property
    def upload_origins(self) -> tuple[str, ...]:
        """Where browsers send uploads: the origins of presigned POSTs, which the pages' CSP must allow."""
        return self._bucket_origins(self.inputs_bucket)

    @property
    def results_origins(self) -> tuple[str, ...]:
        """Where the genome view reads results: the origins of presigned GETs."""
        return self._bucket_origins(self.results_bucket)

    def _bucket_origins(self, bucket: str) -> tuple[str, ...]:
        if self.endpoint_url:
            return (_origin(self.endpoint_url),)
        return (f"https://{bucket}.s3.{self.region}.amazonaws.com", f"https://{bucket}.s3.amazonaws.com")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
