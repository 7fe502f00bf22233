"""The first pass over the input: every record is refused, skipped with a reason, or spooled allele by allele."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from annotator_hook.pipeline import header as headers
from annotator_hook.pipeline.annotation import INFO_LINES
from annotator_hook.pipeline.outcome import InputRejected
from annotator_hook.pipeline.pack import Pack
from annotator_hook.pipeline.reasons import SKIP_REASONS
from annotator_hook.pipeline.record import Allele, Record, examine, parse
from annotator_hook.pipeline.report import Log, plain
from annotator_hook.pipeline.source import Line, Source
from annotator_hook.pipeline.split import RESERVED, split_genotypes, split_info
from annotator_hook.pipeline.spool import Spool

MOST_MISMATCHES: Final = 0.5
"""Part of REF alleles that differ from the reference above which the file is of another assembly. By chance alone
about seven in ten differ."""
ENOUGH_MATCHES: Final = 10
"""REF alleles that must all match before a wrong contig length in the header is taken for a slip."""
MOST_UNDECLARED: Final = 1000
_KEY: Final = re.compile(r"[A-Za-z_][0-9A-Za-z_.]{0,199}")
_FILTER: Final = re.compile(r"[^\s;,<>=\"\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,200}")
_ESCAPED: Final = re.compile(r"[%;=,\s\x00-\x1f\x7f]")


class Check:
    """The pass, and what it found out."""

    def __init__(self, source: Source, pack: Pack, spool_path: Path, log: Log) -> None:
        """Reads the header. Raises `InputRejected`."""
        self._pack = pack
        self._log = log
        self._source = source
        self._lines: Iterator[Line] = source.lines()
        self.header = headers.read(self._lines, INFO_LINES)
        self._spool = Spool(spool_path, self.header, pack.contigs)
        self.records_in = 0
        self.last_line = 0
        self.skipped: Counter[str] = Counter()
        """Reason → records."""
        self._left_out: Counter[str] = Counter()
        """Reason → alleles of records that are annotated otherwise."""
        self._undeclared: dict[tuple[str, str], str] = {}
        self._seen_columns: set[tuple[str, str]] = set()
        self._other_contigs: Counter[str] = Counter()
        self._matches = 0
        self._mismatches: Counter[str] = Counter()
        """Contig → records whose REF is not the reference's."""
        self._stray_comments = 0
        self._unreadable: set[int] = set()

    def run(self, on_record: Callable[[int], None]) -> None:
        """``on_record`` is told the number of records so far. Raises `InputRejected`."""
        with self._spool:
            for line in self._lines:
                text = line.text
                if not text or text.isspace():
                    continue
                if text[0] == "#" and not line.cut:
                    self._comment(line)
                    continue
                self.records_in += 1
                self.last_line = line.number
                self._record(line)
                on_record(self.records_in)
        self._check_contigs()
        self._check_assembly()
        self._unreadable = self._drop_unreadable()

    def alleles(self) -> Iterator[tuple[int, str]]:
        """What is to be annotated, by contig and position: the input's line number, and a line of VCF an allele."""
        return self._spool.in_order(self._unreadable)

    def _drop_unreadable(self) -> set[int]:
        """Lines whose genotypes htslib cannot read; they count as skipped from now on."""
        bad = self._spool.unreadable()
        for line in sorted(bad):
            self._log.skipped(line, "", SKIP_REASONS["unreadable-genotypes"])
        if bad:
            self.skipped["unreadable-genotypes"] += len(bad)
        return bad

    def _comment(self, line: Line) -> None:
        if line.text.startswith("#CHROM\t") and line.text.split("\t")[9:] != self.header.samples:
            raise InputRejected(
                "second-header",
                f"A second header with other samples begins before line {line.number:,}: two files were joined.",
                "Join them with bcftools merge or concat, or upload them one by one.",
                line.number,
            )
        self._stray_comments += 1

    def _record(self, line: Line) -> None:
        if line.cut:
            self._skip(line.number, plain(line.text, 40), "record-too-long")
            return
        record = parse(line, self.header)
        found = examine(record, self._pack)
        if found.reason:
            self._skip(line.number, _place(record, record.alt), found.reason)
            if found.contig is None:
                if len(self._other_contigs) < MOST_UNDECLARED or record.chrom in self._other_contigs:
                    self._other_contigs[record.chrom] += 1
            elif found.reason == "ref-mismatch":
                self._mismatches[record.chrom] += 1
            return
        self._matches += 1
        for alt, reason in found.left_out:
            self._left_out[reason] += 1
            self._log.skipped(line.number, _place(record, alt), "(this allele alone) " + SKIP_REASONS[reason])
        self._add(record, found.alleles)

    def _skip(self, line: int, place: str, reason: str) -> None:
        self.skipped[reason] += 1
        self._log.skipped(line, place, SKIP_REASONS[reason])

    def _add(self, record: Record, alleles: list[Allele]) -> None:
        alternatives = record.alt.count(",") + 1
        items = self._info_items(record.info)
        self._note("FILTER", record.filter, ";")
        if record.genotypes:
            self._note("FORMAT", record.genotypes.partition("\t")[0], ":")
        numbers = self.header.declared
        for place, variant, changed in alleles:
            own = [f"GAS_LINE={record.line}"]
            info, genotypes = items, record.genotypes
            if changed:
                own += [f"GAS_ORIGINAL={_original(record)}", f"GAS_ALLELE={place + 1}"]
            if alternatives > 1:
                info = split_info(items, place, alternatives, numbers["INFO"])
                if genotypes:
                    genotypes = split_genotypes(genotypes, place, alternatives, numbers["FORMAT"])
            contig, pos, ref, alt = variant
            columns = [contig, str(pos), record.id, ref, alt, record.qual, record.filter, ";".join([*info, *own])]
            if genotypes:
                columns.append(genotypes)
            self._spool.add(contig, pos, record.line, "\t".join(columns))

    def _info_items(self, info: str) -> list[str]:
        """The record's INFO, without what GAS itself will say under the same key."""
        if info == ".":
            return []
        items: list[str] = []
        declared, renamed = self.header.declared["INFO"], self.header.renamed
        for item in info.split(";"):
            key, equals, value = item.partition("=")
            if key not in declared:
                if not item:
                    continue
                if key in renamed:
                    key = renamed[key]
                    item = f"{key}{equals}{value}"  # noqa: PLW2901
                if key not in declared:
                    self._declare("INFO", key, "" if equals else "Flag")
            items.append(item)
        return items

    def _note(self, kind: str, column: str, separator: str) -> None:
        if (kind, column) in self._seen_columns or len(self._seen_columns) > 10 * MOST_UNDECLARED:
            return
        self._seen_columns.add((kind, column))
        for name in column.split(separator):
            if name not in self.header.declared[kind] and name not in ("PASS", "."):
                self._declare(kind, name, "")

    def _declare(self, kind: str, name: str, flag: str) -> None:
        if len(self._undeclared) < MOST_UNDECLARED and (_FILTER if kind == "FILTER" else _KEY).fullmatch(name):
            self._undeclared.setdefault((kind, name), flag)

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
        names = ", ".join(plain(name, 40) for name, _ in self._other_contigs.most_common(5))
        return names + (f" and {len(self._other_contigs) - 5:,} more" if len(self._other_contigs) > 5 else "")

    def _check_assembly(self) -> None:
        mismatches = sum(self._mismatches.values())
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
        raise InputRejected(
            "assembly",
            f"The file is of another assembly than {self._pack.assembly}. {' '.join(why)}",
            "Align and call against this reference, or lift the variants over (for instance with bcftools +liftover).",
        )

    def _wrong_length(self) -> str:
        """A sentence, where the header gives a contig another length than the pack's."""
        for name, length in self.header.contig_lengths.items():
            contig = self._pack.by_alias.get(name.lower())
            if contig is not None and length != contig.length:
                other = contig.other_lengths.get(length)
                return (
                    f"Its header says that {plain(name, 40)} has {length:,} bases, the reference has {contig.length:,}"
                    + (f"; that is {other}." if other else ".")
                )
        return ""

    def warnings(self) -> list[str]:
        """What the owner should know although the file is annotated."""
        found = [*self._source.warnings, *self.header.warnings]
        mismatches = sum(self._mismatches.values())
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


def _place(record: Record, alt: str) -> str:
    return f"{plain(record.chrom, 40)}:{record.pos} {plain(record.ref, 40)}>{plain(alt, 60)}"


def _original(record: Record) -> str:
    text = f"{record.chrom}:{record.pos}:{record.ref}:{record.alt.replace(',', '/')}"
    return _ESCAPED.sub(lambda match: "".join(f"%{byte:02X}" for byte in match.group().encode()), text)
