"""docs/scaling.md and its plots."""

from __future__ import annotations

import math
from collections.abc import Sequence

from annotator_hook.handlers.job_requested import LATER_REPORT_SECONDS, REPORT_SECONDS, SOON_SECONDS
from bench import costs as prices
from bench.simulation import capacity, flood, load
from bench.simulation.figures import (
    DISK_GIB,
    INSTANCE,
    STEP_MINUTES,
    Figures,
    an_hour,
    progress_units,
)
from bench.simulation.fleet import BOOT_SECONDS, HOURS_BETWEEN_FAILURES
from bench.simulation.plots import Panel, on_a_scale, over_a_day
from bench.simulation.server import BEAT
from shared.aws.inbox_items import SHARDS
from shared.inbox.sweeper import READ_AT_ONCE

SNS_PUBLISHES = 30_000
"""Messages a second, in us-east-1; other regions have less. Source: "Amazon SNS endpoints and quotas"."""


def plots(days: Sequence[Figures]) -> dict[str, str]:
    """Path under docs → SVG."""
    found = {f"img/scaling-{day.annotators}.svg": _day(day) for day in days}
    rows = {_annotators(day): {"median": day.p50, "99th percentile": day.p99} for day in days}
    found["img/scaling-waits.svg"] = on_a_scale(rows, title="From submitting to the start", unit="s")
    return found


def text(days: Sequence[Figures], flooded: Figures) -> str:
    """The page."""
    most = days[-1]
    return "\n".join([*_head(), *_results(days), *_limits(most), *_flood(flooded), *_missing(), ""])


def _day(day: Figures) -> str:
    slots = [servers * load.SLOTS for servers in day.servers]
    return over_a_day(
        [
            Panel("Slots", {"there are": slots, "busy": day.busy}),
            Panel("Jobs that wait", {"waiting": day.waiting}),
        ],
        title=f"A day of up to {day.annotators} annotators: slots, busy slots, and jobs that wait",
    )


def _head() -> list[str]:
    kinds = ", ".join(f"{kind.share:.0%} of {kind.seconds:,.0f} s" for kind in load.KINDS)
    return [
        "# Scaling",
        "",
        "`python -m bench.scaling` simulates these days and writes this page. Nothing of it was measured on AWS.",
        "",
        "What runs is the inbox's own code (accepting, turns, claims, leases, sweeps, draining) and the scaling policy of",
        "`deploy/stack/servers.yaml`, in simulated time. DynamoDB, SNS and Auto Scaling are models, made after AWS's",
        "documentation: what a write or a query costs is computed from the items that the code makes and the indexes of",
        "`deploy/stack/core.yaml`.",
        "",
        "A day's jobs:",
        "",
        f"- They last {kinds} (medians of lognormal durations; the mean is {load.MEAN_SECONDS:.0f} s).",
        f"- They come as people work, from 5 % to 100 % of the busiest hour, which takes {load.BUSY_AT_PEAK:.0%} of the slots of",
        f"  all annotators that there may be (`AnnotatorMax`), {load.SLOTS} each.",
        f"- At 13:30 one institute announces {load.BATCH_JOBS} jobs for each annotator within a minute.",
        f"- An instance takes {BOOT_SECONDS[0]:.0f} to {BOOT_SECONDS[1]:.0f} s to serve, and ends without a word every {HOURS_BETWEEN_FAILURES} hours.",
        "- There is one annotator at midnight, and never less (`AnnotatorMin`).",
        "",
    ]


def _results(days: Sequence[Figures]) -> list[str]:
    rows = [
        f"| {day.annotators:,} | {day.jobs:,} | {_time(day.p50)} | {_time(day.p90)} | {_time(day.p99)} | "
        f"{_time(day.batch_p50)} / {_time(day.batch_p99)} | {day.server_hours:,.0f} | {day.utilisation:.0%} | "
        f"{day.failures} / {day.scaled_in} | {day.restarts} | {day.never_done + day.dead_letters} / {day.done_twice} |"
        for day in days
    ]
    services = list(days[0].costs)
    costs = [
        f"| {day.annotators:,} | "
        + " | ".join(f"${day.costs[name]:,.2f}" for name in services)
        + f" | **${sum(day.costs.values()):,.2f}** | ${sum(day.costs.values()) / day.jobs:.4f} |"
        for day in days
    ]
    pictures = [f"![A day of {_annotators(day)}](img/scaling-{day.annotators}.svg)\n" for day in days]
    return [
        "## Waiting",
        "",
        "From the announcement to the start of the work, of everybody but the institute, whose waits stand beside it.",
        "",
        "| annotators | jobs | median | p90 | p99 | the institute's median / p99 | server hours | slots busy | died / scaled in | started again | lost / done twice |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
        *rows,
        "",
        "![Waiting times](img/scaling-waits.svg)",
        "",
        "A push goes to any server, also to one whose slots are busy: what it cannot start within two seconds is found by the",
        "sweep of one that is idle. That is the wait of most who wait at all; the rest is the morning and the institute's",
        "batch, when slots are missing until Auto Scaling has seen three minutes of it and instances have started.",
        "People take turns, so the batch delays itself more than others.",
        "",
        *pictures,
        "## Costs of such a day",
        "",
        f"us-east-1, on demand, at the prices of {prices.PRICED_AT} (`bench/costs.py`): ${an_hour():.4f} an hour for an annotator ({INSTANCE},",
        f"{DISK_GIB} GiB of gp3, an address), ${prices.MILLION_WRITES} and ${prices.MILLION_READS} a million write and read units of DynamoDB,",
        f"${prices.MILLION_PUBLISHED:.2f} and ${prices.MILLION_PUSHED:.2f} a million messages and pushes of SNS. Annotators and what they call alone;",
        "[deploy.md](deploy.md) has the whole.",
        "",
        f"| annotators | {' | '.join(services)} | together | a job |",
        f"|---|{'---|' * len(services)}---|---|",
        *costs,
        "",
    ]


def _limits(most: Figures) -> list[str]:
    reads = max(units for name, units in most.read_peaks.items() if name.startswith("by-due"))
    writes = max(units for name, units in most.inbox_peaks.items() if name.startswith("by-due"))
    unpaced = most.annotators / BEAT * _query_units(_most_unfinished(most) / SHARDS)
    sweeps = most.server_hours * 3600 / BEAT
    _, index = progress_units()
    per_person = capacity.WRITES_OF_A_PARTITION / (most.progress_rate * index)
    partition_reads, partition_writes = capacity.READS_OF_A_PARTITION, capacity.WRITES_OF_A_PARTITION
    new_table = capacity.WRITES_OF_A_NEW_TABLE
    of_a_table = f"{new_table:,} at once, {capacity.UNITS_OF_A_TABLE:,} in the end"
    growing = [
        (
            float(_met_unpaced(most)),
            f"reading what is due, if every server did it each {BEAT:.0f} s",
            f"{unpaced:,.0f} read units of each shard",
            f"{partition_reads:,}, a partition",
        ),
        (
            most.annotators * partition_reads / reads,
            f"reading what is due, as it is: at most {READ_AT_ONCE} entries of a server each {BEAT:.0f} s",
            f"{reads:,.0f} read units of each shard",
            f"{partition_reads:,}, a partition",
        ),
        (
            most.annotators * partition_writes / writes,
            "heartbeats and other writes, in the index of what is due",
            f"{writes:,.0f} write units of each shard",
            f"{partition_writes:,}, a partition",
        ),
        (
            most.annotators * new_table / most.inbox_peaks["table"],
            "the same, in the inbox table",
            f"{most.inbox_peaks['table']:,.0f} write units",
            of_a_table,
        ),
        (
            most.annotators * new_table / most.progress_peak,
            "progress of running jobs, in the jobs table",
            f"{most.progress_peak:,.0f} write units",
            of_a_table,
        ),
        (
            most.annotators * SNS_PUBLISHES / (2 * most.peak_pushes),
            "messages to SNS",
            f"{2 * most.peak_pushes:,.0f} messages",
            f"{SNS_PUBLISHES:,} in us-east-1",
        ),
    ]
    rows = [(*what, f"about {_rounded(met):,} annotators") for met, *what in sorted(growing)]
    rows.append(
        (
            "progress of one person's jobs, in the index by owner",
            f"{most.progress_rate * index:.1f} write units for each job",
            f"{partition_writes:,}, a partition",
            f"about {_rounded(per_person):,} running jobs of one person",
        )
    )
    return [
        "## Limits, in the order in which they are met",
        "",
        f"A second, in the busiest minute of the day with {_annotators(most)}, and at how many annotators as busy as these the",
        "limit is met.",
        "",
        "| what | taken | limit | met at |",
        "|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
        "What GAS does there:",
        "",
        "- **Reading what is due.** Each sweep reads all that is unfinished, and there is a sweep for each server: together that",
        "  grows with the square of their number. This simulation found it, and `shared.inbox.sweeper.pause` is the answer: a",
        f"  long line is read more rarely by each, so that a server's reading is bounded. Of about {_rounded(sweeps):,} beats of a",
        f"  sweep in this day {most.throttled:,} were throttled, since they do not come evenly. A throttled sweep is repeated at the next",
        "  beat; pushes and running work do not notice.",
        "- **Heartbeats.** A beat that is throttled fails and is logged; a lease survives two. Beyond the limit leases run out",
        "  and work is repeated, safely but in vain. More shards (`shared.aws.inbox_items.SHARDS`) move the limit, each by as",
        "  much; a longer `GAS_LEASE_SECONDS` does as well, and makes the work of a dead server wait longer.",
        f"- **Progress** is stored {1 / REPORT_SECONDS:.0f} times a second in a job's first {SOON_SECONDS:.0f} s, then every {LATER_REPORT_SECONDS:.0f} s. What is throttled is not stored, soon",
        "  the next is. A job's start or end that meets a throttled table is tried again by the SDK and then by the inbox, which",
        "  runs the job anew. On-demand tables double within half an hour; before a known storm, set their warm throughput.",
        "- **One person.** The index by owner holds back the whole table's writes for that person's jobs alone. Turns keep a",
        "  person's share of the slots small as soon as others wait.",
        "- **SNS** repeats pushes that were answered 503 or not at all, for up to an hour; then they are dead letters.",
        "",
    ]


def _flood(day: Figures) -> list[str]:
    return [
        "## More than the inbox takes",
        "",
        f"{flood.JOBS:,} jobs of {flood.JOB_SECONDS:.0f} s within {flood.WITHIN_SECONDS / 60:.0f} minutes, for at most {flood.ANNOTATORS} annotators: three times",
        "`GAS_MAX_BACKLOG`.",
        "",
        f"Pushes beyond the bound are answered 503 ({day.refused:,} answers), and SNS comes again by its delivery policy.",
        f"{day.dead_letters:,} messages were not accepted within their hour and wait as dead letters, to be replayed; the other",
        f"{day.jobs - day.dead_letters - day.never_done:,} jobs were done, {day.done_twice} of them twice, and {day.never_done} were lost. With a fleet of hundreds, set",
        "`GAS_MAX_BACKLOG` to some minutes of what it can do: the default of 10,000 is meant for tens.",
        "",
    ]


def _missing() -> list[str]:
    return [
        "## What this does not show",
        "",
        "AWS's burst capacity, which lends for some minutes; jobs that slow each other down beyond what the durations contain;",
        "S3 and the way there; a zone that fails; the price of traffic. How long an instance takes to serve is an assumption.",
        f"Plots have a point every {STEP_MINUTES} minutes.",
    ]


def _query_units(entries: float) -> float:
    return max(1, math.ceil(entries * capacity.BYTES_OF_A_DUE_ENTRY / 4096)) / 2


def _most_unfinished(day: Figures) -> int:
    return day.peak_running + day.most_waiting


def _met_unpaced(most: Figures) -> int:
    """Annotators whose sweeps at every beat would ask a shard for more than it gives, as busy as ``most``."""
    unfinished = _most_unfinished(most) / most.annotators
    return next(
        count
        for count in range(10, 100_000, 10)
        if count / BEAT * _query_units(count * unfinished / SHARDS) > capacity.READS_OF_A_PARTITION
    )


def _rounded(number: float) -> int:
    """To two digits."""
    return int(round(number, -max(0, int(math.log10(number)) - 1)))


def _annotators(day: Figures) -> str:
    return "1 annotator" if day.annotators == 1 else f"{day.annotators:,} annotators"


def _time(seconds: float) -> str:
    if math.isnan(seconds):
        return "–"
    if seconds < 100:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 2 * 3600 else f"{seconds / 3600:.1f} h"
