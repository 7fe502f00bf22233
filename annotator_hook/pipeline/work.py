"""The whole work on one input, in the child process and its forks."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from pysam.version import __bcftools_version__, __version__

from annotator_hook.packs import format as packs
from annotator_hook.packs.format import Pack
from annotator_hook.pipeline import csq, parts, tsv_text, vcf_text
from annotator_hook.pipeline.annotate import Annotator, Done
from annotator_hook.pipeline.check import Check
from annotator_hook.pipeline.counts import Counter, Counts
from annotator_hook.pipeline.genome import Genome
from annotator_hook.pipeline.outcome import Ledger, Progress, Result, Spec
from annotator_hook.pipeline.reasons import SKIP_REASONS
from annotator_hook.pipeline.report import Log, on_one_line
from annotator_hook.pipeline.resources import peak_memory
from annotator_hook.pipeline.results import Results
from annotator_hook.pipeline.source import Source
from annotator_hook.pipeline.spool import Part
from annotator_hook.pipeline.summarise import density_bins, summarise
from annotator_hook.pipeline.workers import parallel
from shared.core.errors import Permanent

SMALL = 1 << 20
"""Bytes of input below which one process is quicker than several."""
MOST_COMMANDS = 100
"""Contigs whose command stands in the header."""


def annotate(spec: Spec, work_dir: Path, gas_version: str, on_progress: Callable[[Progress], None]) -> Result:
    """Raises `InputRejected` with words for the file's owner, `Permanent` when the pack or GAS itself is at fault."""
    with Log(spec.output_dir / "log.txt") as log:
        return _Work(spec, work_dir, gas_version, on_progress, log).run()


class _Work:
    def __init__(
        self, spec: Spec, work_dir: Path, gas_version: str, on_progress: Callable[[Progress], None], log: Log
    ) -> None:
        self.spec = spec
        self.work_dir = work_dir
        self.on_progress = on_progress
        self.log = log
        self.seconds: dict[str, float] = {}
        self.commands: list[str] = []
        self.versions = {"gas": gas_version, "bcftools": __bcftools_version__, "pysam": __version__}
        self.workers = 1 if spec.input.stat().st_size < SMALL else spec.workers
        self.memory = 0
        """The most that forks of one stage had resident, added up."""

    def run(self) -> Result:
        with self._stage("checking"):
            genome = Genome(packs.load(self.spec.pack_dir))
            self._introduce(genome.pack)
            source = Source(self.spec.input, most_bytes=self.spec.limits.output_bytes)
            check = Check(source, genome, self.work_dir, self.log, self.workers)
            check.run(self._counter("checking"))
        with self._stage("normalising"):
            divided = parts.divide(check.pieces, genome)
            total = sum(piece.rows for piece in check.pieces)
            workers = self.workers if len(divided) > 1 else 1
            engine = csq.Csq(genome, self.work_dir)
            count = self._counter("normalising", total)
            sent = 0
            for rows in parallel(engine.run, csq.runs(divided, genome), workers):
                sent += rows
                count(sent)
        with self._stage("annotating"):
            used = {part.contig for part in divided}
            bins = density_bins([contig for contig in genome.pack.contigs if contig.name in used])
            samples = len(check.header.samples)
            annotator = Annotator(genome, self.work_dir, engine, Counter(bins), samples, self.spec.distance)
            results = self._results(check, genome, used)
            counts, records, unread = self._annotate(annotator, divided, results, check.last_line, workers, total)
        with self._stage("writing"):
            rows = results.close(counts.transcripts)
        ledger = Ledger(check.records_in, records, dict(check.skipped.most_common()))
        if not ledger.balances or results.lines != total or rows != total or counts.variants != total:
            raise Permanent(
                f"The ledger does not balance: {ledger}; {total} alleles to write, {results.lines} lines and "
                f"{rows} rows written, {counts.variants} counted."
            )
        warnings = check.warnings()
        if unread:
            warnings.append(
                f"In {unread:,} transcripts there are more combinations of phased variants than GAS reads; the rarest "
                "were left out."
            )
        known = summarise(
            counts, bins, samples=samples, has_frequencies=genome.pack.af_source is not None and total > 0
        )
        return self._finish(genome.pack, check, ledger, known, results, warnings)

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        self.on_progress(Progress(name))
        started = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - started, 3)

    def _counter(self, stage: str, total: int | None = None) -> Callable[[int], None]:
        return lambda done: self.on_progress(Progress(stage, done, total))

    def _introduce(self, pack: Pack) -> None:
        self.log.say(f"GAS {self.versions['gas']}, the Genomics Annotation Service")
        self.log.say(f"File: {on_one_line(self.spec.display_name, 300)}")
        self.log.say(f"Reference pack: {pack.name} {pack.version}, {pack.title}, {pack.assembly}")
        for source in pack.sources:
            self.log.say(f"  {source['name']}: {source['version']} ({source['from']}; {source['licence']})")
        self.log.say(f"BCSQ: bcftools {self.versions['bcftools']} (pysam {self.versions['pysam']})")
        self.log.say(time.strftime("Started: %Y-%m-%d %H:%M:%S UTC", time.gmtime()))
        self.log.say()

    def _results(self, check: Check, genome: Genome, used: set[str]) -> Results:
        header = check.header
        provenance = self._provenance(genome.pack, used)
        self.commands = [text for name, text in provenance.items() if name.startswith("command")]
        head = vcf_text.head(header, genome.pack.contigs, check.undeclared(), provenance)
        names = [name.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for name in header.samples]
        metadata = {"samples": json.dumps(names), "provenance": json.dumps(provenance)}
        results = Results(self.spec.output_dir, genome, head, tsv_text.head(header.samples), metadata)
        results.open(len(header.samples))
        return results

    def _provenance(self, pack: Pack, used: set[str]) -> dict[str, str]:
        lines = {
            "version": self.versions["gas"],
            "pack": f"{pack.name} {pack.version}; {pack.title}; {pack.assembly}",
            "engine": f"GAS {self.versions['gas']} for CSQ, transcripts within {self.spec.distance:,} bases; "
            f"bcftools {self.versions['bcftools']} for BCSQ",
            "seconds": ", ".join(f"{stage} {taken:.2f}" for stage, taken in self.seconds.items()),
        }
        named = [contig for contig in pack.contigs if contig.name in used and contig.genes is not None]
        for number, contig in enumerate(named[:MOST_COMMANDS], 1):
            lines[f"command{number}"] = csq.arguments(pack, contig)
        for number, source in enumerate(pack.sources, 1):
            lines[f"source{number}"] = f"{source['name']}: {source['version']} ({source['from']})"
        return lines

    def _annotate(
        self, annotator: Annotator, divided: list[Part], results: Results, last_line: int, workers: int, total: int
    ) -> tuple[Counts, int, int]:
        """Answers the counts, from how many records the alleles came, and the transcripts not read in full."""
        count = self._counter("annotating", total)
        count(0)
        counts = Counts()
        seen = np.zeros(last_line // 8 + 1, dtype=np.uint8)
        unread = 0
        memory: dict[int, int] = {}
        done: Done
        for done in parallel(annotator.annotate, divided, workers):
            np.bitwise_or.at(seen, done.records >> 3, np.left_shift(1, done.records & 7).astype(np.uint8))
            memory[done.process] = done.peak_memory_bytes
            counts += done.counts
            unread += done.unread
            results.add(done)
            count(results.lines)
        memory.pop(os.getpid(), None)
        self.memory = sum(memory.values())
        return counts, int(np.unpackbits(seen).sum()), unread

    def _finish(
        self, pack: Pack, check: Check, ledger: Ledger, known: dict[str, Any], results: Results, warnings: list[str]
    ) -> Result:
        self.log.ledger(ledger, known["variants"])
        self.log.warnings(warnings)
        self.log.seconds(self.seconds)
        summary: dict[str, Any] = {
            "pack": {
                "name": pack.name,
                "version": pack.version,
                "assembly": pack.assembly,
                "title": pack.title,
                "sources": [{"name": source["name"], "version": source["version"]} for source in pack.sources],
            },
            "engine": self.versions,
            "commands": self.commands,
            "samples": len(check.header.samples),
            **known,
            "skipped_reasons": {reason: SKIP_REASONS[reason] for reason in ledger.skipped},
            "warnings": warnings,
            "seconds": self.seconds,
        }
        return Result(
            ledger=ledger,
            summary=summary,
            files={
                "vcf": results.vcf,
                "tbi": results.index,
                "tsv": results.tsv,
                "variants": results.variants,
                "consequences": results.consequences,
                "genes": results.genes,
                "log": self.spec.output_dir / "log.txt",
            },
            warnings=warnings,
            peak_memory_bytes=peak_memory() + self.memory,
        )
