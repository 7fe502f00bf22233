"""From alleles to consequences: one call for a chunk of a contig's alleles.

The engine knows nothing of files and servers. It needs a contig's sequence (bytes, may be memory-mapped), its gene
models, and chunks of alleles; memory grows with the chunk alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from annotator_hook.consequence import terms
from annotator_hook.consequence.alleles import Alleles, shifts
from annotator_hook.consequence.arrays import Bools, Bytes, Ints, Text, merge
from annotator_hook.consequence.haplotype import CODING_TERMS, Placed
from annotator_hook.consequence.hgvs import contig_names
from annotator_hook.consequence.inside import Inside, Prepared
from annotator_hook.consequence.models import ContigModel, Neighbourhood

DISTANCE = 5000
"""Bases up- and downstream of a transcript within which a variant is said to be near it; VEP's default."""


@dataclass(frozen=True, eq=False)
class Annotation:
    """The consequences of a chunk: one row for each allele and transcript, in the alleles' order, transcripts by id.

    An allele near no transcript has one row of ``transcript`` -1.
    """

    alleles: Alleles
    allele: Ints
    """Row to allele."""
    transcript: Ints
    """Row to transcript of the model, or -1."""
    mask: Ints
    """The terms, see ``terms``."""
    distance: Ints
    """Bases to the transcript for variants beside one, else -1."""
    exon: Text
    intron: Text
    hgvsc: Text
    hgvsp: Text
    cdna_position: Text
    cds_position: Text
    protein_position: Text
    amino_acids: Text
    codons: Text
    hgvs_offset: Ints
    """Bases that HGVS moves the variant along the contig (negative on the reverse strand)."""
    hgvsg: Text
    """Of each allele, not of each row."""

    @cached_property
    def first_rows(self) -> Ints:
        """Each allele's first row; the alleles' rows stand together and none has no row."""
        return np.searchsorted(self.allele, np.arange(len(self.alleles)))


class Engine:
    """Annotates alleles of one contig.

    Args:
        model: Its gene models.
        sequence: Its bases as ASCII, upper case; position *p* of the contig is ``sequence[p - 1]``.
        distance: Up to which a variant is up- or downstream of a transcript.
        reference: The contig's name in HGVSg; its accession if known.
        molecule: ``g``, or ``m`` for a mitochondrial genome.
    """

    def __init__(
        self, model: ContigModel, sequence: Bytes, *, distance: int = DISTANCE, reference: str = "", molecule: str = "g"
    ) -> None:
        self.model, self._distance = model, distance
        # of a memory map the plain array: its slices are much quicker
        self._prepared = Prepared(model, np.asarray(sequence))
        self._reference, self._molecule = reference or model.contig, molecule
        self._neighbourhood = Neighbourhood(model, distance)

    def annotate(self, alleles: Alleles) -> Annotation:
        """The consequences of a chunk of alleles, sorted or not."""
        sequence = self._prepared.sequence
        moves = shifts(alleles, sequence)
        low, high = np.minimum(alleles.start, alleles.end), np.maximum(alleles.start, alleles.end)
        allele, transcript = self._neighbourhood.pairs(low, high)
        within, beside, distance = self._sides(alleles, allele, transcript)
        kept = np.flatnonzero(within | (beside != 0))
        allele, transcript, within = allele[kept], transcript[kept], within[kept]
        beside, distance = beside[kept], distance[kept]
        lonely = np.flatnonzero(np.bincount(allele, minlength=len(alleles)) == 0)
        rows = len(allele) + len(lonely)
        order = np.argsort(np.concatenate([allele, lonely]), kind="stable")
        place = np.empty(rows, dtype=np.int64)
        place[order] = np.arange(rows)

        inner = np.flatnonzero(within)
        inside = Inside(self._prepared, alleles, allele[inner], transcript[inner], moves)
        at = place[inner]

        def filled(values: Ints, default: int) -> Ints:
            column = np.full(rows, default, dtype=np.int64)
            column[at] = values
            return column

        mask = np.full(rows, terms.INTERGENIC, dtype=np.int64)
        mask[place[: len(allele)]] = beside
        mask[at] = inside.mask
        number, far = np.full(rows, -1, dtype=np.int64), np.full(rows, -1, dtype=np.int64)
        number[place[: len(allele)]] = transcript
        far[place[: len(allele)]] = np.where(within, -1, distance)
        return Annotation(
            alleles=alleles,
            allele=np.concatenate([allele, lonely])[order],
            transcript=number,
            mask=mask,
            distance=far,
            exon=merge(rows, (at, inside.exon)),
            intron=merge(rows, (at, inside.intron)),
            hgvsc=merge(rows, (at, inside.hgvsc)),
            hgvsp=merge(rows, (at, inside.hgvsp)),
            cdna_position=merge(rows, (at, inside.cdna_position)),
            cds_position=merge(rows, (at, inside.cds_position)),
            protein_position=merge(rows, (at, inside.protein_position)),
            amino_acids=merge(rows, (at, inside.amino_acids)),
            codons=merge(rows, (at, inside.codons)),
            hgvs_offset=filled(inside.hgvs_offset, 0),
            hgvsg=contig_names(alleles, moves, sequence, self._reference, self._molecule),
        )

    def placed(self, annotation: Annotation) -> Placed:
        """The rows of an annotation that lie wholly in coding sequence: what haplotypes are made of."""
        row = np.flatnonzero((annotation.mask & CODING_TERMS != 0) & (annotation.transcript >= 0))
        row = row[self.model.coding[annotation.transcript[row]]]
        return Placed(self._prepared, annotation.alleles, row, annotation.allele[row], annotation.transcript[row])

    def protein_prefix(self, transcript: int) -> str:
        """What HGVSp begins with, ``p.`` included."""
        return str(self._prepared.protein_prefixes[transcript])

    def _sides(self, alleles: Alleles, allele: Ints, transcript: Ints) -> tuple[Bools, Ints, Ints]:
        """(overlaps the transcript, term if it lies beside it, distance)."""
        model = self.model
        start, end = alleles.start[allele], alleles.end[allele]
        low, high = model.start[transcript], model.end[transcript]
        within = (end >= low) & (start <= high)
        before, after = (end < low) & (end >= low - self._distance), (start > high) & (start <= high + self._distance)
        forward = model.strand[transcript] > 0
        term = np.where(
            before,
            np.where(forward, terms.UPSTREAM, terms.DOWNSTREAM),
            np.where(forward, terms.DOWNSTREAM, terms.UPSTREAM),
        )
        distance = np.minimum(
            np.minimum(np.abs(start - low), np.abs(start - high)), np.minimum(np.abs(end - low), np.abs(end - high))
        )
        return within, np.where(~within & (before | after), term, 0), distance
