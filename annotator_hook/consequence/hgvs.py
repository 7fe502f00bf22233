"""HGVS names of variants on the DNA: ``c.`` and ``n.`` in transcripts, ``g.`` and ``m.`` on the contig.

Nomenclature: https://hgvs-nomenclature.org, as Ensembl VEP 115 applies it: an insertion or deletion is named at its
3'-most place *along the genome* in the transcript's direction, so it may move from an exon into the intron behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from annotator_hook.consequence.alleles import (
    DELETION,
    INSERTION,
    SNV,
    Alleles,
    Shifts,
    on_strand,
    repeats_before,
    rotated,
)
from annotator_hook.consequence.arrays import Bools, Bytes, Ints, Text, digits, join, merge, pick, text
from annotator_hook.consequence.genetic_code import reverse_complement
from annotator_hook.consequence.geometry import Geometry, Site
from annotator_hook.consequence.models import ASSUMED_VERSION, ContigModel

_SIGNS = text(["-", "", "+"])
_STARS = text(["", "*"])
_BASES = "ACGTN"
_CHANGES = text([f"{ref}>{alt}" for ref in _BASES for alt in _BASES])
_COMPLEMENT = np.array([3, 2, 1, 0, 4], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Coordinates:
    """Positions as HGVS counts them in a transcript: ``*12-5`` is 5 bases before base 12 of the 3' UTR."""

    star: Bools
    number: Ints
    offset: Ints
    """Into the intron: positive after an exon, negative before one, 0 in an exon."""
    known: Bools
    """The position lies in the transcript."""

    @classmethod
    def of(cls, model: ContigModel, transcript: Ints, position: Ints, site: Site | None = None) -> Coordinates:
        """The coordinates of genomic positions."""
        site = site or Site.find(model, transcript, position)
        first, last = model.exon_offset[transcript], model.exon_offset[transcript + 1] - 1
        known = site.inside | ((site.exon >= first) & (site.exon < last))
        before = np.where(known, site.exon, 0)
        behind = np.where(site.inside | ~known, before, before + 1)
        forward = model.strand[transcript] > 0
        up, down = position - model.exon_end[before], model.exon_start[behind] - position
        # in the middle of an intron of odd length the exon on the 5' side counts
        to_before = (up < down) | ((up == down) & forward)
        exon = np.where(to_before, before, behind)
        size = model.exon_end[exon] - model.exon_start[exon]
        at_three_prime = to_before == forward
        anchor = model.exon_cdna[exon] + np.where(at_three_prime, size, 0)
        distance = np.where(to_before, up, down)
        exonic = model.exon_cdna[before] + np.where(
            forward, position - model.exon_start[before], model.exon_end[before] - position
        )
        cdna = np.where(site.inside, exonic, anchor)
        offset = np.where(site.inside, 0, np.where(at_three_prime, distance, -distance))
        start, end = model.coding_start[transcript], model.coding_end[transcript]
        coding = start > 0
        star = coding & (cdna > end)
        number = np.where(star, cdna - end, np.where(coding, cdna - start + (cdna >= start), cdna))
        return cls(star, number, offset, known)

    def text(self) -> Text:
        """``123``, ``-5``, ``*7``, ``123+4`` …; nonsense where a position is not known."""
        rows = len(self.number)
        plain = np.flatnonzero((self.offset == 0) & ~self.star)
        other = np.flatnonzero((self.offset != 0) | self.star)
        numbers = digits(self.number)
        exonic = self.offset[other] == 0
        distance = pick(digits(np.abs(self.offset[other])), np.where(exonic, -1, np.arange(len(other))))
        shown = join(
            pick(_STARS, self.star[other].astype(np.int64)),
            pick(numbers, other),
            pick(_SIGNS, np.sign(self.offset[other]) + 1),
            distance,
        )
        return merge(rows, (plain, pick(numbers, plain)), (other, shown))


@lru_cache(maxsize=4)
def _prefixes(model: ContigModel) -> Text:
    """What the names in each transcript begin with."""
    texts = zip(model.texts["transcript_id"], model.texts["version"], model.coding.tolist(), strict=True)
    return text([f"{versioned(name, version)}:{'c' if coding else 'n'}." for name, version, coding in texts])


class Namer:
    """Names the pairs of a chunk."""

    def __init__(self, geometry: Geometry, alleles: Alleles, allele: Ints, moves: Shifts, sequence: Bytes) -> None:
        self._geometry, self._alleles, self._allele, self._sequence = geometry, alleles, allele, sequence
        self.shift = np.where(geometry.forward, moves.forward[allele], moves.backward[allele])
        """Bases that each pair's variant moves towards the transcript's 3' end."""
        self._prefixes = _prefixes(geometry.model)

    def transcript_names(self) -> Text:
        """HGVSc of every pair; empty where the variant or its name reaches beyond the transcript."""
        geometry = self._geometry
        single = np.flatnonzero(geometry.kind == SNV)
        other = np.flatnonzero(geometry.kind != SNV)
        return merge(len(geometry.kind), (single, self._snvs(single)), self._others(other))

    def _snvs(self, rows: Ints) -> Text:
        geometry, model = self._geometry, self._geometry.model
        t = geometry.transcript[rows]
        site = Site(geometry.first.exon[rows], geometry.first.inside[rows])
        where = Coordinates.of(model, t, geometry.start[rows], site)
        # VEP counts coding SNVs from the start of the first codon, complete or not, all else from its first base
        number = where.number + np.where(geometry.cds[0][rows] > 0, model.phase[t], 0)
        ref, alt = (codes[self._allele[rows]] for codes in self._alleles.snv_bases)
        forward = geometry.forward[rows]
        ref, alt = (np.where(forward, codes, _COMPLEMENT[codes]) for codes in (ref, alt))
        shown = Coordinates(where.star, number, where.offset, where.known).text()
        return join(pick(self._prefixes, t), shown, pick(_CHANGES, ref * 5 + alt))

    def _others(self, rows: Ints) -> tuple[Ints, Text]:
        geometry, model = self._geometry, self._geometry.model
        t, strand = geometry.transcript[rows], model.strand[geometry.transcript[rows]]
        low, high, changes = self._described(rows)
        five, three = np.where(strand > 0, low, high), np.where(strand > 0, high, low)
        inside = (geometry.start[rows] >= model.start[t]) & (geometry.start[rows] <= model.end[t])
        inside &= (geometry.end[rows] >= model.start[t]) & (geometry.end[rows] <= model.end[t])
        first, last = Coordinates.of(model, t, five), Coordinates.of(model, t, three)
        kept = np.flatnonzero(inside & first.known & last.known)
        range_text = join(pick(first.text(), kept), "_", pick(last.text(), kept))
        alone = np.flatnonzero(five[kept] == three[kept])
        several = np.flatnonzero(five[kept] != three[kept])
        shown = merge(len(kept), (alone, pick(first.text(), kept[alone])), (several, pick(range_text, several)))
        return rows[kept], join(pick(self._prefixes, t[kept]), shown, pick(changes, kept))

    def _described(self, rows: Ints) -> tuple[Ints, Ints, Text]:
        """First and last genomic position, and what happens there as the transcript's strand reads it."""
        geometry = self._geometry
        move = self.shift[rows] * np.where(geometry.forward[rows], 1, -1)
        low, high = geometry.start[rows] + move, geometry.end[rows] + move
        deleted = np.flatnonzero(geometry.kind[rows] == DELETION)
        other = np.flatnonzero(geometry.kind[rows] != DELETION)
        # transcripts of one strand read an allele alike
        keys, where = np.unique(self._allele[rows[other]] * 2 + geometry.forward[rows[other]], return_inverse=True)
        _, first = np.unique(where, return_index=True)
        shift = self.shift[rows[other]][first].tolist()
        found = describe_all(self._alleles, (keys >> 1).tolist(), shift, (keys & 1).tolist(), self._sequence)
        low[other], high[other] = (np.array(side, dtype=np.int64)[where] for side in (found[0], found[1]))
        return (
            low,
            high,
            merge(len(rows), (deleted, _constant("del", len(deleted))), (other, pick(text(found[2]), where))),
        )


def describe_all(
    alleles: Alleles, which: list[int], shifts: list[int], forward: list[int], sequence: Bytes
) -> tuple[list[int], list[int], list[str]]:
    """``describe`` for many alleles: first positions, last positions, descriptions."""
    starts, ends, kinds = (column[which].tolist() for column in (alleles.start, alleles.end, alleles.kind))
    found = [
        describe(start, end, kind, alleles.reference(i), alleles.replacement(i), shift, sequence, forward=bool(strand))
        for i, start, end, kind, shift, strand in zip(which, starts, ends, kinds, shifts, forward, strict=True)
    ]
    return [low for low, _, _ in found], [high for _, high, _ in found], [change for _, _, change in found]


def describe(
    start: int, end: int, kind: int, ref: bytes, alt: bytes, shift: int, sequence: Bytes, *, forward: bool
) -> tuple[int, int, str]:
    """Where an allele stands after a move of ``shift`` bases in the reading direction, and its description there.

    Returns the first and last position along the contig, and ``del``, ``dup``, ``insAC``, ``delinsAC``, ``inv`` or
    ``A>C`` in the reading direction.
    """
    strand = 1 if forward else -1
    start, end = start + strand * shift, end + strand * shift
    if kind == DELETION:
        return start, end, "del"
    if kind == INSERTION:
        bases = rotated(alt, strand * shift)
        if forward and repeats_before(sequence, bases, end):
            return end - len(bases) + 1, end, "dup"
        if not forward and repeats_before(sequence, bases, end + len(bases)):
            return start, start + len(bases) - 1, "dup"
        return end, start, "ins" + on_strand(bases, strand).decode()
    before = next((k for k, (a, b) in enumerate(zip(ref, alt, strict=False)) if a != b), 0)
    after = next((k for k, (a, b) in enumerate(zip(ref[::-1], alt[::-1], strict=False)) if a != b), 0)
    if len(ref) == len(alt):
        start, end = start + before, end - after
        ref, alt = ref[before : len(ref) - after], alt[before : len(alt) - after]
        if len(ref) == 1:
            return start, end, f"{on_strand(ref, strand).decode()}>{on_strand(alt, strand).decode()}"
        if alt == reverse_complement(ref):
            return start, end, "inv"
    return start, end, "delins" + on_strand(alt, strand).decode()


def contig_names(alleles: Alleles, moves: Shifts, sequence: Bytes, reference: str, kind: str) -> Text:
    """HGVSg of every allele: ``reference:kind.…`` with kind ``g``, or ``m`` for a mitochondrial genome."""
    prefix = f"{reference}:{kind}."
    single = np.flatnonzero(alleles.kind == SNV)
    ref, alt = (codes[single] for codes in alleles.snv_bases)
    snvs = join(_constant(prefix, len(single)), digits(alleles.start[single]), pick(_CHANGES, ref * 5 + alt))
    deleted = np.flatnonzero(alleles.kind == DELETION)
    other = np.flatnonzero((alleles.kind != SNV) & (alleles.kind != DELETION))
    found = describe_all(alleles, other.tolist(), moves.forward[other].tolist(), [1] * len(other), sequence)
    others = join(
        _constant(prefix, len(other)),
        _spans(np.array(found[0], dtype=np.int64), np.array(found[1], dtype=np.int64)),
        text(found[2]),
    )
    low, high = (side[deleted] + moves.forward[deleted] for side in (alleles.start, alleles.end))
    deletions = join(_constant(prefix, len(deleted)), _spans(low, high), "del")
    return merge(len(alleles), (single, snvs), (deleted, deletions), (other, others))


def _spans(low: Ints, high: Ints) -> Text:
    """``7``, or ``7_9``."""
    several = np.flatnonzero(low != high)
    return join(digits(low), merge(len(low), (several, join("_", digits(high[several])))))


def _constant(value: str, rows: int) -> Text:
    return pick(text([value]), np.zeros(rows, dtype=np.int64))


def versioned(name: str, version: str) -> str:
    """``name.version`` as HGVS wants it, unless the name has one already."""
    stem, _, last = name.rpartition(".")
    return name if stem and last.isdigit() else f"{name}.{version or ASSUMED_VERSION}"
