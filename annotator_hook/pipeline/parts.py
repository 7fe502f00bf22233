"""The genome cut into parts of about as many alleles, which are annotated apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from annotator_hook.pipeline.genome import Genome
from annotator_hook.pipeline.haplotypes import Cuts
from annotator_hook.pipeline.spool import MARK_EVERY, Part, Piece

ALLELES: Final = 1 << 16
"""Of a part, about."""
_END: Final = 2**31 - 1


def divide(pieces: Sequence[Piece], genome: Genome) -> list[Part]:
    """The parts in the order of the genome; cut where nothing is torn apart that stands on one haplotype."""
    by_contig: dict[str, list[Piece]] = {}
    for piece in pieces:
        by_contig.setdefault(piece.contig, []).append(piece)
    parts: list[Part] = []
    for contig in sorted(by_contig, key=genome.rank.__getitem__):
        own = by_contig[contig]
        bounds = [0, *_cuts(contig, own, genome), _END]
        for first, end in pairwise(bounds):
            inside = tuple(piece for piece in own if piece.marks[0] < end and piece.marks[-1] >= first)
            parts.append(Part(len(parts), contig, first, end, inside))
    return parts


def _cuts(contig: str, pieces: Sequence[Piece], genome: Genome) -> list[int]:
    if sum(piece.rows for piece in pieces) <= ALLELES:
        return []
    marks = np.sort(np.concatenate([piece.marks[:-1] for piece in pieces]))
    cuts = Cuts(genome.open(contig).model)
    wanted = marks[:: ALLELES // MARK_EVERY][1:].tolist()
    return [cut for cut in sorted({cuts.after(position) for position in wanted}) if 0 < cut < _END]
