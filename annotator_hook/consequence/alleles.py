"""Alleles as VEP sees them: what they share with the reference taken away, and how far they can be moved.

VEP's positions: a variant replaces the bases ``start`` to ``end``; an insertion lies between ``end`` and
``start = end + 1``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from annotator_hook.consequence.arrays import Bytes, Ints, Text, merge, pick, text
from annotator_hook.consequence.genetic_code import BASE_CODE, reverse_complement
from shared.core.errors import Permanent

SNV, MNV, INSERTION, DELETION, INDEL = range(5)
CLASSES = ("SNV", "substitution", "insertion", "deletion", "indel")
"""VEP's VARIANT_CLASS for each kind."""
LONGEST_SHIFT = 1000
"""Bases within which VEP looks for the 3'-most place of an insertion or deletion."""

_BASES = text(list("ACGTN"))
_ALLOWED = np.zeros(256, dtype=np.bool_)
_ALLOWED[list(b"ACGTN")] = True


class Alleles:
    """A chunk of alternate alleles on one contig.

    Args:
        position: POS of the VCF.
        ref: REF, upper case, as an Arrow string array.
        alt: ALT, likewise.

    Raises:
        Permanent: an allele is empty or has other letters than A, C, G, T and N.
    """

    def __init__(self, position: Ints, ref: Text, alt: Text) -> None:
        self.position, self._ref, self._alt = position, ref, alt
        refs, alts = _Bytes(ref), _Bytes(alt)
        single = (refs.lengths == 1) & (alts.lengths == 1)
        self.start = position.astype(np.int64)
        """First base replaced; for an insertion the base after it."""
        self.end = self.start + refs.lengths - 1
        """Last base replaced; for an insertion the base before it."""
        self.kind = np.full(len(position), SNV, dtype=np.int64)
        """SNV, MNV, INSERTION, DELETION or INDEL."""
        self.snv_bases = refs.first_codes(), alts.first_codes()
        """Codes (0 … 3, 4 for N) of the reference and alternate base; meaningless where the allele is no SNV."""
        self._other = np.flatnonzero(~single)
        self._refs, self._alts = dict[int, bytes](), dict[int, bytes]()
        self._trim_all()

    @classmethod
    def of(cls, position: Sequence[int], ref: Sequence[bytes], alt: Sequence[bytes]) -> Alleles:
        """A chunk from plain lists."""
        return cls(np.array(position, dtype=np.int64), _column(ref), _column(alt))

    def __len__(self) -> int:
        return len(self.position)

    def _trim_all(self) -> None:
        """Takes away what the alleles of insertions and deletions share, as VEP does; others stay as they are."""
        rows = self._other.tolist()
        refs, alts = (
            column.cast(pa.binary()).take(pa.array(self._other)).to_pylist() for column in (self._ref, self._alt)
        )
        lost, kinds = [], []
        for i, ref, alt in zip(rows, refs, alts, strict=True):
            before, left, right = (0, ref, alt) if len(ref) == len(alt) else _trim(ref, alt)
            self._refs[i], self._alts[i] = left, right
            lost.append((before, before + len(left)))
            same = len(left) == len(right)
            kinds.append(MNV if same else INSERTION if not left else DELETION if not right else INDEL)
        if rows:
            first, behind = np.array(lost, dtype=np.int64).T
            self.end[self._other] = self.start[self._other] + behind - 1
            self.start[self._other] += first
            self.kind[self._other] = kinds

    def reference(self, i: int) -> bytes:
        """The bases of allele ``i`` that are replaced."""
        return self._refs[i] if i in self._refs else b"ACGTN"[(code := int(self.snv_bases[0][i])) : code + 1]

    def replacement(self, i: int) -> bytes:
        """The bases that replace them."""
        return self._alts[i] if i in self._alts else b"ACGTN"[(code := int(self.snv_bases[1][i])) : code + 1]

    def names(self) -> Text:
        """VEP's Allele: the replacement, or ``-`` for a deletion."""
        single = np.flatnonzero(self.kind == SNV)
        others = text([(self._alts[i] or b"-").decode() for i in self._other.tolist()])
        return merge(len(self), (single, pick(_BASES, self.snv_bases[1][single])), (self._other, others))


class _Bytes:
    """The bytes behind an Arrow string array."""

    def __init__(self, column: Text) -> None:
        offsets, data = column.buffers()[1:]
        self._offsets = np.frombuffer(offsets, dtype=np.int32)[column.offset : column.offset + len(column) + 1]
        self._data = np.frombuffer(data or b"", dtype=np.uint8)
        self.lengths = np.diff(self._offsets).astype(np.int64)
        if len(column) and (
            self.lengths.min() < 1 or not _ALLOWED[self._data[self._offsets[0] : self._offsets[-1]]].all()
        ):
            raise Permanent("An allele is empty or has other letters than A, C, G, T and N.")

    def first_codes(self) -> Ints:
        """Codes of the first bases."""
        return BASE_CODE[self._data[self._offsets[:-1]]].astype(np.int64)


def _column(alleles: Sequence[bytes]) -> Text:
    return text([allele.decode() for allele in alleles])


def _trim(ref: bytes, alt: bytes) -> tuple[int, bytes, bytes]:
    """Takes away what two alleles share, first at the start, then at the end: (bases lost at the start, rest, rest)."""
    if alt.startswith(ref):
        return len(ref), b"", alt[len(ref) :]
    if ref.startswith(alt):
        return len(alt), ref[len(alt) :], b""
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
