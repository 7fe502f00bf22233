"""Transcripts and where they lie, read from a pack's GFF3 (Ensembl's style, as `bcftools csq` wants it).

Positions are counted from 1, both ends included; strand is 1 or -1. "Start" and "end" of a coding sequence follow
the transcript's own direction.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FLANK: Final = 5000
"""Bases on either side of a transcript that count as upstream or downstream: VEP's default."""

_TRANSCRIPT_TYPES: Final = frozenset({"transcript", "mRNA", "ncRNA", "rRNA", "tRNA", "lnc_RNA"})


@dataclass(frozen=True)
class Transcript:
    """One transcript of a gene."""

    transcript_id: str
    gene_id: str
    symbol: str
    biotype: str
    contig: str
    strand: int
    start: int
    end: int
    exons: tuple[tuple[int, int], ...]
    """In genomic order."""
    cds: tuple[tuple[int, int], ...]
    """In genomic order; empty when nothing is translated."""

    @property
    def is_coding(self) -> bool:
        return bool(self.cds)

    @property
    def cds_length(self) -> int:
        """Bases, the stop codon included."""
        return sum(end - start + 1 for start, end in self.cds)

    def overlaps(self, start: int, end: int) -> bool:
        """An insertion (``end == start - 1``) overlaps only where both its neighbours lie inside."""
        return end >= self.start and start <= self.end

    def exon_number(self, start: int, end: int) -> int | None:
        """Which exon, counted in the transcript's direction, the span touches first."""
        exons = self.exons if self.strand == 1 else self.exons[::-1]
        return next((n for n, (first, last) in enumerate(exons, 1) if end >= first and start <= last), None)

    def cdna_position(self, pos: int) -> int | None:
        """Counted from 1 along the spliced transcript; None in introns and outside."""
        return _offset(self.exons, pos, self.strand)

    def cds_position(self, pos: int) -> int | None:
        """Counted from 1 along the coding sequence; None outside it."""
        return _offset(self.cds, pos, self.strand)

    def cds_bases(self, first: int, last: int) -> list[int]:
        """The genomic positions of bases ``first`` to ``last`` of the coding sequence, in its direction."""
        blocks = self.cds if self.strand == 1 else self.cds[::-1]
        found: list[int] = []
        before = 0
        for start, end in blocks:
            length = end - start + 1
            low, high = max(first - before, 1), min(last - before, length)
            if self.strand == 1:
                found.extend(range(start + low - 1, start + high))
            else:
                found.extend(range(end - low + 1, end - high, -1))
            before += length
        return found

    def in_partial_codon(self, cds_position: int) -> bool:
        """Whether this base of the coding sequence belongs to a last codon of fewer than three bases.

        In vertebrate mitochondria the poly(A) tail completes such a codon to a stop.
        """
        return cds_position > self.cds_length - self.cds_length % 3


def _offset(blocks: Sequence[tuple[int, int]], pos: int, strand: int) -> int | None:
    before = 0
    for start, end in blocks if strand == 1 else blocks[::-1]:
        if start <= pos <= end:
            return before + (pos - start if strand == 1 else end - pos) + 1
        before += end - start + 1
    return None


class GeneModel:
    """All transcripts of a pack."""

    def __init__(self, transcripts: Iterable[Transcript]) -> None:
        by_contig: dict[str, list[Transcript]] = defaultdict(list)
        for transcript in transcripts:
            by_contig[transcript.contig].append(transcript)
        self._by_contig = {
            name: sorted(found, key=lambda item: (item.start, item.end)) for name, found in by_contig.items()
        }
        self._starts = {name: [item.start for item in found] for name, found in self._by_contig.items()}
        self._longest = {
            name: max(item.end - item.start + 1 for item in found) for name, found in self._by_contig.items()
        }

    @classmethod
    def read(cls, gff3: Path) -> GeneModel:
        """Raises `ValueError` or `KeyError` where the file is not what a pack's builder writes."""
        return cls(_transcripts(gff3))

    def has(self, contig: str) -> bool:
        """Whether the contig has any transcript."""
        return contig in self._by_contig

    def __iter__(self) -> Iterator[Transcript]:
        for transcripts in self._by_contig.values():
            yield from transcripts

    def near(self, contig: str, start: int, end: int) -> list[Transcript]:
        """Transcripts that overlap the span or lie at most `FLANK` bases from it, by start."""
        if contig not in self._by_contig:
            return []
        starts = self._starts[contig]
        low = bisect_left(starts, start - FLANK - self._longest[contig])
        high = bisect_right(starts, end + FLANK)
        return [item for item in self._by_contig[contig][low:high] if item.end >= start - FLANK]


def _transcripts(gff3: Path) -> Iterator[Transcript]:
    symbols: dict[str, str] = {}
    rows: dict[str, tuple[str, int, int, int, dict[str, str]]] = {}
    exons: dict[str, list[tuple[int, int]]] = defaultdict(list)
    cds: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for line in gff3.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        contig, _, kind, start, end, _, strand, _, attributes = line.split("\t")
        tags = dict(item.split("=", 1) for item in attributes.split(";"))
        if kind == "gene":
            symbols[tags["ID"]] = tags["Name"]
        elif kind in _TRANSCRIPT_TYPES:
            rows[tags["ID"]] = (contig, int(start), int(end), 1 if strand == "+" else -1, tags)
        elif kind == "exon":
            exons[tags["Parent"]].append((int(start), int(end)))
        elif kind == "CDS":
            cds[tags["Parent"]].append((int(start), int(end)))
    for key, (contig, first, last, direction, tags) in rows.items():
        yield Transcript(
            transcript_id=key.removeprefix("transcript:"),
            gene_id=tags["Parent"].removeprefix("gene:"),
            symbol=symbols[tags["Parent"]],
            biotype=tags["biotype"],
            contig=contig,
            strand=direction,
            start=first,
            end=last,
            exons=tuple(sorted(exons[key])),
            cds=tuple(sorted(cds[key])),
        )
