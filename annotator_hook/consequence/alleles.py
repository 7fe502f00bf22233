"""Alleles as VEP sees them: what they share with the reference taken away, and how far they can be moved.

VEP's positions: a variant replaces the bases ``start`` to ``end``; an insertion lies between ``end`` and
``start = end + 1``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from annotator_hook.consequence.arrays import Bytes, Ints
from annotator_hook.consequence.genetic_code import BASE_CODE, reverse_complement
from shared.core.errors import Permanent

SNV, MNV, INSERTION, DELETION, INDEL = range(5)
CLASSES = ("SNV", "substitution", "insertion", "deletion", "indel")
"""VEP's VARIANT_CLASS for each kind."""
LONGEST_SHIFT = 1000
"""Bases within which VEP looks for the 3'-most place of an insertion or deletion."""

_ALLOWED = np.zeros(256, dtype=np.bool_)
_ALLOWED[list(b"ACGTN")] = True


@dataclass(frozen=True, eq=False)
class Alleles:
    """A chunk of alternate alleles on one contig.

    Raises:
        Permanent: an allele has other letters than A, C, G, T and N, or is the reference itself.
    """

    position: Ints
    """POS of the VCF."""
    ref: Sequence[bytes]
    alt: Sequence[bytes]
    """REF and ALT, upper case."""

    def __post_init__(self) -> None:
        for name in ("ref", "alt"):
            if not _ALLOWED[np.frombuffer(b"".join(getattr(self, name)), dtype=np.uint8)].all():
                raise Permanent("An allele has other letters than A, C, G, T and N.")

    def __len__(self) -> int:
        return len(self.position)

    @cached_property
    def _trimmed(self) -> tuple[Ints, Ints, Ints, dict[int, bytes], dict[int, bytes]]:
        """Start, end, kind, and for all but SNVs the alleles that are left."""
        ref_length = np.fromiter(map(len, self.ref), dtype=np.int64, count=len(self.ref))
        alt_length = np.fromiter(map(len, self.alt), dtype=np.int64, count=len(self.alt))
        start = self.position.astype(np.int64)
        end = start + ref_length - 1
        kind = np.full(len(self), SNV, dtype=np.int64)
        refs, alts = dict[int, bytes](), dict[int, bytes]()
        for i in np.flatnonzero((ref_length != 1) | (alt_length != 1)).tolist():
            ref, alt = self.ref[i], self.alt[i]
            if len(ref) != len(alt):
                before, ref, alt = _trim(ref, alt)
                start[i] += before
                end[i] = start[i] + len(ref) - 1
            kind[i] = MNV if len(ref) == len(alt) else INSERTION if not ref else DELETION if not alt else INDEL
            refs[i], alts[i] = ref, alt
        return start, end, kind, refs, alts

    @property
    def start(self) -> Ints:
        """First base replaced; for an insertion the base after it."""
        return self._trimmed[0]

    @property
    def end(self) -> Ints:
        """Last base replaced; for an insertion the base before it."""
        return self._trimmed[1]

    @property
    def kind(self) -> Ints:
        """SNV, MNV, INSERTION, DELETION or INDEL."""
        return self._trimmed[2]

    def reference(self, i: int) -> bytes:
        """The bases of allele ``i`` that are replaced."""
        return self._trimmed[3].get(i, self.ref[i])

    def replacement(self, i: int) -> bytes:
        """The bases that replace them."""
        return self._trimmed[4].get(i, self.alt[i])

    @cached_property
    def snv_bases(self) -> tuple[Ints, Ints]:
        """Codes (0 … 3, 4 for N) of the reference and alternate base; meaningless where the allele is no SNV."""
        ref = BASE_CODE[np.frombuffer(b"".join([r[:1] for r in self.ref]), dtype=np.uint8)]
        alt = BASE_CODE[np.frombuffer(b"".join([a[:1] for a in self.alt]), dtype=np.uint8)]
        return ref.astype(np.int64), alt.astype(np.int64)

    def names(self) -> list[str]:
        """VEP's Allele: the replacement, or ``-`` for a deletion."""
        return [(self._trimmed[4].get(i, alt) or b"-").decode() for i, alt in enumerate(self.alt)]


def _trim(ref: bytes, alt: bytes) -> tuple[int, bytes, bytes]:
    """Takes away what two alleles share, first at the start, then at the end: (bases lost at the start, rest, rest)."""
    shorter = min(len(ref), len(alt))
    before = next((i for i in range(shorter) if ref[i] != alt[i]), shorter)
    ref, alt, shorter = ref[before:], alt[before:], shorter - before
    after = next((i for i in range(shorter) if ref[-1 - i] != alt[-1 - i]), shorter)
    return before, ref[: len(ref) - after], alt[: len(alt) - after]


@dataclass(frozen=True, eq=False)
class Shifts:
    """How many bases insertions and deletions can move along the contig without changing what they make of it."""

    forward: Ints
    backward: Ints


def shifts(alleles: Alleles, sequence: Bytes) -> Shifts:
    """The shifts of a chunk, 0 for all but insertions and deletions; at most about ``LONGEST_SHIFT``, as in VEP."""
    forward, backward = np.zeros(len(alleles), dtype=np.int64), np.zeros(len(alleles), dtype=np.int64)
    for kind in (INSERTION, DELETION):
        which = np.flatnonzero(alleles.kind == kind)
        if not len(which):
            continue
        moved = [alleles.replacement(i) if kind == INSERTION else alleles.reference(i) for i in which.tolist()]
        lengths = np.array([len(bases) for bases in moved], dtype=np.int64)
        pool = np.frombuffer(b"".join(moved), dtype=np.uint8)
        offset = np.cumsum(lengths) - lengths
        limit = np.where(lengths <= LONGEST_SHIFT, LONGEST_SHIFT + 1 - lengths, LONGEST_SHIFT)
        after = alleles.end[which]
        before = alleles.start[which] - 2
        forward[which] = _walk(sequence, pool, offset, lengths, limit, after, 1)
        backward[which] = _walk(sequence, pool, offset, lengths, limit, before, -1)
    return Shifts(forward, backward)


def _walk(
    sequence: Bytes, pool: Bytes, offset: Ints, lengths: Ints, limit: Ints, next_base: Ints, direction: int
) -> Ints:
    """Steps each pattern along ``sequence`` from index ``next_base`` while the base met equals the one left behind."""
    steps = np.zeros(len(lengths), dtype=np.int64)
    active = np.arange(len(lengths))
    step = 0
    while len(active):
        index = next_base[active] + direction * step
        inside = (index >= 0) & (index < len(sequence)) & (step < limit[active])
        active, index = active[inside], index[inside]
        turn = step % lengths[active]
        mine = offset[active] + (turn if direction > 0 else lengths[active] - 1 - turn)
        active = active[sequence[index] == pool[mine]]
        step += 1
        steps[active] = step
    return steps


def rotated(bases: bytes, shift: int) -> bytes:
    """What an inserted (or deleted) sequence reads like after a move of ``shift`` bases; negative is backwards."""
    turn = shift % len(bases)
    return bases[turn:] + bases[:turn]


def repeats_before(sequence: Bytes, bases: bytes, end: int) -> bool:
    """Whether ``sequence`` reads ``bases`` just before and including 1-based position ``end``: a duplication."""
    start = end - len(bases)
    return start >= 0 and sequence[start:end].tobytes() == bases


def on_strand(bases: bytes, strand: int) -> bytes:
    """The bases as a transcript on ``strand`` reads them."""
    return bases if strand > 0 else reverse_complement(bases)
