"""The alleles that will be annotated, on disk: pieces sorted by position, and parts of the genome read from them.

A file of the spool holds what came of a block of the input, one record batch a contig. Whatever the input's order was,
a part of a contig is then a range of rows of each piece; where the input was sorted, of one or two of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from annotator_hook.consequence.arrays import Ints
from annotator_hook.pipeline.columns import lengths

SCHEMA: Final = pa.schema(
    [
        ("line", pa.int32()),
        ("pos", pa.int32()),
        ("ref", pa.string()),
        ("alt", pa.string()),
        ("id", pa.binary()),
        ("qual", pa.binary()),
        ("filter", pa.binary()),
        ("info", pa.binary()),  # without what GAS adds; empty for none
        ("original", pa.binary()),  # CHROM:POS:REF:ALT of the input, where GAS writes it otherwise; or empty
        ("number", pa.int16()),  # of the allele in the input's ALT, from 1
        ("genotypes", pa.binary()),  # FORMAT and samples, of this allele alone; empty without samples
    ]
)
MARK_EVERY: Final = 64
"""Rows from one noted position to the next."""
TEXTS: Final = tuple(field.name for field in SCHEMA if field.type in (pa.string(), pa.binary()))


@dataclass(frozen=True)
class Piece:
    """Rows of one contig in one file, sorted by position."""

    path: Path
    batch: int
    contig: str
    rows: int
    marks: npt.NDArray[np.int32]
    """The position of every `MARK_EVERY`-th row, and of the last one."""
    sizes: Ints
    """Bytes of text from each of these rows, but the last one, to the next."""

    def read(self) -> Any:
        """The record batch, mapped into memory for as long as it is held."""
        with pa.memory_map(str(self.path)) as source:
            return pa.ipc.open_file(source).get_batch(self.batch)


def write(path: Path, table: Any, contig: Ints, names: Sequence[str]) -> list[Piece]:
    """Writes a file of the spool.

    Args:
        path: Of the file.
        table: Of `SCHEMA`, rows in the order of the input.
        contig: Of each row, as an index into ``names``.
        names: Of the pack's contigs.
    """
    place = contig << 40 | table.column("pos").to_numpy()
    if (place[1:] < place[:-1]).any():
        order = np.argsort(place, kind="stable")
        table, contig = table.take(pa.array(order)), contig[order]
    table = table.combine_chunks()
    bounds = [0, *(np.flatnonzero(np.diff(contig)) + 1).tolist(), len(contig)]
    pieces = []
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, SCHEMA) as writer:
        for number, (start, end) in enumerate(pairwise(bounds)):
            (batch,) = table.slice(start, end - start).to_batches()
            writer.write_batch(batch)
            pos = batch.column("pos").to_numpy()
            marks = np.append(pos[::MARK_EVERY], pos[-1])
            sizes = np.add.reduceat(_sizes(batch), np.arange(0, len(pos), MARK_EVERY))
            pieces.append(Piece(path, number, names[contig[start]], len(pos), marks, sizes))
    return pieces


def _sizes(batch: Any, columns: Sequence[str] = TEXTS) -> Ints:
    """Bytes that each row has in the columns."""
    total = np.zeros(batch.num_rows, dtype=np.int64)
    for name in columns:
        total += lengths(batch.column(name))
    return total


@dataclass(frozen=True)
class Part:
    """The alleles of a contig at positions ``first`` up to, but without, ``end``."""

    number: int
    """Of all parts of the genome, from 0."""
    contig: str
    first: int
    end: int
    pieces: tuple[Piece, ...]
    """Those that reach into it, in the order of the input."""

    def ranges(self) -> tuple[list[Piece], Ints, Ints, Ints]:
        """Pieces with rows in the part, and of each row in the order of the genome the place in that list, the row in
        the piece, and the position; rows of one position in the order of the input."""
        found: list[Piece] = []
        positions, places, rows = [], [], []
        for piece in self.pieces:
            pos = piece.read().column("pos").to_numpy()
            low, high = np.searchsorted(pos, [self.first, self.end])
            if low == high:
                continue
            places.append(np.full(high - low, len(found), dtype=np.int64))
            found.append(piece)
            positions.append(pos[low:high].copy())
            rows.append(np.arange(low, high, dtype=np.int64))
        if not found:
            none = np.zeros(0, dtype=np.int64)
            return found, none, none, none
        place, row = np.concatenate(places), np.concatenate(rows)
        pos = np.concatenate(positions)
        if len(found) > 1 and (pos[1:] < pos[:-1]).any():
            order = np.argsort(pos, kind="stable")
            place, row, pos = place[order], row[order], pos[order]
        return found, place, row, pos


class Reader:
    """Reads the rows of a part, in the order of the genome."""

    def __init__(self, part: Part) -> None:
        self._found, self._place, self._row, self.positions = part.ranges()
        self.rows = len(self._row)

    def sizes(self, columns: Sequence[str] = TEXTS) -> Ints:
        """Bytes that each row has in the columns; they are not read for it."""
        found = np.zeros(self.rows, dtype=np.int64)
        for number, piece in enumerate(self._found):
            here = np.flatnonzero(self._place == number)
            found[here] = _sizes(piece.read(), columns)[self._row[here]]
        return found

    def read(self, start: int, stop: int, columns: Sequence[str] = SCHEMA.names) -> Any:
        """Rows ``start … stop`` as a table of plain arrays that hold no file open."""
        return self.pick(np.arange(start, stop), columns)

    def pick(self, wanted: Ints, columns: Sequence[str] = SCHEMA.names) -> Any:
        """Some rows, likewise."""
        place, row = self._place[wanted], self._row[wanted]
        tables, order = [], []
        for number in np.unique(place).tolist():
            here = np.flatnonzero(place == number)
            batch = self._found[number].read().select(list(columns))
            tables.append(pa.Table.from_batches([batch]).take(pa.array(row[here])))
            order.append(here)
        if not tables:
            return pa.schema([SCHEMA.field(name) for name in columns]).empty_table()
        table = pa.concat_tables(tables)
        if len(tables) > 1:
            back = np.empty(len(wanted), dtype=np.int64)
            back[np.concatenate(order)] = np.arange(len(wanted))
            table = table.take(pa.array(back))
        return table.combine_chunks()

    def tables(self, size: int, columns: Sequence[str]) -> Iterator[Any]:
        """All rows, at most ``size`` at a time."""
        for start in range(0, self.rows, size):
            yield self.read(start, min(start + size, self.rows), columns)


def ranges(most_rows: int, *limits: tuple[Ints, int]) -> Iterator[tuple[int, int]]:
    """Cuts rows into ranges ``start … stop`` of at most ``most_rows``; of each column of numbers a range has at most so
    much in sum, or one row."""
    sums = [(np.cumsum(numbers), most) for numbers, most in limits]
    rows, start = len(sums[0][0]), 0
    while start < rows:
        stop = min(start + most_rows, rows)
        for total, most in sums:
            held = total[start - 1] if start else 0
            stop = min(stop, int(np.searchsorted(total, held + most, side="right")))
        yield start, max(stop, start + 1)
        start = max(stop, start + 1)
