"""A block of records as columns: what is plain is looked at all at once, what is odd is left to `record`.

A record is plain when nothing can be said against it, it has one alternative allele, and that is a sequence. Most
records of most files are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotator_hook.consequence.arrays import Bools, Bytes, Ints, spread
from annotator_hook.pipeline import columns
from annotator_hook.pipeline.genome import Genome
from annotator_hook.pipeline.normalise import normalise
from annotator_hook.pipeline.record import MOST_BASES
from annotator_hook.pipeline.variant import Variant

CHROM, POS, ID, REF, ALT, QUAL, FILTER, INFO = range(8)
_PRINTS: Final = np.zeros(256, dtype=np.bool_)
_PRINTS[33:127] = True
_PRINTS[ord("#")] = False


@dataclass(frozen=True, eq=False)
class Lines:
    """Where the lines of a block are, and their tabs."""

    data: Bytes
    start: Ints
    end: Ints
    tabs: Ints
    first_tab: Ints
    """Of each line, as an index into ``tabs``."""
    even: Bools
    """Lines with as many columns as the header names, of which none of the first eight is empty, that begin as records
    do."""

    @classmethod
    def of(cls, text: bytes, count: int) -> Lines:
        """``count``: the columns that the header names."""
        data = np.frombuffer(text, dtype=np.uint8)
        ends = columns.find(data, columns.LINE_END)
        if not len(ends) or ends[-1] != len(data) - 1:
            ends = np.append(ends, len(data))
        start = np.append(0, ends[:-1] + 1)
        returned = (ends > start) & (data[np.maximum(ends - 1, 0)] == columns.CARRIAGE_RETURN)
        end = ends - returned
        tabs = columns.find(data, columns.TAB)
        first = np.searchsorted(tabs, start)
        even = np.diff(np.append(first, len(tabs))) == count - 1
        even &= (end > start) & _PRINTS[data[np.minimum(start, len(data) - 1)]]
        lines = cls(data, start, end, tabs, first, even)
        rows = np.flatnonzero(even)
        filled = np.ones(len(rows), dtype=np.bool_)
        for column in range(8):
            low, high = lines.place(rows, column, count)
            filled &= high > low
        even[rows] = filled
        return lines

    def place(self, rows: Ints, column: int, count: int) -> tuple[Ints, Ints]:
        """Where a column begins and ends in lines of ``count`` columns."""
        tab = self.first_tab[rows]
        low = self.start[rows] if column == 0 else self.tabs[tab + column - 1] + 1
        high = self.end[rows] if column == count - 1 else self.tabs[tab + column]
        return low, high

    def column(self, rows: Ints, column: int, count: int) -> Any:
        """The column's text in these lines."""
        return columns.cut(self.data, *self.place(rows, column, count))

    def rest(self, rows: Ints, column: int, count: int) -> Any:
        """The text from a column to the end of the line."""
        low, _ = self.place(rows, column, count)
        return columns.cut(self.data, low, self.end[rows])


@dataclass(frozen=True, eq=False)
class Plain:
    """The plain records of a block."""

    row: Ints
    """Lines of the block."""
    contig: Ints
    """Index into the pack's contigs."""
    chrom: Any
    pos: Ints
    """After normalisation, as ``ref`` and ``alt``."""
    ref: Any
    alt: Any
    moved: Ints
    """Which of them normalisation changed."""
    original: list[bytes]
    """Of these: CHROM:POS:REF:ALT of the input."""


def plain(lines: Lines, count: int, genome: Genome) -> Plain:
    """Finds them, holds them against the reference, and normalises them. ``count``: columns of a line."""
    rows = np.flatnonzero(lines.even)
    chrom = lines.column(rows, CHROM, count).dictionary_encode()
    contigs = [genome.by_alias(name) for name in chrom.dictionary.to_pylist()]
    code = chrom.indices.to_numpy().astype(np.int64)
    pos, good = columns.numbers(lines.column(rows, POS, count))
    ref, alt = lines.column(rows, REF, count), lines.column(rows, ALT, count)
    ref_length, alt_length = columns.lengths(ref), columns.lengths(alt)
    length = np.array([contig.length if contig else 0 for contig in contigs], dtype=np.int64)
    good &= columns.all_in(ref, columns.IS_BASE) & columns.all_in(alt, columns.IS_BASE)
    good &= np.maximum(ref_length, alt_length) <= MOST_BASES
    good &= pc.not_equal(ref, alt).to_numpy(zero_copy_only=False)
    good &= (pos >= 1) & (pos + ref_length - 1 <= (length[code] if len(length) else 0))
    kept = np.flatnonzero(good)
    take = pa.array(kept)
    ref, pos, code = ref.take(take), pos[kept], code[kept]
    same = np.zeros(len(kept), dtype=np.bool_)
    for number, contig in enumerate(contigs):
        here = np.flatnonzero(code == number)
        if contig is not None and len(here):
            whole = len(here) == len(kept)
            part = ref if whole else ref.take(pa.array(here))
            same[here] = _agrees(part, pos[here], genome.sequence(contig.name))
    kept = kept[same]
    take = pa.array(np.flatnonzero(same))
    index = np.array([genome.rank[contig.name] if contig else -1 for contig in contigs] or [-1], dtype=np.int64)
    return _normalised(
        Plain(
            row=rows[kept],
            contig=index[code[same]],
            chrom=chrom.take(pa.array(kept)),
            pos=pos[same],
            ref=ref.take(take),
            alt=alt.take(pa.array(kept)),
            moved=np.zeros(0, dtype=np.int64),
            original=[],
        ),
        genome,
    )


def _agrees(ref: Any, pos: Ints, sequence: Bytes) -> Bools:
    """Whether REF is what the reference has."""
    size = columns.lengths(ref)
    owner, step = spread(size)
    letters = columns.bytes_of(ref)[columns.offsets_of(ref)[0] :][: len(owner)]
    wrong = sequence[pos[owner] + step - 1] != letters
    found: Bools = np.bincount(owner[wrong], minlength=len(size)) == 0
    return found


def _normalised(found: Plain, genome: Genome) -> Plain:
    ref_size, alt_size = columns.lengths(found.ref), columns.lengths(found.alt)
    last_ref = columns.bytes_of(found.ref)[columns.offsets_of(found.ref)[1:] - 1]
    last_alt = columns.bytes_of(found.alt)[columns.offsets_of(found.alt)[1:] - 1]
    single = (ref_size == 1) & (alt_size == 1)
    # different last bases and nothing but an anchor before them: there is nothing to trim, and no way to the left
    tight = (np.minimum(ref_size, alt_size) == 1) & (last_ref != last_alt)
    loose = np.flatnonzero(~single & ~tight)
    if not len(loose):
        return found
    take = pa.array(loose)
    pos = found.pos.copy()
    moved, original, refs, alts = [], [], [], []
    texts = (column.take(take).to_pylist() for column in (found.chrom, found.ref, found.alt))
    for place, chrom, ref, alt in zip(loose.tolist(), *texts, strict=True):
        name = genome.pack.contigs[found.contig[place]].name
        before = Variant(name, int(pos[place]), ref.decode(), alt.decode())
        after = normalise(before, genome)
        if after != before:
            moved.append(place)
            original.append(b"%s:%d:%s:%s" % (chrom, before.pos, ref, alt))
            pos[place] = after.pos
            refs.append(after.ref.encode())
            alts.append(after.alt.encode())
    mask = np.zeros(len(pos), dtype=np.bool_)
    mask[moved] = True
    where = pa.array(mask)
    return Plain(
        row=found.row,
        contig=found.contig,
        chrom=found.chrom,
        pos=pos,
        ref=pc.replace_with_mask(found.ref, where, columns.binary(refs)),
        alt=pc.replace_with_mask(found.alt, where, columns.binary(alts)),
        moved=np.array(moved, dtype=np.int64),
        original=original,
    )
