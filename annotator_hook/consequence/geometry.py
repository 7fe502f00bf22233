"""Where variants lie in transcripts: exons, introns, splice sites, UTRs, and positions in cDNA and coding sequence.

The rules are those of Ensembl VEP 115, for whole columns of (variant, transcript) pairs. An insertion has
``start = end + 1``: as an interval it is empty, so it overlaps what has both its neighbours inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from annotator_hook.consequence import terms
from annotator_hook.consequence.alleles import INDEL, INSERTION, MNV, Alleles
from annotator_hook.consequence.arrays import Bools, Ints, spread
from annotator_hook.consequence.models import ContigModel

SHORT_INTRON = 12
"""An intron whose last base is at most this far from its first patches the genome; it is not spliced."""


@dataclass(frozen=True, eq=False)
class Site:
    """Genomic positions, each in a transcript: the exon at or before it (in genomic order), and whether it is in it."""

    exon: Ints
    """Index into the model's exons; one less than the transcript's first where the position lies before all."""
    inside: Bools

    @classmethod
    def find(cls, model: ContigModel, transcript: Ints, position: Ints) -> Site:
        """Looks up each position in its transcript."""
        exon = np.searchsorted(model.exon_keys, transcript << 32 | position, side="right") - 1
        exon = np.maximum(exon, model.exon_offset[transcript] - 1)
        inside = (exon >= model.exon_offset[transcript]) & (position <= model.exon_end[exon])
        return cls(exon, inside)

    def cdna(self, model: ContigModel, transcript: Ints, position: Ints) -> Ints:
        """cDNA positions; 0 where a position is not in an exon."""
        into = np.where(
            model.strand[transcript] > 0, position - model.exon_start[self.exon], model.exon_end[self.exon] - position
        )
        return np.where(self.inside, model.exon_cdna[self.exon] + into, 0)


class Geometry:
    """Pairs of a variant and a transcript that it overlaps.

    Args:
        model: The contig's transcripts.
        transcript: Of each pair.
        start: First base that the variant replaces, for an insertion the base after it.
        end: Last base, for an insertion the base before it.
        kind: As ``Alleles.kind``.
    """

    def __init__(self, model: ContigModel, transcript: Ints, start: Ints, end: Ints, kind: Ints) -> None:
        self.model, self.transcript, self.start, self.end, self.kind = model, transcript, start, end, kind
        self.insertion = kind == INSERTION
        self.forward = model.strand[transcript] > 0
        self.several = start != end
        """Pairs that do not lie at a single base."""

    def part(self, rows: Ints, moved: Ints | int = 0) -> Geometry:
        """Some of the pairs, their variants ``moved`` along the contig."""
        start, end = self.start[rows] + moved, self.end[rows] + moved
        return Geometry(self.model, self.transcript[rows], start, end, self.kind[rows])

    @cached_property
    def first(self) -> Site:
        """Of the variants' starts."""
        return Site.find(self.model, self.transcript, self.start)

    @cached_property
    def last(self) -> Site:
        """Of the variants' ends."""
        exon, inside = self.first.exon.copy(), self.first.inside.copy()
        rows = np.flatnonzero(self.several)
        site = Site.find(self.model, self.transcript[rows], self.end[rows])
        exon[rows], inside[rows] = site.exon, site.inside
        return Site(exon, inside)

    @cached_property
    def exons(self) -> tuple[Ints, Ints]:
        """First and last exon overlapped, in genomic order; the last is less than the first where there is none."""
        return np.where(self.first.inside, self.first.exon, self.first.exon + 1), self.last.exon

    @cached_property
    def introns(self) -> tuple[Ints, Ints]:
        """First and last intron overlapped; intron *i* lies between the exons *i* and *i + 1*."""
        offset, ends = self.model.exon_offset[self.transcript], self.model.exon_offset[self.transcript + 1]
        low = np.maximum(self.first.exon, offset)
        high = np.minimum(np.where(self.last.inside, self.last.exon - 1, self.last.exon), ends - 2)
        return low, high

    @cached_property
    def in_exon(self) -> Bools:
        """VEP's ``exon``: a base is in an exon, an insertion may touch it; exons of transcripts with a short intron
        reach 12 bases further."""
        low, high = self.exons
        found = high >= low
        found |= self.insertion & (self.first.inside | self.last.inside)
        model = self.model
        for i in np.flatnonzero(model.short_intron[self.transcript] & ~found).tolist():
            exons = slice(*model.exon_offset[self.transcript[i] : self.transcript[i] + 2].tolist())
            left, right = min(self.start[i], self.end[i]), max(self.start[i], self.end[i])
            found[i] = bool(((model.exon_start[exons] - 12 <= right) & (model.exon_end[exons] + 12 >= left)).any())
        return found

    @cached_property
    def in_short_intron(self) -> Bools:
        """In an intron that patches the genome: nothing is spliced there."""
        model = self.model
        found = np.zeros(len(self.transcript), dtype=np.bool_)
        for i in np.flatnonzero(model.short_intron[self.transcript]).tolist():
            exons = slice(*model.exon_offset[self.transcript[i] : self.transcript[i] + 2].tolist())
            low, high = model.exon_end[exons][:-1] + 1, model.exon_start[exons][1:] - 1
            short = high - low <= SHORT_INTRON
            found[i] = bool((short & (low <= self.end[i]) & (high >= self.start[i])).any())
        return found

    @cached_property
    def cdna(self) -> tuple[Ints, Ints]:
        """cDNA positions of the variants' 5' and 3' end; 0 where that end is not in an exon.

        For an insertion they are those of its two neighbours in reverse, and one neighbour in an exon suffices.
        """
        at_start = self.first.cdna(self.model, self.transcript, self.start)
        rows = np.flatnonzero(self.several)
        at_end = at_start.copy()
        at_end[rows] = Site(self.last.exon[rows], self.last.inside[rows]).cdna(
            self.model, self.transcript[rows], self.end[rows]
        )
        five, three = np.where(self.forward, at_start, at_end), np.where(self.forward, at_end, at_start)
        # an insertion: the 3' neighbour is five (start > end), the 5' neighbour is three
        known = self.insertion & ((five > 0) | (three > 0))
        five = np.where(known & (five == 0), three + 1, five)
        three = np.where(known & (three == 0), five - 1, three)
        return five, three

    @cached_property
    def cds(self) -> tuple[Ints, Ints]:
        """Positions in the coding sequence (from the start of the first codon); 0 where an end is not in it."""
        five, three = self.cdna
        start, end = self.model.coding_start[self.transcript], self.model.coding_end[self.transcript]
        shift = self.model.phase[self.transcript] + 1 - start
        coding = start > 0
        inside = coding & np.where(self.insertion, (five > start) & (five <= end), (five >= start) & (five <= end))
        cds_start = np.where(inside, five + shift, 0)
        inside = coding & np.where(self.insertion, (five > start) & (five <= end), (three >= start) & (three <= end))
        return cds_start, np.where(inside, three + shift, 0)

    @cached_property
    def within_cds(self) -> Bools:
        """A base of the coding sequence is replaced, or it is inserted into; also within a short intron in it."""
        cds_start, cds_end = self.cds
        found = (cds_start > 0) | (cds_end > 0)
        low, high = (side[self.transcript] for side in self.model.coding_region)
        wide = np.flatnonzero(self.several & ~self.insertion & ~found & (self.start <= high) & (self.end >= low))
        if len(wide):
            a, b = np.maximum(self.start, low)[wide], np.minimum(self.end, high)[wide]
            left, right = (Site.find(self.model, self.transcript[wide], side) for side in (a, b))
            found[wide] = left.inside | (right.exon > left.exon)
        return found | (self.in_short_intron & (self.start <= high) & (self.end >= low))

    @cached_property
    def coding(self) -> Bools:
        """VEP's ``coding``: the coding sequence is touched and so is an exon."""
        return self.within_cds & self.in_exon

    @cached_property
    def utrs(self) -> tuple[Bools, Bools]:
        """Whether the 5' and the 3' untranslated region is touched."""
        low, high = (side[self.transcript] for side in self.model.coding_region)
        start, end = self.model.start[self.transcript], self.model.end[self.transcript]
        before = ((self.end >= start) & (self.start <= low - 1)) | (self.insertion & (self.start == low))
        after = ((self.end >= high + 1) & (self.start <= end)) | (self.insertion & (self.end == high))
        exonic = (self.exons[1] >= self.exons[0]) | (self.cdna[0] > 0) | self.in_short_intron
        usable = self.model.coding[self.transcript] & exonic & self.in_exon
        return (
            usable & np.where(self.forward, before, after),
            usable & np.where(self.forward, after, before),
        )

    @cached_property
    def mature(self) -> Bools:
        """Whether a mature miRNA is touched."""
        model = self.model
        counts = np.diff(model.mature_offset)[self.transcript]
        if not counts.any():
            return np.zeros(len(self.transcript), dtype=np.bool_)
        row, step = spread(counts)
        product = model.mature_offset[self.transcript[row]] + step
        hit = (self.end[row] >= model.mature_start[product]) & (self.start[row] <= model.mature_end[product])
        return np.bincount(row[hit], minlength=len(self.transcript)) > 0

    @cached_property
    def spans_transcript(self) -> Bools:
        """The whole transcript is replaced."""
        return (self.start <= self.model.start[self.transcript]) & (self.end >= self.model.end[self.transcript])


class Splicing:
    """VEP's splice terms.

    What counts is not the variant's span but the bases that differ between its alleles, compared from the left
    (``_regions``). Introns are looked for near the span.
    """

    def __init__(self, geometry: Geometry, alleles: Alleles, allele: Ints) -> None:
        self._geometry = geometry
        self.mask = np.zeros(len(allele), dtype=np.int64)
        """The terms of each pair; ``allele`` numbers its allele."""
        row, low, high = self._regions(alleles, allele)
        seen = np.zeros((_REGION + 1, len(allele)), dtype=np.bool_)
        wide = np.flatnonzero(geometry.several[row])
        for neighbour in (-1, 0):
            self._near(geometry.first.exon[row] + neighbour, row, low, high, seen)
            self._near(geometry.last.exon[row[wide]] + neighbour, row[wide], low[wide], high[wide], seen)
        self._spanned(seen)
        self._conclude(seen)

    def _regions(self, alleles: Alleles, allele: Ints) -> tuple[Ints, Ints, Ints]:
        """(pair, start, end) for every run of bases that differ."""
        geometry = self._geometry
        plain = np.flatnonzero((geometry.kind != MNV) & (geometry.kind != INDEL))
        rows, lows, highs = [plain], [geometry.start[plain]], [geometry.end[plain]]
        for i in np.flatnonzero((geometry.kind == MNV) | (geometry.kind == INDEL)).tolist():
            runs = differing_runs(alleles.reference(int(allele[i])), alleles.replacement(int(allele[i])))
            rows.append(np.full(len(runs), i, dtype=np.int64))
            lows.append(geometry.start[i] + np.array([first for first, _ in runs], dtype=np.int64))
            highs.append(geometry.start[i] + np.array([last for _, last in runs], dtype=np.int64))
        return np.concatenate(rows), np.concatenate(lows), np.concatenate(highs)

    def _near(self, intron: Ints, row: Ints, low: Ints, high: Ints, seen: Bools) -> None:
        """Looks at one intron (by the exon before it) for each region."""
        model, geometry = self._geometry.model, self._geometry
        t = geometry.transcript[row]
        real = (intron >= model.exon_offset[t]) & (intron < model.exon_offset[t + 1] - 1)
        a = np.where(real, model.exon_end[np.where(real, intron, 0)] + 1, 0)
        z = np.where(real, model.exon_start[np.where(real, intron + 1, 0)] - 1, -1)
        real &= z >= a
        short = real & (z - a <= SHORT_INTRON) & (high >= a) & (low <= z)
        left, right = np.minimum(geometry.start, geometry.end)[row], np.maximum(geometry.start, geometry.end)[row]
        real &= ~short & (right >= a - 3) & (left <= z + 3)
        near = real & ((left <= a + 17) | (right >= z - 17))
        inner = np.flatnonzero(real & ~near)
        seen[_INTRONIC, row[inner]] = True
        rows = np.flatnonzero(near)
        if len(rows):
            row, low, high, left, right, a, z = (column[rows] for column in (row, low, high, left, right, a, z))
            self._flag(row, low, high, left, right, a, z, seen)

    @staticmethod
    def _flag(row: Ints, low: Ints, high: Ints, left: Ints, right: Ints, a: Ints, z: Ints, seen: Bools) -> None:
        """Sets the flags of regions ``low … high`` of variants ``left … right`` at introns ``a … z``."""
        insertion = low == high + 1

        def overlaps(first: Ints, last: Ints) -> Bools:
            return (high >= first) & (low <= last)

        def touches(first: Ints, last: Ints) -> Bools:
            return (np.maximum(low, high) >= first) & (np.minimum(low, high) <= last)

        boundary = ((right >= a - 3) & (left <= a + 7)) | ((right >= z - 7) & (left <= z + 3))
        region = overlaps(a + 2, a + 7) | overlaps(z - 7, z - 2) | overlaps(a - 3, a - 1) | overlaps(z + 1, z + 3)
        region |= insertion & ((low == a) | (high == z) | (low == a + 2) | (high == z - 2))
        for flag, found in (
            (_INTRONIC, overlaps(a + 2, z - 2) | (insertion & ((low == a + 2) | (high == z - 2)))),
            (_TRACT, touches(z - 16, z - 2)),
            (_TRACT_REVERSE, touches(a + 2, a + 16)),
            (_START, boundary & overlaps(a, a + 1)),
            (_END, boundary & overlaps(z - 1, z)),
            (_FIFTH, boundary & overlaps(a + 4, a + 4)),
            (_FIFTH_REVERSE, boundary & overlaps(z - 4, z - 4)),
            (_DONOR_REGION, boundary & overlaps(a + 2, a + 5)),
            (_DONOR_REGION_REVERSE, boundary & overlaps(z - 5, z - 2)),
            (_REGION, boundary & region),
        ):
            seen[flag, row[found]] = True

    def _spanned(self, seen: Bools) -> None:
        """A variant that replaces whole introns between its ends touches all their sites."""
        geometry, model = self._geometry, self._geometry.model
        low, high = geometry.introns
        for i in np.flatnonzero(high - low >= 2).tolist():
            inner = np.arange(low[i] + 1, high[i])
            if (model.exon_start[inner + 1] - model.exon_end[inner] - 2 > SHORT_INTRON).any():
                seen[:_SPANNED, i] = True

    def _conclude(self, seen: Bools) -> None:
        forward, in_exon = self._geometry.forward, self._geometry.in_exon
        donor = np.where(forward, seen[_START], seen[_END])
        acceptor = np.where(forward, seen[_END], seen[_START])
        fifth = np.where(forward, seen[_FIFTH], seen[_FIFTH_REVERSE])
        donor_region = ~fifth & np.where(forward, seen[_DONOR_REGION], seen[_DONOR_REGION_REVERSE])
        tract = ~in_exon & np.where(forward, seen[_TRACT], seen[_TRACT_REVERSE])
        region = seen[_REGION] & ~donor & ~acceptor & ~fifth & ~donor_region
        for term, found in (
            (terms.DONOR, donor),
            (terms.ACCEPTOR, acceptor),
            (terms.DONOR_5TH_BASE, fifth),
            (terms.DONOR_REGION, donor_region),
            (terms.POLYPYRIMIDINE, tract),
            (terms.SPLICE_REGION, region),
            (terms.INTRON, seen[_INTRONIC]),
        ):
            self.mask[found] |= term


(
    _START, _END, _FIFTH, _FIFTH_REVERSE, _DONOR_REGION, _DONOR_REGION_REVERSE, _TRACT, _TRACT_REVERSE, _INTRONIC,
    _REGION,
) = range(10)  # fmt: skip
_SPANNED = _REGION
"""The flags before this one hold for every variant that replaces an intron."""


def differing_runs(ref: bytes, alt: bytes) -> list[tuple[int, int]]:
    """Runs of positions at which two alleles differ, compared base by base from the left, as VEP does for splice sites.

    A base that only one allele has differs. An allele of at most one base makes one run over the reference.
    """
    if len(ref) <= 1 or len(alt) <= 1:
        return [(0, len(ref) - 1)]
    runs: list[tuple[int, int]] = []
    for i in range(max(len(ref), len(alt))):
        if ref[i : i + 1] != alt[i : i + 1]:
            if runs and runs[-1][1] == i - 1:
                runs[-1] = (runs[-1][0], i)
            else:
                runs.append((i, i))
    return runs
