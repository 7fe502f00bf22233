"""``make bench``: measures, prints, and writes docs/benchmarks.md with the machine's description."""

from __future__ import annotations

import platform
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from annotator_hook.packs import format as packs
from annotator_hook.pipeline.genome import Genome
from bench import annotate, dead_letters, filters, job, load, memory, push, restore, verify
from tests.whole import running_gas

FEW = 200
"""Records of the small file."""
DOCUMENT = Path(__file__).parent.parent / "docs" / "benchmarks.md"


@dataclass(frozen=True)
class Figure:
    """One measured number beside what it has to reach."""

    what: str
    value: float
    unit: str
    bound: float | None = None
    at_least: bool = False

    @property
    def reached(self) -> bool | None:
        """None where nothing has to be reached."""
        if self.bound is None:
            return None
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    @property
    def row(self) -> str:
        """A line of the table."""
        relation = "at least" if self.at_least else "at most"
        target = f"{relation} {self.bound:,g} {self.unit}" if self.bound is not None else "–"
        verdict = {None: "–", True: "yes", False: "**no**"}[self.reached]
        digits = 0 if self.value >= 1000 else 1 if self.value >= 10 else 2
        return f"| {self.what} | {self.value:,.{digits}f} {self.unit} | {target} | {verdict} |"


def machine() -> str:
    """What the numbers were measured on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{psutil.cpu_count()} cores ({model}), {memory:.0f} GiB of memory, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def measure() -> list[Figure]:
    """Everything, one after the other, so that nothing disturbs anything."""
    figures = []
    verified = verify.measure()
    figures += [
        Figure("verifying a Notification, warm certificate", verified["verify_per_s"], "/s"),
        Figure("the bare RSA-2048 check and JSON parse", verified["bare_per_s"], "/s"),
        Figure("verifying, as a share of the bare check", verified["ratio"] * 100, "%", 60, at_least=True),
    ]
    figures += endpoint()
    source = annotate.chr20_folder()
    with tempfile.TemporaryDirectory(prefix="gas-bench-") as name:
        figures += servers(Path(name), source)
        figures += upgrade(Path(name))
        figures += replay(Path(name))
    annotated = annotate.measure()
    figures += [
        Figure("100,000 mitochondrial records, annotated", annotated["seconds"], "s", 15),
        Figure("100,000 mitochondrial records, memory of all processes", annotated["peak_mb"], "MB", 300),
    ]
    if source:
        figures += chromosome_20(source)
    filtered = filters.measure()
    figures += [
        Figure("results page over 1,000,000 variants, median of all filters", filtered["median_ms"], "ms", 150),
        Figure("results page over 1,000,000 variants, the slowest filter", filtered["worst_ms"], "ms"),
        Figure("results page over 1,000,000 variants, first opened", filtered["opening_s"], "s"),
    ]
    return figures


def endpoint() -> list[Figure]:
    """Of one hook server under gunicorn, with its inbox on a table in memory."""
    found = load.measure()
    flat = memory.measure()
    known = "a push with a known certificate"
    kept = f"memory of a hook server over {memory.PUSHES:,} pushes"
    return [
        Figure("pushes verified and accepted by one gunicorn worker", found["verified_per_s"], "/s"),
        Figure("the same endpoint without verification and inbox", found["bare_per_s"], "/s"),
        Figure("verified and accepted, as a share of that", found["ratio"] * 100, "%", 50, at_least=True),
        Figure("pushes verified, accepted and handled by one gunicorn worker", found["handled_per_s"], "/s"),
        Figure(f"{known}, median", found["median_ms"], "ms"),
        Figure(f"{known}, 99th percentile", found["p99_ms"], "ms"),
        Figure(f"{known} while the certificate host hangs, median", found["away_median_ms"], "ms"),
        Figure(f"{known} while the certificate host hangs, 99th percentile", found["away_p99_ms"], "ms", 50),
        Figure(f"{known}, median while the host hangs as a multiple", found["away_ratio"], "×", 1.5),
        Figure(f"{kept}, after {memory.WARM:,}", flat["start_mb"], "MB"),
        Figure(f"{kept}, at the end as a multiple of that", flat["end_mb"] / flat["start_mb"], "×", 1.05),
        Figure(f"{kept}, growth for each push", flat["slope_bytes"], "bytes"),
    ]


def servers(folder: Path, source: Path | None) -> list[Figure]:
    """Of the whole of GAS as it runs on one machine, with the pack of chromosome 20 where its files are at hand."""
    figures = []
    few = folder / "few.vcf"
    if source:
        pack = annotate.make_chr20_pack(source, folder / "packs" / "chr20")
        annotate.write_sites(few, Genome(packs.load(pack)), FEW)
    with running_gas(folder / "data", {"GAS_PACKS_DIR": str(folder / "packs")}) as gas:
        waits = push.measure(gas)
        figures += [
            Figure(f"push received → handler started, median of {push.MESSAGES}", waits["median_ms"], "ms", 25),
            Figure("push received → handler started, 99th percentile", waits["p99_ms"], "ms", 100),
            Figure("push received → handler started, worst", waits["worst_ms"], "ms"),
        ]
        example = job.measure_example(gas)
        figures += [
            Figure(f"example VCF, submit → COMPLETED, median of {job.JOBS}", example["median_s"], "s", 2),
            Figure("example VCF, submit → COMPLETED, slowest", example["worst_s"], "s", 2),
        ]
        if source:
            uploaded = job.measure_upload(gas, few.read_bytes())
            what = f"{FEW} sites of chromosome 20, submit → COMPLETED"
            figures += [
                Figure(f"{what}, median of {job.JOBS}", uploaded["median_s"], "s", 1.5),
                Figure(f"{what}, slowest", uploaded["worst_s"], "s", 1.5),
            ]
    return figures


def upgrade(folder: Path) -> list[Figure]:
    """Of somebody with many archived jobs, on servers of its own: their work goes on when this has been measured."""
    with running_gas(folder / "upgrade") as gas:
        found = restore.measure(gas)
    what = f"an upgrade with {restore.JOBS:,} archived jobs"
    return [
        Figure(f"{what}, the slowest web request", found["request_ms"], "ms", 300),
        Figure(f"{what}, all restore messages published", found["published_s"], "s", 20),
    ]


def replay(folder: Path) -> list[Figure]:
    """Of a night's dead letters, on servers of its own: they are handled while they are replayed."""
    with running_gas(folder / "replay") as gas:
        found = dead_letters.measure(gas)
    what = f"{dead_letters.LETTERS:,} dead letters"
    return [
        Figure(f"{what}, `gas dlq list`, the first page", found["list_s"], "s", 3),
        Figure(f"{what}, `gas dlq replay --all`", found["replayed_per_s"], "/s", 100, at_least=True),
    ]


def chromosome_20(source: Path) -> list[Figure]:
    """A nuclear chromosome beside `bcftools csq`."""
    found = annotate.measure_chr20(source)
    sites = "1,000,000 sites of chromosome 20"
    figures = [
        Figure(f"{sites}, `bcftools csq` alone", found["csq_seconds"], "s"),
        Figure(f"{sites}, all results written", found["seconds"], "s"),
        Figure(f"{sites}, as a multiple of `bcftools csq`", found["ratio"], "×", 5),
        Figure(f"{sites}, variants a second", found["variants_per_s"], "/s", 100_000, at_least=True),
        Figure(f"{sites}, memory of all processes", found["peak_mb"], "MB", 1000),
        Figure(f"{sites}, memory as a multiple of that of 250,000 sites", found["memory_growth"], "×", 1.25),
    ]
    if "phased_seconds" in found:
        phased = "1000 Genomes, 24,990 sites × 300 samples, haplotypes read"
        figures += [
            Figure("1000 Genomes, `bcftools csq -p a` alone", found["phased_csq_seconds"], "s"),
            Figure(phased, found["phased_seconds"], "s"),
            Figure(f"{phased}, as a multiple of `bcftools csq`", found["phased_ratio"], "×", 4),
            Figure(f"{phased}, memory of all processes", found["phased_peak_mb"], "MB", 1000),
        ]
    return figures


def report(figures: list[Figure]) -> str:
    """The document."""
    return "\n".join(
        [
            "# Benchmarks",
            "",
            "`make bench` measures these and writes this page. Machines are noisy: compare ratios, or two runs on one machine.",
            "",
            f"Measured {datetime.now(UTC):%Y-%m-%d} on {machine()}; the cloud is the local one.",
            "",
            "| what | measured | to reach | reached |",
            "|---|---|---|---|",
            *(figure.row for figure in figures),
            "",
            *(
                []
                if annotate.chr20_folder()
                else [f"Chromosome 20 is missing: {annotate.SETTING} names no folder.", ""]
            ),
        ]
    )


def kept() -> str:
    """What the page says below its first section: of runs that take longer, written by hand."""
    _, heading, rest = DOCUMENT.read_text().partition("\n## ")
    return heading + rest


def main() -> None:
    """Exits with 1 when something is not reached, so that nobody overlooks it."""
    figures = measure()
    text = report(figures)
    DOCUMENT.write_text(text + kept())
    sys.stdout.write(text)
    raise SystemExit(any(figure.reached is False for figure in figures))


if __name__ == "__main__":
    main()
