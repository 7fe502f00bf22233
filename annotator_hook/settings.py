"""What the annotator is told at its start."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from shared.core.settings import HookSettings


class AnnotatorSettings(HookSettings):
    """Settings of `annotator_hook`."""

    jobs_table: str = Field(description="DynamoDB table of jobs.")
    inputs_bucket: str = Field(description="S3 bucket of uploaded files.")
    results_bucket: str = Field(description="S3 bucket of results.")
    job_requests_topic: str = Field(description="ARN of the topic on which jobs are announced.")
    job_requests_dead_letters: str = Field(description="URL of that subscription's dead-letter queue.")
    job_results_topic: str = Field(description="ARN of the topic on which finished jobs are announced.")
    packs_dir: Path | None = Field(
        default=None, description="Folder of installed reference packs; the built-in `rcrs` is always there."
    )
    work_dir: Path = Field(
        default=Path("/var/tmp/gas"),  # noqa: S108 - each job makes a private folder in it
        description="Folder for files of running jobs; needs about ten times the largest input.",
    )
    job_processes: int | None = Field(
        default=None,
        ge=1,
        description="Processes that work on one job side by side; as many as there are processors where it is not set.",
    )
    job_memory_mib: int = Field(
        default=2048, ge=256, description="Memory that each process of a job may use beyond the program itself, in MiB."
    )
    job_seconds: float = Field(
        default=3600.0, gt=0, description="Seconds that a job may take for each GiB of its upload."
    )
    flank_bases: int = Field(
        default=5000,
        ge=0,
        le=1_000_000,
        description="Bases up- and downstream of a transcript within which a variant is said to be near it.",
    )
    job_output_mib: int = Field(
        default=20_480,
        ge=1,
        description="Largest file that one job may write, and largest unpacked input, in MiB; where 600 times the upload is "
        "more, that counts.",
    )
    metrics_namespace: str | None = Field(
        default=None,
        pattern="^[^:]",
        description="CloudWatch namespace in which the annotator publishes its load once a minute, for Auto Scaling; unset, "
        "it does not.",
    )
