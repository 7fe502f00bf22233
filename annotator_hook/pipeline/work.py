"""The whole work on one input, in the child process."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pysam.version import __bcftools_version__, __version__

from annotator_hook.pipeline import hgvs
from annotator_hook.pipeline import pack as packs
from annotator_hook.pipeline.annotation import Annotation
from annotator_hook.pipeline.check import Check
from annotator_hook.pipeline.clinvar import ClinVar
from annotator_hook.pipeline.consequences import Annotator
from annotator_hook.pipeline.csq import Called, Engine
from annotator_hook.pipeline.outcome import Ledger, Progress, Result, Spec
from annotator_hook.pipeline.pack import Pack
from annotator_hook.pipeline.reasons import SKIP_REASONS
from annotator_hook.pipeline.report import Log, plain
from annotator_hook.pipeline.source import Source
from annotator_hook.pipeline.summarise import Summary
from annotator_hook.pipeline.variant import Variant
from annotator_hook.pipeline.write import Writer
from shared.core.errors import Permanent

MOST_KNOWN = 1000
"""Alleles of one position whose annotation is kept for the next record."""
PROGRESS_EVERY = 500
"""Records between two reports of progress; whoever sends them on decides how often."""


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
        self.versions = {"gas": gas_version, "bcftools": __bcftools_version__, "pysam": __version__}

    def run(self) -> Result:
        with self._stage("checking"):
            pack = packs.load(self.spec.pack_dir)
            self._introduce(pack)
            source = Source(self.spec.input, most_bytes=self.spec.limits.output_bytes)
            check = Check(source, pack, self.work_dir / "spool.vcf", self.log)
            check.run(self._counter("checking"))
        with self._stage("normalising"):
            engine = Engine(pack, self.work_dir)
            total = 0

            def sites() -> Iterator[Variant]:
                nonlocal total
                for _, text in check.alleles():
                    contig, pos, _, ref, alt, _ = text.split("\t", 5)
                    total += 1
                    yield Variant(contig, int(pos), ref, alt)

            engine.prepare(sites())
        with self._stage("annotating"):
            engine.run()
            summary = Summary()
            writer = Writer(
                self.spec.output_dir, check.header, pack.contigs, check.undeclared(), self._provenance(pack, engine)
            )
            lines = self._merge(check, pack, engine, writer, summary, total)
        with self._stage("writing"):
            indexed = writer.close()
        ledger = Ledger(check.records_in, lines, dict(check.skipped.most_common()))
        if not ledger.balances or indexed != total or writer.written != total:
            raise Permanent(
                f"The ledger does not balance: {ledger}; {total} alleles to write, {writer.written} written, "
                f"{indexed} found in the result."
            )
        return self._finish(pack, check, ledger, summary, writer)

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        self.on_progress(Progress(name))
        started = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - started, 3)

    def _counter(self, stage: str, total: int | None = None) -> Callable[[int], None]:
        def count(done: int) -> None:
            if done % PROGRESS_EVERY == 0:
                self.on_progress(Progress(stage, done, total))

        return count

    def _introduce(self, pack: Pack) -> None:
        self.log.say(f"GAS {self.versions['gas']}, the Genomics Annotation Service")
        self.log.say(f"File: {plain(self.spec.display_name, 300)}")
        self.log.say(f"Reference pack: {pack.name}, {pack.title}, {pack.assembly}")
        for source in pack.sources:
            self.log.say(f"  {source['name']}: {source['version']} ({source['from']}; {source['licence']})")
        self.log.say(f"Engine: bcftools {self.versions['bcftools']} (pysam {self.versions['pysam']})")
        self.log.say(time.strftime("Started: %Y-%m-%d %H:%M:%S UTC", time.gmtime()))
        self.log.say()

    def _provenance(self, pack: Pack, engine: Engine) -> dict[str, str]:
        lines = {
            "version": self.versions["gas"],
            "pack": f"{pack.name}; {pack.title}; {pack.assembly}",
            "engine": f"bcftools {self.versions['bcftools']}",
        }
        for number, contig in enumerate(pack.contigs, 1):
            lines[f"command{number}"] = engine.arguments(contig)
        for number, source in enumerate(pack.sources, 1):
            lines[f"source{number}"] = f"{source['name']}: {source['version']} ({source['from']})"
        return lines

    def _merge(
        self,
        check: Check,
        pack: Pack,
        engine: Engine,
        writer: Writer,
        summary: Summary,
        total: int,
    ) -> int:
        """Writes every spooled allele with what is known of it. Answers from how many records they came."""
        annotator = Annotator(pack.genes, pack.reference)
        clinvar = ClinVar(pack.clinvar)
        contigs = {contig.name: contig for contig in pack.contigs}
        called = engine.called()
        count = self._counter("annotating", total)
        seen = bytearray(check.last_line + 1)
        here: tuple[str, int] = ("", 0)
        known: dict[Variant, Annotation] = {}
        self.on_progress(Progress("annotating", 0, total))
        for done, (line, text) in enumerate(check.alleles(), 1):
            fields = text.split("\t", 8)
            variant = Variant(fields[0], int(fields[1]), fields[3], fields[4])
            call = _next(called, variant)
            if here != variant[:2] or len(known) >= MOST_KNOWN:
                here = variant[:2]
                known.clear()
            annotation = known.get(variant)
            if annotation is None:
                contig = contigs[variant.contig]
                annotation = known[variant] = Annotation(
                    variant=variant,
                    kind=variant.kind,
                    hgvs_g=f"{contig.accession}:{hgvs.genomic(variant, contig, pack.reference)}",
                    consequences=annotator.consequences(variant, call.calls),
                    clinvar=clinvar.of(variant),
                    bcsq=call.bcsq,
                )
            writer.write(line, fields, annotation)
            summary.add(annotation)
            seen[line] = 1
            count(done)
        return seen.count(1)

    def _finish(self, pack: Pack, check: Check, ledger: Ledger, summary: Summary, writer: Writer) -> Result:
        warnings = check.warnings()
        self.log.ledger(ledger, summary.variants)
        self.log.warnings(warnings)
        self.log.seconds(self.seconds)
        shown: dict[str, Any] = {
            "pack": {
                "name": pack.name,
                "assembly": pack.assembly,
                "title": pack.title,
                "sources": [{"name": source["name"], "version": source["version"]} for source in pack.sources],
            },
            "engine": self.versions,
            "samples": len(check.header.samples),
            **summary.counts(),
            "skipped_reasons": {reason: SKIP_REASONS[reason] for reason in ledger.skipped},
            "warnings": warnings,
            "seconds": self.seconds,
        }
        return Result(
            ledger=ledger,
            summary=shown,
            files={
                "vcf": writer.vcf,
                "tbi": writer.tbi,
                "tsv": writer.tsv,
                "log": self.spec.output_dir / "log.txt",
            },
            warnings=warnings,
            peak_memory_bytes=_peak_memory(),
        )


def _next(called: Mapping[str, Iterator[Called]], variant: Variant) -> Called:
    """What `csq` said of the variant: its answers come in the order of the questions."""
    answers = called.get(variant.contig)
    if answers is None:
        return Called(variant, "", {})  # a contig without genes
    answer = next(answers, None)
    if answer is None or answer.variant != variant:
        raise Permanent(f"bcftools csq answered about {answer and answer.variant} instead of {variant}.")
    return answer


def _peak_memory() -> int:
    """Bytes that this process, or one that it forked, had resident at most.

    Not `ru_maxrss` for this process: it counts what the parent had resident when it started the process.
    """
    own = next(
        int(line.split()[1])
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        if line.startswith("VmHWM:")
    )
    return 1024 * max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
