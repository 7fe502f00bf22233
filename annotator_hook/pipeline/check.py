"""The first pass over the input: what became of its records, and whether the file is one for this pack at all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from annotator_hook.pipeline import header as headers
from annotator_hook.pipeline.block import MOST_DIFFERING, Examiner, Found
from annotator_hook.pipeline.genome import Genome
from annotator_hook.pipeline.outcome import InputRejected
from annotator_hook.pipeline.reasons import SKIP_REASONS
from annotator_hook.pipeline.report import Log, on_one_line
from annotator_hook.pipeline.source import Source
from annotator_hook.pipeline.split import RESERVED
from annotator_hook.pipeline.spool import Piece
from annotator_hook.pipeline.vcf_text import INFO_LINES
from annotator_hook.pipeline.workers import parallel

MOST_MISMATCHES: Final = 0.5
"""Part of REF alleles that differ from the reference above which the file is of another assembly. By chance alone
about seven in ten differ."""
ENOUGH_MATCHES: Final = 10
"""REF alleles that must all match before a wrong contig length in the header is taken for a slip."""
MOST_UNDECLARED: Final = 1000
FEW: Final = 10
"""Records that were compared up to which it is not sure that the file is of another assembly: REF may be mistyped."""
_KEY: Final = re.compile(r"[A-Za-z_][0-9A-Za-z_.]{0,199}")
_FILTER: Final = re.compile(r"[^\s;,<>=\"\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,200}")


class Check:
    """The pass, and what it found out."""

    def __init__(self, source: Source, genome: Genome, folder: Path, log: Log, workers: int = 1) -> None:
        """Reads the header; the spool will be in ``folder``. Raises `InputRejected`."""
        self._genome = genome
        self._pack = genome.pack
        self._log = log
        self._source = source
        self._folder = folder
        self._workers = workers
        self.header = headers.read(source.lines(), INFO_LINES)
        self.records_in = 0
        self.last_line = 0
        self.skipped: Counter[str] = Counter()
        """Reason → records."""
        self.pieces: list[Piece] = []
        """What is to be annotated, in the order of the input."""
        self._left_out: Counter[str] = Counter()
        """Reason → alleles of records that are annotated otherwise."""
        self._undeclared: dict[tuple[str, str], str] = {}
        self._other_contigs: Counter[str] = Counter()
        self._matches = 0
        self._mismatches = 0
        """Records whose REF is not the reference's."""
        self._differing: list[str] = []
        """The first of these."""
        self._stray_comments = 0

    def run(self, on_records: Callable[[int], None]) -> None:
        """``on_records`` is told the number of records so far. Raises `InputRejected`."""
        examiner = Examiner(self.header, self._genome, self._folder)
        for found in parallel(examiner.examine, self._source.blocks(), self._workers):
            self._add(found)
            on_records(self.records_in)
        self._check_contigs()
        self._check_assembly()

    def _add(self, found: Found) -> None:
        self.records_in += found.records
        self.last_line = max(self.last_line, found.last_line)
        self.skipped += found.skipped
        self.pieces += found.pieces
        self._left_out += found.left_out
        self._matches += found.matches
        self._mismatches += found.mismatches
        self._differing += found.differing[: MOST_DIFFERING - len(self._differing)]
        self._stray_comments += found.stray_comments
        for line, place, why in found.listed:
            self._log.skipped(line, place, why)
        for kind, name, flag in found.used:
            self._declare(kind, name, flag)
        for name, count in found.other_contigs.items():
            if len(self._other_contigs) < MOST_UNDECLARED or name in self._other_contigs:
                self._other_contigs[name] += count

    def _declare(self, kind: str, name: str, flag: str) -> None:
        if len(self._undeclared) < MOST_UNDECLARED and (_FILTER if kind == "FILTER" else _KEY).fullmatch(name):
            self._undeclared[kind, name] = flag and self._undeclared.get((kind, name), flag)  # one value is no flag

    def undeclared(self) -> list[str]:
        """Header lines for what records use without a declaration, so that every tool takes the result."""
        lines = []
        for (kind, name), flag in self._undeclared.items():
            if kind == "FILTER":
                lines.append(f'##FILTER=<ID={name},Description="Not declared in the input">')
                continue
            number, value_type = ("0", "Flag") if flag else RESERVED.get(name, (".", "String"))
            lines.append(
                f'##{kind}=<ID={name},Number={number},Type={value_type},Description="Not declared in the input">'
            )
        return lines

    def _check_contigs(self) -> None:
        if self.records_in and self.skipped["contig"] == self.records_in:
            raise InputRejected(
                "contigs",
                f"No record lies on a contig of the reference pack {self._pack.name}: the file has {self._names()}.",
                f"The pack has {self._pack.contig_names()}. Choose another pack, or upload a file with these contigs.",
            )

    def _names(self) -> str:
        names = ", ".join(on_one_line(name, 40) for name, _ in self._other_contigs.most_common(5))
        return names + (f" and {len(self._other_contigs) - 5:,} more" if len(self._other_contigs) > 5 else "")

    def _check_assembly(self) -> None:
        mismatches = self._mismatches
        compared = self._matches + mismatches
        if not compared:
            return
        wrong_length = self._wrong_length()
        if mismatches <= compared * MOST_MISMATCHES and not (
            wrong_length and (mismatches or self._matches < ENOUGH_MATCHES)
        ):
            return
        why = [wrong_length] if wrong_length else []
        if mismatches:
            rate = f"{mismatches:,} of {compared:,} records ({mismatches / compared:.0%})"
            why.append(f"REF differs from the reference in {rate}.")
        lift = (
            "align and call against this reference, or lift the variants over (for instance with bcftools +liftover)."
        )
        if compared <= FEW and not wrong_length:  # typed by hand, perhaps
            raise InputRejected(
                "assembly",
                f"{why[0]} {'; '.join(self._differing)}.",
                f"Check position and REF of each. If they are right for another assembly than {self._pack.assembly}: {lift}",
            )
        raise InputRejected(
            "assembly",
            f"The file is of another assembly than {self._pack.assembly}. {' '.join(why)}",
            lift[0].upper() + lift[1:],
        )

    def _wrong_length(self) -> str:
        """A sentence, where the header gives a contig another length than the pack's."""
        for name, length in self.header.contig_lengths.items():
            contig = self._pack.by_alias.get(name.lower())
            if contig is not None and length != contig.length:
                other = contig.other_lengths.get(length)
                return (
                    f"Its header says that {on_one_line(name, 40)} has {length:,} bases, the reference has {contig.length:,}"
                    + (f"; that is {other}." if other else ".")
                )
        return ""

    def warnings(self) -> list[str]:
        """What the owner should know although the file is annotated."""
        found = [*self._source.warnings, *self.header.warnings]
        mismatches = self._mismatches
        if mismatches:
            compared = self._matches + mismatches
            found.append(f"REF differs from the reference in {mismatches:,} of {compared:,} records.")
        wrong_length = self._wrong_length()
        if wrong_length:
            found.append(f"{wrong_length} REF matches the reference, so it was annotated all the same.")
        if self._other_contigs:
            found.append(f"Records on contigs outside the pack were skipped: {self._names()}.")
        if self._stray_comments:
            found.append(f"{self._stray_comments:,} lines that start with # among the records were ignored.")
        for reason, count in self._left_out.items():
            found.append(f"Alleles left out of records that are annotated otherwise: {count:,}. {SKIP_REASONS[reason]}")
        if self._undeclared:
            names = ", ".join(name for _, name in list(self._undeclared)[:10])
            more = f" and {len(self._undeclared) - 10:,} more" if len(self._undeclared) > 10 else ""
            found.append(f"The header does not declare {names}{more}; the result does.")
        if self.records_in and self.records_in == sum(self.skipped.values()):
            found.append("No record could be annotated; the ledger says why.")
        return [text[:500] for text in found[:50]]
