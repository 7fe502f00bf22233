"""What the utility server is told at its start."""

from __future__ import annotations

from pydantic import Field

from shared.core.settings import BillingSettings, HookSettings, MailSettings, RetentionSettings, Secrets


class UtilSettings(HookSettings, MailSettings, BillingSettings, RetentionSettings, Secrets):
    """Settings of `util_hook`."""

    jobs_table: str = Field(description="DynamoDB table of jobs.")
    users_table: str = Field(description="DynamoDB table of users.")
    audit_table: str = Field(description="DynamoDB table of what operators and billing did.")
    mails_table: str = Field(description="DynamoDB table of e-mails that are sent once and belong to no job.")
    inputs_bucket: str = Field(description="S3 bucket of uploaded VCFs.")
    results_bucket: str = Field(description="S3 bucket of results.")
    archive_waits: str = Field(description="ARN of the state machine in which jobs wait for the archive.")
    restore_days: int = Field(
        default=2,
        ge=1,
        description="How many days Glacier keeps the temporary copy of a file that was asked back, until it is moved.",
    )
    job_results_topic: str = Field(description="ARN of the topic on which finished jobs are announced.")
    job_results_dead_letters: str = Field(description="URL of that subscription's dead-letter queue.")
    account_changes_topic: str = Field(description="ARN of the topic on which changes of plans are announced.")
    account_changes_dead_letters: str = Field(description="URL of that subscription's dead-letter queue.")
    archive_due_topic: str = Field(description="ARN of the topic on which waits for the archive report.")
    archive_due_dead_letters: str = Field(description="URL of that subscription's dead-letter queue.")
    restore_requests_topic: str = Field(description="ARN of the topic on which files are asked back from the archive.")
    restore_requests_dead_letters: str = Field(description="URL of that subscription's dead-letter queue.")
    daily_topic: str = Field(description="ARN of the topic that calls once a day.")
    daily_dead_letters: str = Field(description="URL of that subscription's dead-letter queue.")
    mail_feedback_topic: str = Field(description="ARN of the topic on which SES reports.")
    mail_feedback_dead_letters: str = Field(description="URL of that subscription's dead-letter queue.")
    mail_evidence_seconds: float = Field(
        default=120.0,
        gt=0,
        description="How long SES's own report is awaited when a server died while it sent an e-mail, before it is sent again.",
    )
