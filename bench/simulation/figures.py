"""What a simulated day comes to: waiting times, limits, money."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from bench import costs as prices
from bench.simulation.capacity import indexes, write_units
from bench.simulation.clock import MIDNIGHT
from bench.simulation.fleet import Fleet
from bench.simulation.load import DAY, SLOTS
from shared.aws.items import to_item
from shared.core.jobs import Job, JobState, Progress, StoredFile, input_key

STEP_MINUTES = 5
INSTANCE, DISK_GIB = "m7i.large", 100
"""Of an annotator: the stack's defaults."""


@dataclass(frozen=True)
class Figures:
    """Of one day; everything that the page says of it."""

    annotators: int
    jobs: int
    p50: float
    p90: float
    p99: float
    batch_p50: float
    batch_p99: float
    server_hours: float
    utilisation: float
    most_waiting: int
    restarts: int
    failures: int
    scaled_in: int
    refused: int
    dead_letters: int
    done_twice: int
    never_done: int
    lost_claims: int
    throttled: int
    peak_pushes: float
    """A second, in the busiest minute."""
    peak_running: int
    inbox_writes: float
    """Units of the whole day."""
    inbox_reads: float
    inbox_peaks: dict[str, float]
    """Units a second in the busiest minute, by what has a limit."""
    read_peaks: dict[str, float]
    progress_writes: float
    progress_peak: float
    """Write units a second of the jobs table and as much of its index by owner."""
    progress_rate: float
    """How often a running job stores its progress, a second, in the mean."""
    costs: dict[str, float]
    """Dollars of the day, by service; with the prices of `bench.costs`."""
    servers: list[int]
    """Every `STEP_MINUTES`, as the next two."""
    busy: list[int]
    waiting: list[int]

    def to_json(self) -> dict[str, Any]:
        """For keeping."""
        return asdict(self)


def figures(fleet: Fleet) -> Figures:
    """Of a fleet whose day is over."""
    day, inbox = fleet.day, fleet.inbox
    own, index = progress_units()
    peak_running = max(minute.busy for minute in day.minutes)
    progress = day.reports * (own + index)
    progress_rate = day.reports / day.busy_seconds
    hours = day.server_seconds / 3600
    # Each server reads the pauses at every beat of its sweep, whatever else it reads.
    reads = inbox.reads.total + day.server_seconds / 3.0
    costs = {
        "EC2": hours * an_hour(),
        "DynamoDB, inbox": (inbox.writes.total * prices.MILLION_WRITES + reads * prices.MILLION_READS) / 1e6,
        "DynamoDB, progress of jobs": progress * prices.MILLION_WRITES / 1e6,
        "SNS": 2 * day.jobs * (prices.MILLION_PUBLISHED + prices.MILLION_PUSHED) / 1e6,
        "CloudWatch": hours * 60 * prices.THOUSAND_METRIC_PUTS / 1e3,
    }
    minutes = [0] * (DAY // 60 + 1)
    for moment in fleet.pushed_at:
        minutes[min(int(moment // 60), DAY // 60)] += 1
    return Figures(
        annotators=day.annotators,
        jobs=day.jobs,
        p50=percentile(day.waits, 50),
        p90=percentile(day.waits, 90),
        p99=percentile(day.waits, 99),
        batch_p50=percentile(day.batch_waits, 50),
        batch_p99=percentile(day.batch_waits, 99),
        server_hours=hours,
        utilisation=day.busy_seconds / SLOTS / day.server_seconds,
        most_waiting=max(minute.waiting for minute in day.minutes),
        restarts=day.restarts,
        failures=day.failures,
        scaled_in=day.scaled_in,
        refused=day.refused,
        dead_letters=day.dead_letters,
        done_twice=day.done_twice,
        never_done=day.never_done,
        lost_claims=inbox.lost_claims,
        throttled=inbox.throttled,
        peak_pushes=max(minutes) / 60,
        peak_running=peak_running,
        inbox_writes=inbox.writes.total,
        inbox_reads=reads,
        inbox_peaks=inbox.writes.peaks(),
        read_peaks=inbox.reads.peaks(),
        progress_writes=progress,
        progress_peak=peak_running * progress_rate * own,
        progress_rate=progress_rate,
        costs=costs,
        servers=[minute.servers for minute in day.minutes[::STEP_MINUTES]],
        busy=[minute.busy for minute in day.minutes[::STEP_MINUTES]],
        waiting=[max(0, minute.waiting) for minute in day.minutes[::STEP_MINUTES]],
    )


def an_hour() -> float:
    """Dollars of an annotator's hour: the instance, its disk, its address."""
    disk = DISK_GIB * prices.VOLUME_GIB / prices.HOURS
    return prices.INSTANCE_HOUR[INSTANCE] + disk + prices.ADDRESS_HOUR


def percentile(numbers: Sequence[float], percent: float) -> float:
    """By the nearest rank; NaN of nothing."""
    ranked = sorted(numbers)
    return ranked[math.ceil(len(ranked) * percent / 100) - 1] if ranked else math.nan


def progress_units() -> tuple[int, int]:
    """Write units of one report of progress: of the jobs table, and of its index by owner."""
    job = Job(
        job_id="0123456789abcdef0123456789abcdef",
        user_id="0123456789abcdef0123456789abcdef",
        name="a-genome-of-somebody.vcf.gz",
        state=JobState.RUNNING,
        run=1,
        created_at=MIDNIGHT,
        input=StoredFile(input_key("0" * 32, "0" * 32), 1_000_000_000),
        request_id="0123456789abcdef",
        started_at=MIDNIGHT + timedelta(seconds=1),
        progress=Progress("annotating", 1_000_000, 5_000_000),
    )
    item = {**to_item(job), "worker": {"S": "x" * 60}, "write_id": {"S": "x" * 32}, "updated_at": {"S": "x" * 24}}
    units = write_units(item, {**item, "progress": {"M": {}}}, indexes("Jobs"))
    return units["table"], units["by-owner"]
