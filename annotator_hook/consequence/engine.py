"""From alleles to consequences: one call for a chunk of a contig's alleles.

The engine knows nothing of files and servers. It needs a contig's sequence (bytes, may be memory-mapped), its gene
models, and chunks of alleles; memory grows with the chunk alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotator_hook.consequence import snv, terms
from annotator_hook.consequence.alleles import SNV, Alleles, Shifts, on_strand, rotated, shifts
from annotator_hook.consequence.arrays import Bools, Bytes, Ints, Text, digits, join, merge, pick, text
from annotator_hook.consequence.coding import Change, CodingSequence
from annotator_hook.consequence.geometry import Geometry
from annotator_hook.consequence.hgvs import Namer, contig_names, versioned
from annotator_hook.consequence.models import ContigModel, Neighbourhood
from annotator_hook.consequence.protein import protein_name

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
    """

    def __init__(
        self, model: ContigModel, sequence: Bytes, *, distance: int = DISTANCE, reference: str = "", molecule: str = "g"
    ) -> None:
        self.model, self.sequence, self._distance = model, np.asarray(sequence), distance
        self._reference, self._molecule = reference or model.contig, molecule
        self._neighbourhood = Neighbourhood(model, distance)
        self._sequences: dict[int, CodingSequence] = {}
        counts = model.exon_counts
        number = np.arange(len(model.exon_start)) - model.exon_offset[model.exon_transcript]
        total = counts[model.exon_transcript]
        forward = model.strand[model.exon_transcript] > 0
        exon, intron = np.where(forward, number + 1, total - number), np.where(forward, number + 1, total - number - 1)
        self._exon_numbers, self._intron_numbers = exon, intron
        self._exon_texts = text([f"{n}/{of}" for n, of in zip(exon.tolist(), total.tolist(), strict=True)])
        self._intron_texts = text([f"{n}/{of - 1}" for n, of in zip(intron.tolist(), total.tolist(), strict=True)])
        names = zip(
            model.texts["protein_id"], model.texts["protein_version"], model.texts["transcript_id"], strict=True
        )
        self._protein_prefixes = text([f"{versioned(protein or name, version)}:p." for protein, version, name in names])
        self._nmd = np.array(
            [biotype == "nonsense_mediated_decay" for biotype in model.texts["biotype"]], dtype=np.bool_
        )

    def annotate(self, alleles: Alleles) -> Annotation:
        """The consequences of a chunk of alleles, sorted or not."""
        moves = shifts(alleles, self.sequence)
        low, high = np.minimum(alleles.start, alleles.end), np.maximum(alleles.start, alleles.end)
        allele, transcript = self._neighbourhood.pairs(low, high)
        within, beside, distance = self._sides(alleles, allele, transcript)
        kept = np.flatnonzero(within | (beside != 0))
        allele, transcript, within, beside, distance = (
            column[kept] for column in (allele, transcript, within, beside, distance)
        )
        lonely = np.flatnonzero(np.bincount(allele, minlength=len(alleles)) == 0)
        rows = len(allele) + len(lonely)
        order = np.argsort(np.concatenate([allele, lonely]), kind="stable")
        place = np.empty(rows, dtype=np.int64)
        place[order] = np.arange(rows)

        inner = np.flatnonzero(within)
        geometry = Geometry(self.model, alleles, allele[inner], transcript[inner])
        inside = Inside(self, geometry, alleles, moves)
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
            hgvsg=contig_names(alleles, moves, self.sequence, self._reference, self._molecule),
        )

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

    def coding_sequence(self, transcript: int) -> CodingSequence:
        """The sequence of a translated transcript, spliced once."""
        if transcript not in self._sequences:
            self._sequences[transcript] = CodingSequence(self.model, transcript, self.sequence)
        return self._sequences[transcript]


class Inside:
    """Columns of the pairs whose variant overlaps the transcript."""

    def __init__(self, engine: Engine, geometry: Geometry, alleles: Alleles, moves: Shifts) -> None:
        self._engine, self._geometry, self._alleles = engine, geometry, alleles
        namer = Namer(geometry, alleles, moves, engine.sequence)
        self.hgvsc = namer.transcript_names()
        strand = np.where(geometry.forward, 1, -1)
        self.hgvs_offset = namer.shift * strand
        self.exon, self.intron = self._numbers()
        self.mask = self._plain_mask()
        self._positions()
        self._coding(namer.shift)
        self._finish()

    def _numbers(self) -> tuple[Text, Text]:
        engine = self._engine
        return (
            self._ranges(*self._geometry.exons, engine._exon_texts, engine._exon_numbers),
            self._ranges(*self._geometry.introns, engine._intron_texts, engine._intron_numbers),
        )

    def _ranges(self, low: Ints, high: Ints, texts: Text, numbers: Ints) -> Text:
        shown = pick(texts, np.where(high >= low, low, -1))
        wide = np.flatnonzero(high > low)
        if not len(wide):
            return shown
        totals = pick(texts, low[wide]).to_pylist()
        first, last = numbers[low[wide]].tolist(), numbers[high[wide]].tolist()
        ranges = [
            f"{min(a, b)}-{max(a, b)}/{of.partition('/')[2]}" for a, b, of in zip(first, last, totals, strict=True)
        ]
        narrow = np.flatnonzero(high <= low)
        return merge(len(low), (narrow, pick(shown, narrow)), (wide, text(ranges)))

    def _plain_mask(self) -> Ints:
        """Everything that follows from where the variant lies."""
        geometry, model = self._geometry, self._geometry.model
        mask = geometry.splicing.mask.copy()
        five, three = geometry.utrs
        coding = model.coding[geometry.transcript]
        mature = geometry.mature
        exonic = geometry.exons[1] >= geometry.exons[0]
        for term, holds in (
            (terms.UTR5, five),
            (terms.UTR3, three),
            (terms.NON_CODING_EXON, ~coding & exonic & ~mature),
            (terms.NON_CODING, ~coding & ~exonic & ~mature),
            (terms.NMD, self._engine._nmd[geometry.transcript]),
        ):
            mask[holds] |= term
        mask[mature] = terms.MATURE_MIRNA
        return mask

    def _finish(self) -> None:
        geometry = self._geometry
        deletion = np.array(
            [len(self._alleles.replacement(i)) for i in geometry.allele[geometry.spans_transcript].tolist()]
        )
        spanning = np.flatnonzero(geometry.spans_transcript)
        size = geometry.end[spanning] - geometry.start[spanning] + 1
        self.mask[spanning[deletion < size]] = terms.ABLATION
        empty = self.mask == 0
        self.mask[empty] = np.where(
            geometry.model.coding[geometry.transcript[empty]], terms.CODING_SEQUENCE, terms.NON_CODING
        )

    def _positions(self) -> None:
        geometry = self._geometry
        exonic, coding = geometry.in_exon, geometry.coding
        self.cdna_position = _position_texts(*geometry.cdna, exonic)
        start, end = geometry.cds
        self.cds_position = _position_texts(start, end, coding)
        self.protein_position = _position_texts((start + 2) // 3, (end + 2) // 3, coding)

    def _coding(self, shift: Ints) -> None:
        geometry, alleles = self._geometry, self._alleles
        rows = len(geometry.allele)
        coding = geometry.coding
        single = np.flatnonzero(coding & (geometry.kind == SNV) & (geometry.cds[0] > 0))
        base = alleles.snv_bases[1][geometry.allele[single]]
        base = np.where(geometry.forward[single] | (base > 3), base, 3 - base)
        found = snv.exchanges(
            geometry.model, geometry.transcript[single], geometry.first.exon[single], geometry.start[single],
            geometry.cds[0][single], base, self._engine.sequence,
        )  # fmt: skip
        done = np.flatnonzero(found.settled)
        settled = single[done]
        self.mask[settled] |= found.mask[done]
        left = coding.copy()
        left[settled] = False
        others = np.flatnonzero(left)
        amino_acids, codons, proteins = [], [], []
        for row in others.tolist():
            change, moved = self._change(row, int(shift[row]))
            self.mask[row] |= change.mask()
            amino_acids.append(change.residues_text())
            codons.append(change.codons_text())
            proteins.append(protein_name(change, moved))
        self.codons = merge(rows, (settled, pick(snv.CODON_TEXTS, found.codons[done])), (others, text(codons)))
        self.amino_acids = merge(
            rows, (settled, pick(snv.RESIDUE_TEXTS, found.residues[done])), (others, text(amino_acids))
        )
        named = np.flatnonzero([bool(name) for name in proteins]) if proteins else np.zeros(0, dtype=np.int64)
        self.hgvsp = merge(
            rows,
            (settled, self._exchange_names(settled, found.residues[done])),
            (
                others[named],
                join(
                    pick(self._engine._protein_prefixes, geometry.transcript[others[named]]),
                    text([proteins[i] for i in named.tolist()]),
                ),
            ),
        )

    def _exchange_names(self, rows: Ints, residues: Ints) -> Text:
        geometry = self._geometry
        return join(
            pick(self._engine._protein_prefixes, geometry.transcript[rows]),
            pick(snv.BEFORE_TEXTS, residues // len(snv.RESIDUES)),
            digits((geometry.cds[0][rows] + 2) // 3),
            pick(snv.AFTER_TEXTS, residues),
        )

    def _change(self, row: int, shift: int) -> tuple[Change, Change]:
        """The variant in the coding sequence where it was found, and moved to its 3'-most place."""
        geometry, engine = self._geometry, self._engine
        allele, transcript = int(geometry.allele[row]), int(geometry.transcript[row])
        sequence = engine.coding_sequence(transcript)
        strand = 1 if geometry.forward[row] else -1
        alt = self._alleles.replacement(allele)
        size = int(geometry.end[row] - geometry.start[row] + 1)
        five, three = geometry.cdna
        start, end = geometry.cds
        change = Change(
            sequence, int(five[row]), int(three[row]), int(start[row]), int(end[row]), on_strand(alt, strand), size
        )
        if not shift:
            return change, change
        moved = _moved_positions(engine.model, geometry, row, strand * shift)
        turned = rotated(alt, strand * shift) if alt else alt
        return change, Change(sequence, *moved, on_strand(turned, strand), size)


def _moved_positions(model: ContigModel, geometry: Geometry, row: int, by: int) -> tuple[int, int, int, int]:
    """cDNA and coding positions of a pair's variant moved along the contig."""
    moved = Geometry.__new__(Geometry)
    moved.model = model
    moved.transcript, moved.allele = geometry.transcript[row : row + 1], geometry.allele[row : row + 1]
    moved.start, moved.end = geometry.start[row : row + 1] + by, geometry.end[row : row + 1] + by
    moved.kind, moved.insertion = geometry.kind[row : row + 1], geometry.insertion[row : row + 1]
    moved.forward, moved.several = geometry.forward[row : row + 1], np.ones(1, dtype=np.bool_)
    return (int(moved.cdna[0][0]), int(moved.cdna[1][0]), int(moved.cds[0][0]), int(moved.cds[1][0]))


def _position_texts(start: Ints, end: Ints, shown: Bools) -> Text:
    """``7``, ``7-9``, ``?-9`` or ``7-?`` as VEP writes positions; an insertion between 7 and 8 is ``7-8``."""
    same = np.flatnonzero(shown & (start == end) & (start > 0))
    other = np.flatnonzero(shown & (start != end))
    ranges = [
        f"{min(a, b) or '?'}-{max(a, b)}" if a and b else f"{a or '?'}-{b or '?'}"
        for a, b in zip(start[other].tolist(), end[other].tolist(), strict=True)
    ]
    return merge(len(start), (same, digits(start[same])), (other, text(ranges)))
