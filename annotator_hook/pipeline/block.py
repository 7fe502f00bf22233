"""The first pass over a block of lines: every record is refused, skipped with a reason, or spooled allele by allele."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotator_hook.consequence.arrays import Ints
from annotator_hook.pipeline import columns, genotypes, spool
from annotator_hook.pipeline.genome import Genome
from annotator_hook.pipeline.header import Header
from annotator_hook.pipeline.outcome import InputRejected
from annotator_hook.pipeline.reasons import SKIP_REASONS
from annotator_hook.pipeline.record import Allele, Record, examine, parse
from annotator_hook.pipeline.record_columns import FILTER, ID, INFO, QUAL, Lines, Plain, plain
from annotator_hook.pipeline.report import MOST_LISTED, on_one_line
from annotator_hook.pipeline.source import Block, Line, as_line
from annotator_hook.pipeline.split import split_genotypes, split_info
from annotator_hook.pipeline.spool import Piece

MOST_HELD: Final = 16 << 20
"""Bytes of odd records' alleles that are held before they are written to the spool."""
MOST_SEEN: Final = 10_000
"""Different texts of a column whose names are remembered."""
MOST_DIFFERING: Final = 3
"""Records of another REF than the reference's that are told of one by one."""
_ESCAPED: Final = re.compile(r"[%;=,\s\x00-\x1f\x7f]")
Use = tuple[str, str, str]
"""Kind of header line, name, and ``Flag`` for an INFO without a value."""


@dataclass
class Found:
    """What became of a block."""

    records: int = 0
    last_line: int = 0
    """Of its records."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Reason → records."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Reason → alleles of records that are annotated otherwise."""
    listed: list[tuple[int, str, str]] = field(default_factory=list)
    """Line, variant, and why it is not annotated: the first of them, one more than a log lists."""
    used: dict[Use, None] = field(default_factory=dict)
    """What records use without a declaration."""
    other_contigs: Counter[str] = field(default_factory=Counter)
    matches: int = 0
    """Records whose REF is the reference's."""
    mismatches: int = 0
    differing: list[str] = field(default_factory=list)
    """The first of these, and what the reference has there."""
    stray_comments: int = 0
    pieces: list[Piece] = field(default_factory=list)

    def skip(self, line: int, place: str, reason: str) -> None:
        self.skipped[reason] += 1
        self.note(line, place, SKIP_REASONS[reason])

    def note(self, line: int, place: str, why: str) -> None:
        if len(self.listed) <= MOST_LISTED:
            self.listed.append((line, place, why))


class Examiner:
    """Looks at blocks, one after the other; what it has told of one it does not tell of the next."""

    def __init__(self, header: Header, genome: Genome, folder: Path) -> None:
        self.header = header
        self.genome = genome
        self.folder = folder
        self._seen: set[tuple[str, bytes | str]] = set()
        """Texts of columns, and INFO keys, of which nothing more is to be told."""

    def examine(self, block: Block) -> Found:
        """Raises `InputRejected` for the first line that refuses the file."""
        return _Pass(self, block).run()

    def uses(self, kind: str, column: Any, separator: str) -> list[Use]:
        """What a column of FILTER or FORMAT uses without a declaration."""
        used: list[Use] = []
        for text in column.unique().to_pylist():
            if (kind, text) in self._seen:
                continue
            if len(self._seen) < MOST_SEEN:
                self._seen.add((kind, text))
            names = text.decode("utf-8", "surrogateescape").split(separator)
            known = self.header.declared[kind]
            used += [(kind, name, "") for name in names if name not in known and name not in ("PASS", ".")]
        return used

    def info_key(self, item: bytes) -> Use | None:
        """What an INFO key, with its ``=`` if it has one, uses without a declaration."""
        if ("INFO", item) in self._seen:
            return None
        if len(self._seen) < MOST_SEEN:
            self._seen.add(("INFO", item))
        key = item.removesuffix(b"=").decode("utf-8", "surrogateescape")
        if not item or key in self.header.declared["INFO"]:
            return None
        return ("INFO", key, "" if item.endswith(b"=") else "Flag")


class _Pass:
    """Over one block."""

    def __init__(self, examiner: Examiner, block: Block) -> None:
        self._examiner = examiner
        self._block = block
        self._header: Header = examiner.header
        self._genome: Genome = examiner.genome
        self._found = Found()
        self._odd: list[dict[str, Any]] = []
        self._held = 0
        self._files = 0

    def run(self) -> Found:
        found, block, count = self._found, self._block, self._header.columns
        if block.cut:
            found.records, found.last_line = 1, block.number
            text = as_line(block.number, block.data, cut=True).text
            found.skip(block.number, on_one_line(text, 40), "record-too-long")
            return found
        lines = Lines.of(block.data, count)
        records = plain(lines, count, self._genome)
        found.records = found.matches = len(records.row)
        found.last_line = block.number + int(records.row[-1]) if len(records.row) else 0
        odd = np.ones(len(lines.start), dtype=np.bool_)
        odd[records.row] = False
        for row in np.flatnonzero(odd).tolist():
            raw = block.data[lines.start[row] : lines.end[row]]
            self._line(as_line(block.number + row, raw, cut=False))
        if len(records.row):
            self._write(*self._table(lines, records))
        elif self._odd:
            self._write(spool.SCHEMA.empty_table(), np.zeros(0, dtype=np.int64))
        found.listed.sort(key=lambda entry: entry[0])
        return found

    def _line(self, line: Line) -> None:
        text = line.text
        if not text or text.isspace():
            return
        if text[0] == "#":
            self._comment(line)
            return
        self._found.records += 1
        self._found.last_line = max(self._found.last_line, line.number)
        self._record(line)

    def _comment(self, line: Line) -> None:
        if line.text.startswith("#CHROM\t") and line.text.split("\t")[9:] != self._header.samples:
            raise InputRejected(
                "second-header",
                f"A second header with other samples begins before line {line.number:,}: two files were joined.",
                "Join them with bcftools merge or concat, or upload them one by one.",
                line.number,
            )
        self._found.stray_comments += 1

    def _record(self, line: Line) -> None:
        found = self._found
        record = parse(line, self._header)
        examined = examine(record, self._genome)
        if examined.reason:
            found.skip(line.number, _place(record, record.alt), examined.reason)
            if examined.contig is None:
                found.other_contigs[record.chrom] += 1
            elif examined.reason == "ref-mismatch":
                found.mismatches += 1
                if len(found.differing) < MOST_DIFFERING:
                    end = record.pos + len(record.ref) - 1
                    reference = on_one_line(self._genome.bases(examined.contig.name, record.pos, end), 40)
                    found.differing.append(f"{_place(record, record.alt)}, where the reference has {reference}")
            return
        found.matches += 1
        for alt, reason in examined.left_out:
            found.left_out[reason] += 1
            found.note(line.number, _place(record, alt), "(this allele alone) " + SKIP_REASONS[reason])
        self._add(record, examined.alleles)

    def _add(self, record: Record, alleles: list[Allele]) -> None:
        alternatives = record.alt.count(",") + 1
        items = self._info_items(record.info)
        self._use(*self._examiner.uses("FILTER", columns.binary([_encode(record.filter)]), ";"))
        if record.genotypes:
            keys = record.genotypes.partition("\t")[0]
            self._use(*self._examiner.uses("FORMAT", columns.binary([_encode(keys)]), ":"))
        numbers = self._header.declared
        for place, variant, changed in alleles:
            info, calls = items, record.genotypes
            if alternatives > 1:
                info = split_info(items, place, alternatives, numbers["INFO"])
                if calls:
                    calls = split_genotypes(calls, place, alternatives, numbers["FORMAT"])
            row = {
                "contig": self._genome.rank[variant.contig],
                "line": record.line,
                "pos": variant.pos,
                "ref": variant.ref,
                "alt": variant.alt,
                "id": _encode(record.id),
                "qual": _encode(record.qual),
                "filter": _encode(record.filter),
                "info": _encode(";".join(info)),
                "original": _encode(_original(record)) if changed else b"",
                "number": place + 1,
                "genotypes": _encode(calls),
            }
            self._odd.append(row)
            self._held += len(calls) + len(record.info) + 200
        if self._held > MOST_HELD:
            self._write(spool.SCHEMA.empty_table(), np.zeros(0, dtype=np.int64))

    def _info_items(self, info: str) -> list[str]:
        """The record's INFO, without what GAS itself will say under the same key."""
        if info == ".":
            return []
        items: list[str] = []
        declared, renamed = self._header.declared["INFO"], self._header.renamed
        for item in info.split(";"):
            key, equals, value = item.partition("=")
            if key not in declared:
                if not item:
                    continue
                key = renamed.get(key, key)
                if key not in declared:
                    self._use(("INFO", key, "" if equals else "Flag"))
            items.append(f"{key}{equals}{value}")
        return items

    def _use(self, *uses: Use) -> None:
        self._found.used.update(dict.fromkeys(uses))

    def _table(self, lines: Lines, records: Plain) -> tuple[Any, Ints]:
        """The plain records as rows of the spool, and the contig of each."""
        count, row = self._header.columns, records.row
        filters = lines.column(row, FILTER, count)
        self._use(*self._examiner.uses("FILTER", filters, ";"))
        if self._header.samples:
            self._use(*self._examiner.uses("FORMAT", lines.column(row, 8, count), ":"))
            calls = lines.rest(row, 8, count)
        else:
            calls = columns.empty(len(row))
        original = np.full(len(row), len(records.original), dtype=np.int64)
        original[records.moved] = np.arange(len(records.moved))
        table = pa.table(
            {
                "line": pa.array((self._block.number + row).astype(np.int32)),
                "pos": pa.array(records.pos.astype(np.int32)),
                "ref": records.ref.cast(pa.string()),
                "alt": records.alt.cast(pa.string()),
                "id": lines.column(row, ID, count),
                "qual": lines.column(row, QUAL, count),
                "filter": filters,
                "info": self._info(lines.column(row, INFO, count)),
                "original": columns.binary([*records.original, b""]).take(pa.array(original)),
                "number": pa.array(np.ones(len(row), dtype=np.int16)),
                "genotypes": calls,
            },
            schema=spool.SCHEMA,
        )
        return table, records.contig

    def _info(self, info: Any) -> Any:
        """INFO without what GAS itself will say, and empty instead of a dot."""
        offsets, data = columns.offsets_of(info).astype(np.int64), columns.bytes_of(info)
        between = columns.find(data[: offsets[-1]], ord(";"))
        starts = np.sort(np.concatenate([offsets[:-1], between + 1]))
        ends = np.sort(np.concatenate([between, offsets[1:]]))
        equals = np.append(columns.find(data[: offsets[-1]], ord("=")), len(data))
        after_key = equals[np.searchsorted(equals, starts)] + 1
        keys = columns.cut(data, starts, np.minimum(after_key, ends)).dictionary_encode()
        texts = keys.dictionary.to_pylist()
        renamed = [not text or _decode(text.removesuffix(b"=")) in self._header.renamed for text in texts]
        for text, special in zip(texts, renamed, strict=True):
            use = None if special else self._examiner.info_key(text)
            if use is not None and text != b".":
                self._use(use)
        dots = pc.equal(info, pa.scalar(b".", type=columns.BINARY))
        info = pc.replace_with_mask(info, dots, pa.scalar(b"", type=columns.BINARY))
        odd = np.flatnonzero(renamed)
        if not len(odd):
            return info
        per_row = np.diff(np.searchsorted(between, offsets)) + 1
        owner = np.repeat(np.arange(len(info)), per_row)
        rows = np.unique(owner[np.isin(keys.indices.to_numpy(), odd)])
        return columns.changed_where(info, rows, lambda text: _encode(";".join(self._info_items(_decode(text) or "."))))

    def _write(self, table: Any, contig: Ints) -> None:
        """To the spool: the table, and the odd records' alleles held so far."""
        if self._odd:
            rows = pa.Table.from_pylist(self._odd, schema=spool.SCHEMA)
            contig = np.concatenate([contig, np.array([row["contig"] for row in self._odd], dtype=np.int64)])
            table = pa.concat_tables([table, rows])
            order = np.argsort(table.column("line").to_numpy(), kind="stable")
            table, contig = table.take(pa.array(order)), contig[order]
            self._odd, self._held = [], 0
        path = self._examiner.folder / f"{self._block.number}.{self._files}.spool"
        self._files += 1
        if self._header.samples:
            table, contig = self._readable(table, contig, path.with_suffix(".vcf"))
        if len(contig):
            self._found.pieces += spool.write(path, table, contig, self._genome.names)

    def _readable(self, table: Any, contig: Ints, scratch: Path) -> tuple[Any, Ints]:
        """Without the records whose genotypes no tool could read in the result."""
        calls = table.column("genotypes").combine_chunks()
        calls = calls if isinstance(calls, pa.Array) else pa.concat_arrays(calls.chunks)
        bad = genotypes.unreadable(calls, len(self._header.samples), self._header, scratch)
        if not bad.any():
            return table, contig
        lines = table.column("line").to_numpy()
        refused = np.unique(lines[bad])
        for line in refused.tolist():
            self._found.skip(line, "", "unreadable-genotypes")
        kept = ~np.isin(lines, refused)
        return table.filter(pa.array(kept)), contig[kept]


def _encode(text: str) -> bytes:
    """The inverse of how lines are read: bytes that are not UTF-8 come out as they came in."""
    return text.encode("utf-8", "surrogateescape")


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _place(record: Record, alt: str) -> str:
    return f"{on_one_line(record.chrom, 40)}:{record.pos} {on_one_line(record.ref, 40)}>{on_one_line(alt, 60)}"


def _original(record: Record) -> str:
    text = f"{record.chrom}:{record.pos}:{record.ref}:{record.alt.replace(',', '/')}"
    return _ESCAPED.sub(lambda match: "".join(f"%{byte:02X}" for byte in match.group().encode()), text)
