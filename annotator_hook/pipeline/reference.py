"""The sequence of a pack's contigs."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final, Protocol

import pysam

_BLOCK: Final = 1 << 20


class Bases(Protocol):
    """Who knows the bases."""

    def bases(self, contig: str, start: int, end: int) -> str:
        """The bases from ``start`` to ``end``, counted from 1, both included; what lies outside is left out."""

    def base(self, contig: str, pos: int) -> str:
        """One base; empty outside the contig."""


class Reference:
    """Upper-case bases out of an indexed FASTA, read in blocks of which the latest few are kept."""

    def __init__(self, fasta: Path) -> None:
        """Raises `OSError` or `ValueError` when the file or its index cannot be read."""
        self._fasta = pysam.FastaFile(str(fasta))
        self.lengths: dict[str, int] = dict(zip(self._fasta.references, self._fasta.lengths, strict=True))
        """Contig → bases."""
        self._block = lru_cache(maxsize=4)(self._read_block)

    def _read_block(self, contig: str, number: int) -> str:
        bases: str = self._fasta.fetch(contig, number * _BLOCK, (number + 1) * _BLOCK)
        return bases.upper()

    def bases(self, contig: str, start: int, end: int) -> str:
        """The bases from ``start`` to ``end``, counted from 1, both included; what lies outside is left out."""
        first, last = (max(start, 1) - 1) // _BLOCK, (end - 1) // _BLOCK
        if first == last:
            return self._block(contig, first)[max(start, 1) - 1 - first * _BLOCK : end - first * _BLOCK]
        joined = "".join(self._block(contig, number) for number in range(first, last + 1))
        return joined[max(start, 1) - 1 - first * _BLOCK : end - first * _BLOCK]

    def base(self, contig: str, pos: int) -> str:
        """One base; empty outside the contig."""
        return self.bases(contig, pos, pos) if pos > 0 else ""
