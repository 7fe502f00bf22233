"""What the frontend is told at its start."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field

from shared.core.settings import MailSettings, Secrets


class FrontendSettings(MailSettings, Secrets):
    """Settings of `frontend`."""

    jobs_table: str = Field(description="DynamoDB table of jobs.")
    users_table: str = Field(description="DynamoDB table of users.")
    limits_table: str = Field(description="DynamoDB table of counters, such as attempts to sign in.")
    inputs_bucket: str = Field(description="S3 bucket of uploaded VCFs.")
    results_bucket: str = Field(description="S3 bucket of results.")
    job_requests_topic: str = Field(description="ARN of the topic on which jobs are announced.")
    max_upload_mib: int = Field(default=50, ge=1, le=5000, description="Largest VCF that may be uploaded, in MiB.")
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
            endpoint = urlsplit(self.endpoint_url)
            return (f"{endpoint.scheme}://{endpoint.netloc}",)
        return (f"https://{bucket}.s3.{self.region}.amazonaws.com", f"https://{bucket}.s3.amazonaws.com")
