"""One alternative allele at one place, as VCF writes it after normalisation."""

from __future__ import annotations

from typing import NamedTuple


class Variant(NamedTuple):
    """Normalised: upper case, nothing shared at the end, nothing at the start but an indel's anchor base."""

    contig: str
    pos: int
    """Of the first base of `ref`, counted from 1."""
    ref: str
    alt: str

    @property
    def span(self) -> tuple[int, int]:
        """First and last affected base. An insertion lies between two bases: its first is its last plus one."""
        anchored = len(self.ref) != len(self.alt) and self.ref[0] == self.alt[0]
        return self.pos + anchored, self.pos + len(self.ref) - 1

    @property
    def kind(self) -> str:
        """Ensembl's variant class: SNV, insertion, deletion, indel or substitution."""
        if len(self.ref) == len(self.alt):
            return "SNV" if len(self.ref) == 1 else "substitution"
        if len(self.ref) == 1 and self.alt[0] == self.ref:
            return "insertion"
        if len(self.alt) == 1 and self.ref[0] == self.alt:
            return "deletion"
        return "indel"

    @property
    def inserted(self) -> str:
        """What stands in place of the affected bases; empty for a deletion."""
        start, _ = self.span
        return self.alt[start - self.pos :]
