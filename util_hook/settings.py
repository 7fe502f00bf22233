"""What the utility server is told at its start."""

from __future__ import annotations

from pydantic import Field

from shared.core.settings import HookSettings, MailSettings


class UtilSettings(HookSettings, MailSettings):
    """Settings of `util_hook`."""

    jobs_table: str = Field(description="DynamoDB table of jobs.")
    users_table: str = Field(description="DynamoDB table of users.")
    job_results_topic: str = Field(description="ARN of the topic on which finished jobs are announced.")
    job_results_dead_letters: str = Field(description="URL of that subscription's dead-letter queue.")
    mail_feedback_topic: str = Field(description="ARN of the topic on which SES reports.")
    mail_feedback_dead_letters: str = Field(description="URL of that subscription's dead-letter queue.")
    mail_evidence_seconds: float = Field(
        default=120.0,
        gt=0,
        description="How long SES's own report is awaited when a server died while it sent an e-mail, before it is sent again.",
    )
