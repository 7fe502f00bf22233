"""Columns of the pairs whose variant overlaps the transcript: the engine's main work, without the book-keeping."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from annotator_hook.consequence import snv, terms
from annotator_hook.consequence.alleles import SNV, Alleles, Shifts, on_strand, rotated
from annotator_hook.consequence.arrays import Bools, Bytes, Ints, Text, digits, join, merge, pick, text
from annotator_hook.consequence.coding import Change, CodingSequence, Place
from annotator_hook.consequence.genetic_code import RESIDUES
from annotator_hook.consequence.geometry import Geometry, Splicing
from annotator_hook.consequence.hgvs import Namer, versioned
from annotator_hook.consequence.models import ContigModel
from annotator_hook.consequence.protein import protein_name

_SEQUENCES_KEPT = 2000
"""Spliced sequences in memory; a chunk of sorted alleles needs few at a time."""


class Prepared:
    """What a contig's pairs need again and again."""

    def __init__(self, model: ContigModel, sequence: Bytes) -> None:
        self.model, self.sequence = model, sequence
        self._sequences: dict[int, CodingSequence] = {}
        number = np.arange(len(model.exon_start)) - model.exon_offset[model.exon_transcript]
        total = model.exon_counts[model.exon_transcript]
        forward = model.strand[model.exon_transcript] > 0
        self.exon_numbers = np.where(forward, number + 1, total - number)
        """Of each exon, counted 5' to 3'."""
        self.intron_numbers = np.where(forward, number + 1, total - number - 1)
        """Of the intron that follows each exon in genomic order."""
        self.exon_texts = _fractions(self.exon_numbers, total)
        self.intron_texts = _fractions(self.intron_numbers, total - 1)
        texts = model.texts
        names = zip(texts["protein_id"], texts["protein_version"], texts["transcript_id"], strict=True)
        self.protein_prefixes = text([f"{versioned(protein or name, version)}:p." for protein, version, name in names])
        self.decays = np.array([biotype == "nonsense_mediated_decay" for biotype in texts["biotype"]], dtype=np.bool_)
        """Transcripts that nonsense-mediated decay is said to remove."""

    def coding_sequence(self, transcript: int) -> CodingSequence:
        """The sequence of a translated transcript, spliced once."""
        if transcript not in self._sequences:
            if len(self._sequences) >= _SEQUENCES_KEPT:
                self._sequences.clear()
            self._sequences[transcript] = CodingSequence(self.model, transcript, self.sequence)
        return self._sequences[transcript]

    def changes(
        self, geometry: Geometry, alleles: Alleles, allele: Ints, moved: Ints | None = None
    ) -> Iterator[Change]:
        """Each pair's variant as a change of the coding sequence.

        Args:
            geometry: The pairs, of translated transcripts, ``moved`` already.
            alleles: A chunk.
            allele: Of each pair.
            moved: Bases by which each pair's variant was moved along the contig.
        """
        steps = [0] * len(allele) if moved is None else moved.tolist()
        places = zip(*(side.tolist() for side in (*geometry.cdna, *geometry.cds)), strict=True)
        sizes = (geometry.end - geometry.start + 1).tolist()
        strands = np.where(geometry.forward, 1, -1).tolist()
        for i, transcript, step, place, size, strand in zip(
            allele.tolist(), geometry.transcript.tolist(), steps, places, sizes, strands, strict=True
        ):
            alt = alleles.replacement(i)
            alt = on_strand(rotated(alt, step) if alt and step else alt, strand)
            yield Change(self.coding_sequence(transcript), Place(*place), alt, size)


def _fractions(numbers: Ints, totals: Ints) -> Text:
    return text([f"{number}/{total}" for number, total in zip(numbers.tolist(), totals.tolist(), strict=True)])


class Inside:
    """The columns, row by row of the pairs given.

    Args:
        prepared: Of the contig.
        alleles: A chunk of it.
        allele: Of each pair.
        transcript: Of each pair.
        moves: Of the alleles.
    """

    def __init__(self, prepared: Prepared, alleles: Alleles, allele: Ints, transcript: Ints, moves: Shifts) -> None:
        geometry = Geometry(
            prepared.model, transcript, alleles.start[allele], alleles.end[allele], alleles.kind[allele]
        )
        self._prepared, self._geometry, self._alleles, self._allele = prepared, geometry, alleles, allele
        namer = Namer(geometry, alleles, allele, moves, prepared.sequence)
        self.hgvsc = namer.transcript_names()
        strand = np.where(geometry.forward, 1, -1)
        self.hgvs_offset = namer.shift * strand
        self.exon, self.intron = self._numbers()
        self.mask = self._plain_mask()
        self._positions()
        self._coding(namer.shift)
        self._finish()

    def _numbers(self) -> tuple[Text, Text]:
        prepared = self._prepared
        return (
            self._ranges(*self._geometry.exons, prepared.exon_texts, prepared.exon_numbers),
            self._ranges(*self._geometry.introns, prepared.intron_texts, prepared.intron_numbers),
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
        mask = Splicing(geometry, self._alleles, self._allele).mask
        five, three = geometry.utrs
        coding = model.coding[geometry.transcript]
        mature = geometry.mature
        exonic = geometry.exons[1] >= geometry.exons[0]
        for term, holds in (
            (terms.UTR5, five),
            (terms.UTR3, three),
            (terms.NON_CODING_EXON, ~coding & exonic & ~mature),
            (terms.NON_CODING, ~coding & ~exonic & ~mature),
            (terms.NMD, self._prepared.decays[geometry.transcript]),
        ):
            mask[holds] |= term
        mask[mature] = terms.MATURE_MIRNA
        return mask

    def _finish(self) -> None:
        geometry = self._geometry
        deletion = np.array(
            [len(self._alleles.replacement(i)) for i in self._allele[geometry.spans_transcript].tolist()]
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
        rows = len(self._allele)
        coding = geometry.coding
        single = np.flatnonzero(coding & (geometry.kind == SNV) & (geometry.cds[0] > 0))
        base = alleles.snv_bases[1][self._allele[single]]
        base = np.where(geometry.forward[single] | (base > 3), base, 3 - base)
        exchanged = snv.exchanges(
            geometry.model, geometry.transcript[single], geometry.first.exon[single], geometry.start[single],
            geometry.cds[0][single], base, self._prepared.sequence,
        )  # fmt: skip
        done = np.flatnonzero(exchanged.settled)
        settled = single[done]
        self.mask[settled] |= exchanged.mask[done]
        left = coding.copy()
        left[settled] = False
        others = np.flatnonzero(left)
        amino_acids, codons, proteins = [], [], []
        allele, by = self._allele[others], shift[others] * np.where(geometry.forward[others], 1, -1)
        found = self._prepared.changes(geometry.part(others), alleles, allele)
        moved_ones = self._prepared.changes(geometry.part(others, by), alleles, allele, by)
        for row, step, change, other in zip(others.tolist(), by.tolist(), found, moved_ones, strict=True):
            moved = other if step else change
            self.mask[row] |= change.mask()
            amino_acids.append(change.residues_text())
            codons.append(change.codons_text())
            proteins.append(protein_name(change, moved))
        self.codons = merge(rows, (settled, pick(snv.CODON_TEXTS, exchanged.codons[done])), (others, text(codons)))
        self.amino_acids = merge(
            rows, (settled, pick(snv.RESIDUE_TEXTS, exchanged.residues[done])), (others, text(amino_acids))
        )
        named = np.flatnonzero([bool(name) for name in proteins]) if proteins else np.zeros(0, dtype=np.int64)
        self.hgvsp = merge(
            rows,
            (settled, self._exchange_names(settled, exchanged.residues[done])),
            (
                others[named],
                join(
                    pick(self._prepared.protein_prefixes, geometry.transcript[others[named]]),
                    text([proteins[i] for i in named.tolist()]),
                ),
            ),
        )

    def _exchange_names(self, rows: Ints, residues: Ints) -> Text:
        geometry = self._geometry
        return join(
            pick(self._prepared.protein_prefixes, geometry.transcript[rows]),
            pick(snv.BEFORE_TEXTS, residues // len(RESIDUES)),
            digits((geometry.cds[0][rows] + 2) // 3),
            pick(snv.AFTER_TEXTS, residues),
        )


def _position_texts(start: Ints, end: Ints, shown: Bools) -> Text:
    """``7``, ``7-9``, ``?-9`` or ``7-?`` as VEP writes positions; an insertion between 7 and 8 is ``7-8``."""
    same = np.flatnonzero(shown & (start == end) & (start > 0))
    other = np.flatnonzero(shown & (start != end))
    ranges = [
        f"{min(a, b) or '?'}-{max(a, b)}" if a and b else f"{a or '?'}-{b or '?'}"
        for a, b in zip(start[other].tolist(), end[other].tolist(), strict=True)
    ]
    return merge(len(start), (same, digits(start[same])), (other, text(ranges)))
