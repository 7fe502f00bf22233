"""The genome cut into parts of about as much work, which are annotated apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from annotator_hook.pipeline.genome import Genome
from annotator_hook.pipeline.haplotypes import Cuts
from annotator_hook.pipeline.spool import MARK_EVERY, Part, Piece

ALLELES: Final = 1 << 16
"""Of a part, at most, about."""
BYTES: Final = 16 << 20
"""Of its records' text, likewise: genotypes of many samples are most of the work where there are such."""
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
        lowest, highest = (np.array([piece.marks[at] for piece in own]) for at in (0, -1))
        for first, end in pairwise(bounds):
            inside = np.flatnonzero((lowest < end) & (highest >= first)).tolist()
            parts.append(Part(len(parts), contig, first, end, tuple(own[number] for number in inside)))
    return parts


def _cuts(contig: str, pieces: Sequence[Piece], genome: Genome) -> list[int]:
    marks = np.concatenate([piece.marks[:-1] for piece in pieces])
    order = np.argsort(marks, kind="stable")
    sizes = np.concatenate([piece.sizes for piece in pieces])[order]
    work = np.cumsum(np.maximum(MARK_EVERY / ALLELES, sizes / BYTES))
    if work[-1] <= 1:
        return []
    cuts = Cuts(genome.open(contig).model)
    full = np.searchsorted(work, np.arange(1, work[-1]), side="right")
    wanted = marks[order][full[full < len(marks)]].tolist()
    return [cut for cut in sorted({cuts.after(position) for position in wanted}) if 0 < cut < _END]
