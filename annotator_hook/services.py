"""What the annotator's handlers work with, and how it is put together on AWS."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from annotator_hook.pipeline.job import Limits
from annotator_hook.pipeline.source import BOMB_RATIO
from annotator_hook.settings import AnnotatorSettings
from shared.aws.clock import AwsClock
from shared.aws.jobs import DynamoJobs
from shared.aws.metrics import CloudWatchMetrics
from shared.aws.objects import S3Objects
from shared.aws.session import client
from shared.aws.topics import SnsTopics
from shared.core.clock import Clock, utc_now
from shared.core.load import Load
from shared.core.ports import Jobs, Objects, Topics

MIB = 1024 * 1024
GIB = 1024 * MIB
BUILT_IN_PACKS = Path(__file__).parent / "packs"


@dataclass(frozen=True)
class Services:
    """Handed to every handler."""

    jobs: Jobs
    inputs: Objects
    results: Objects
    topics: Topics
    job_requests_topic: str
    job_results_topic: str
    packs: tuple[Path, ...]
    """Folders that hold packs, each in a folder of its own name; the first that has one wins."""
    work_dir: Path
    limits: Limits
    """Of a job with a small input; see `limits_for`."""
    workers: int = 1
    """Processes that work on one job side by side."""
    distance: int = 5000
    """Bases from a transcript within which a variant is said to be near it."""
    publish_load: Callable[[Load], object] | None = None
    """Tells Auto Scaling how much there is to do. None where nothing scales."""
    now: Clock = utc_now

    def limits_for(self, size: int) -> Limits:
        """What a job with an input of ``size`` bytes may use: how much somebody may upload is the plan's affair, so time
        and files grow with what was let in. Memory does not: it is used in pieces, whatever the input's size."""
        return replace(
            self.limits,
            seconds=self.limits.seconds * max(1, math.ceil(size / GIB)),
            output_bytes=max(self.limits.output_bytes, size * BOMB_RATIO),
        )

    def pack_folder(self, name: str) -> Path:
        """Where the pack lies, or would lie: whether it is whole is found out by whoever loads it.

        An installed pack is a link, which is resolved here, once a job: a job keeps the release that it began with.
        """
        candidates = [folder / name for folder in self.packs]
        found = next((path for path in candidates if path.is_dir()), None)
        return candidates[-1] if found is None else found.resolve()


def build(settings: AnnotatorSettings) -> Services:
    """The services on AWS (or on what `settings.endpoint_url` says)."""
    s3, dynamodb, now = client(settings, "s3"), client(settings, "dynamodb"), AwsClock()
    now.listen(dynamodb)
    installed = (settings.packs_dir,) if settings.packs_dir else ()
    return Services(
        jobs=DynamoJobs(dynamodb, settings.jobs_table),
        inputs=S3Objects(s3, settings.inputs_bucket),
        results=S3Objects(s3, settings.results_bucket),
        topics=SnsTopics(client(settings, "sns"), client(settings, "sqs")),
        job_requests_topic=settings.job_requests_topic,
        job_results_topic=settings.job_results_topic,
        packs=(*installed, BUILT_IN_PACKS),
        work_dir=settings.work_dir,
        limits=Limits(
            memory_bytes=settings.job_memory_mib * MIB,
            seconds=settings.job_seconds,
            output_bytes=settings.job_output_mib * MIB,
        ),
        workers=settings.job_processes or os.cpu_count() or 1,
        distance=settings.flank_bases,
        now=now,
        publish_load=CloudWatchMetrics(client(settings, "cloudwatch"), settings.metrics_namespace).publish
        if settings.metrics_namespace
        else None,
    )
