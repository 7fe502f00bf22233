"""A pack's contigs as a job uses them: opened once, when first needed."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from annotator_hook.consequence.arrays import Bytes, Ints
from annotator_hook.consequence.store import Contig
from annotator_hook.packs.format import Pack, PackContig

MOST_OPEN = 4
"""Contigs that are kept open; more would count against the job's address space."""


class Genome:
    """Sequences and gene models of a pack."""

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self.open = lru_cache(maxsize=MOST_OPEN)(self._open)
        self._letters = lru_cache(maxsize=MOST_OPEN)(self._view)
        self.rank: dict[str, int] = {contig.name: rank for rank, contig in enumerate(pack.contigs)}
        """The pack's name of a contig → its place in the genome."""

    def _open(self, contig: str) -> Contig:
        return self.pack.open(contig)

    @property
    def names(self) -> list[str]:
        """Of the contigs, in the order of the genome."""
        return list(self.rank)

    def by_alias(self, name: bytes) -> PackContig | None:
        """The contig that a file calls so."""
        return self.pack.by_alias.get(name.decode("utf-8", "surrogateescape").lower())

    def sequence(self, contig: str) -> Bytes:
        """Upper-case letters; position *p* is ``sequence[p - 1]``."""
        return self.open(contig).sequence

    def bases(self, contig: str, start: int, end: int) -> str:
        """The bases from ``start`` to ``end``, counted from 1, both included; what lies outside is left out."""
        return self.sequence(contig)[max(start, 1) - 1 : max(end, 0)].tobytes().decode()

    def base(self, contig: str, pos: int) -> str:
        """One base; empty outside the contig."""
        letters = self._letters(contig)
        return chr(letters[pos - 1]) if 0 < pos <= len(letters) else ""

    def _view(self, contig: str) -> memoryview:
        return self.sequence(contig).data


def near_genes(contig: Contig, first: Ints, last: Ints) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which of the ranges ``first … last`` touch a transcript, or the few bases beside one."""
    model = contig.model
    if model.transcripts == 0:
        return np.zeros(len(first), dtype=np.bool_)
    order = np.argsort(model.start, kind="stable")
    start, end = model.start[order] - BESIDE, np.maximum.accumulate(model.end[order]) + BESIDE
    number = np.searchsorted(start, last, side="right") - 1
    touched: np.ndarray[tuple[int], np.dtype[np.bool_]] = (number >= 0) & (end[np.maximum(number, 0)] >= first)
    return touched


BESIDE = 10
"""Bases beside a transcript that are still sent to `bcftools csq`."""
