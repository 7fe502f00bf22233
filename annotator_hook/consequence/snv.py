"""Single bases exchanged within a coding sequence, for whole columns: the great majority of coding variants.

Pairs are left to ``coding`` where more than one codon's residue is at stake: start codon, stop codon, incomplete and
ambiguous codons.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotator_hook.consequence import terms
from annotator_hook.consequence.arrays import Bools, Bytes, Ints, Text, text
from annotator_hook.consequence.genetic_code import BASE_CODE, RESIDUES, THREE_LETTERS, residue_codes
from annotator_hook.consequence.models import ContigModel

_STOP = RESIDUES.index("*")
_BASES = "ACGT"


def _codon_texts() -> Text:
    """``gAt/gGt`` for every codon, base of it and replacement: index ((16a + 4b + c) * 3 + base) * 4 + replacement."""
    shown = []
    for codon in range(64):
        before = [_BASES[codon >> 4], _BASES[codon >> 2 & 3], _BASES[codon & 3]]
        for at in range(3):
            for base in _BASES:
                after = [*before[:at], base, *before[at + 1 :]]
                pair = ("".join(b if i == at else b.lower() for i, b in enumerate(codon)) for codon in (before, after))
                shown.append("/".join(pair))
    return text(shown)


CODON_TEXTS = _codon_texts()
RESIDUE_TEXTS = text([a if a == b else f"{a}/{b}" for a in RESIDUES for b in RESIDUES])
"""Amino_acids for two indices into ``RESIDUES``: first * len + second."""
BEFORE_TEXTS = text([THREE_LETTERS[a] for a in RESIDUES])
AFTER_TEXTS = text(["%3D" if a == b else THREE_LETTERS[b] for a in RESIDUES for b in RESIDUES])
"""HGVSp's part behind the residue number, indexed like ``RESIDUE_TEXTS``."""


@dataclass(frozen=True, eq=False)
class Exchanges:
    """What the exchanged bases mean, row by row of those asked for."""

    settled: Bools
    """Rows about which the codon alone decides; the others' columns mean nothing."""
    mask: Ints
    codons: Ints
    """Index into ``CODON_TEXTS``."""
    residues: Ints
    """Index into ``RESIDUE_TEXTS`` and ``AFTER_TEXTS``; divided by ``len(RESIDUES)`` into ``BEFORE_TEXTS``."""


def exchanges(
    model: ContigModel, transcript: Ints, exon: Ints, position: Ints, cds: Ints, base: Ints, sequence: Bytes
) -> Exchanges:
    """The consequences of single bases within coding sequence.

    Args:
        model: The contig's transcripts.
        transcript: Of each row.
        exon: In which the base lies, as an index into the model's exons.
        position: Of the base on the contig.
        cds: Of the base in the coding sequence, from the start of the first codon.
        base: Code (0 … 3) of the new base as the transcript reads it.
        sequence: The contig.
    """
    forward = model.strand[transcript] > 0
    frame = (cds - 1) % 3
    size = model.coding_end[transcript] - model.coding_start[transcript] + 1 + model.phase[transcript]
    codon_number = (cds + 2) // 3
    whole = (3 * codon_number <= size) & (3 * codon_number - 2 > model.phase[transcript])
    settled = whole & (base < 4) & (codon_number > 1)
    bases = [_base(model, exon, position, (k - frame) * np.where(forward, 1, -1), settled) for k in range(3)]
    codes = [BASE_CODE[sequence[where - 1]].astype(np.int64) for where in bases]
    codes = [np.where(forward | (code > 3), code, 3 - code) for code in codes]
    settled &= (codes[0] < 4) & (codes[1] < 4) & (codes[2] < 4)
    before = np.where(settled, 16 * codes[0] + 4 * codes[1] + codes[2], 0)
    place = np.array([16, 4, 1])[frame]
    old = np.choose(frame, codes)
    after = np.where(settled, before + (base - old) * place, 0)
    residues = residue_codes(model.genetic_code).astype(np.int64)
    first, second = residues[before], residues[after]
    settled &= first != _STOP
    mask = np.where(
        first == second, terms.SYNONYMOUS, np.where(second == _STOP, terms.STOP_GAINED, terms.MISSENSE)
    ).astype(np.int64)
    return Exchanges(settled, mask, (before * 3 + frame) * 4 + np.minimum(base, 3), first * len(RESIDUES) + second)


def _base(model: ContigModel, exon: Ints, position: Ints, step: Ints, wanted: Bools) -> Ints:
    """Positions ``step`` (-2 … 2) bases further along the exons; where not ``wanted`` any position."""
    where, exon = position + np.where(wanted, step, 0), exon.copy()
    for _ in range(2):
        over, under = where - model.exon_end[exon], model.exon_start[exon] - where
        right, left = over > 0, under > 0
        if not (right.any() or left.any()):
            break
        exon = exon + right - left
        where = np.where(
            right, model.exon_start[exon] + over - 1, np.where(left, model.exon_end[exon] - under + 1, where)
        )
    return where
