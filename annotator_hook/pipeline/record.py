"""One record of a VCF: well-formed or refused, understood or skipped.

What breaks the format (columns, positions) refuses the file, since nothing after it can be trusted. What is well
formed but cannot be annotated is skipped with a reason, and counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from annotator_hook.packs.format import PackContig
from annotator_hook.pipeline.genome import Genome
from annotator_hook.pipeline.header import COLUMNS, Header
from annotator_hook.pipeline.normalise import normalise
from annotator_hook.pipeline.outcome import InputRejected
from annotator_hook.pipeline.source import Line
from annotator_hook.pipeline.variant import Variant

MOST_ALLELES: Final = 1000
MOST_SPLIT_BYTES: Final = 256 << 20
"""Line length times alternative alleles: about what splitting a record would write."""
MOST_BASES: Final = 20_000
_AMBIGUOUS: Final = "ACGTUNRYSWKMBDHV"


class Record(NamedTuple):
    """The columns as they came."""

    line: int
    chrom: str
    pos: int
    id: str
    ref: str
    alt: str
    qual: str
    filter: str
    info: str
    genotypes: str
    """FORMAT and the samples, tabs between them; empty without samples."""
    size: int
    """Characters of the line."""


class Allele(NamedTuple):
    """An alternative allele that can be annotated."""

    place: int
    """In the ALT column, from 0."""
    variant: Variant
    changed: bool
    """It is written otherwise than in the input."""


@dataclass
class Examined:
    """What can be annotated of a record, and why the rest cannot."""

    alleles: list[Allele] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    """Allele and reason, of alleles in a record of which others are annotated."""
    reason: str = ""
    """Why nothing of the record is annotated."""
    contig: PackContig | None = None
    """None for a contig that the pack does not have."""


def parse(line: Line, header: Header) -> Record:
    """The record's columns. Raises `InputRejected` with the line number."""
    number, text, _ = line
    columns = text.count("\t") + 1
    if columns != header.columns:
        raise _wrong_columns(text, columns, header.columns, number)
    fields = text.split("\t", 8)
    chrom, pos, identifier, ref, alt, qual, filters, info = fields[:8]
    if not (pos.isascii() and pos.isdigit()):
        raise InputRejected(
            "position", f"The position in line {number:,} is not a number: {pos[:40]!r}.", "Correct the line.", number
        )
    if not (chrom and ref and alt):
        empty = COLUMNS[[bool(chrom), True, True, bool(ref), bool(alt)].index(False)].lstrip("#")
        raise InputRejected(
            "empty-column",
            f"The column {empty} in line {number:,} is empty.",
            "Write a dot for a missing value.",
            number,
        )
    return Record(
        line=number,
        chrom=chrom,
        pos=int(pos[:12]),
        id=identifier or ".",
        ref=ref,
        alt=alt,
        qual=qual or ".",
        filter=filters or ".",
        info=info or ".",
        genotypes=fields[8] if header.samples else "",
        size=len(text),
    )


def _wrong_columns(text: str, columns: int, expected: int, number: int) -> InputRejected:
    if columns == 1 and len(text.split()) >= len(COLUMNS):
        return InputRejected(
            "spaces",
            f"The columns in line {number:,} are separated by spaces, but a VCF needs tabs.",
            "Replace the spaces by tabs; copying from a terminal or an e-mail often turns tabs into spaces.",
            number,
        )
    return InputRejected(
        "columns",
        f"Line {number:,} has {columns:,} columns, but the line #CHROM names {expected:,}.",
        "Correct the line; the columns are separated by single tabs.",
        number,
    )


def examine(record: Record, genome: Genome) -> Examined:
    """Holds the record against the reference."""
    contig = genome.pack.by_alias.get(record.chrom.lower())
    if contig is None:
        return Examined(reason="contig")
    end = record.pos + len(record.ref) - 1
    if record.pos < 1 or end > contig.length:
        return Examined(reason="outside-contig", contig=contig)
    ref = record.ref.upper()
    if ref.strip("ACGTN"):
        return Examined(reason="iupac" if not ref.strip(_AMBIGUOUS) else "not-a-sequence", contig=contig)
    alts = record.alt.upper().split(",")
    if len(alts) > MOST_ALLELES or len(alts) * record.size > MOST_SPLIT_BYTES:
        return Examined(reason="too-many-alleles", contig=contig)
    found = Examined(contig=contig)
    usable: list[tuple[int, str]] = []
    for index, alt in enumerate(alts):
        reason = _unusable(ref, alt)
        if reason:
            found.left_out.append((alt, reason))
        else:
            usable.append((index, alt))
    if not usable:
        return Examined(reason=found.left_out[0][1], contig=contig)
    if ref != genome.bases(contig.name, record.pos, end):
        return Examined(reason="ref-mismatch", contig=contig)
    for index, alt in usable:
        variant = normalise(Variant(contig.name, record.pos, ref, alt), genome)
        same = (contig.name, record.pos, record.ref, record.alt) == variant
        found.alleles.append(Allele(index, variant, changed=not same))
    return found


def _unusable(ref: str, alt: str) -> str:
    """The reason why the allele cannot be annotated; empty when it can."""
    if not alt.strip("ACGT"):
        if not alt:
            return "not-a-sequence"
        if alt == ref:
            return "same-as-reference"
        return "allele-too-long" if max(len(ref), len(alt)) > MOST_BASES else ""
    if alt in (".", "<*>", "<NON_REF>", "<X>"):
        return "no-alt"
    if alt == "*":
        return "spanning-deletion"
    if "[" in alt or "]" in alt or alt.startswith(".") or alt.endswith("."):
        return "breakend"
    if alt.startswith("<") and alt.endswith(">"):
        return "symbolic"
    return "iupac" if not alt.strip(_AMBIGUOUS) else "not-a-sequence"
