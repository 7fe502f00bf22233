"""Columns out of text: bytes are cut where numpy found the separators, and Arrow copies the pieces together.

Text of the input is Arrow ``binary``: what is not UTF-8 comes out as it came in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from annotator_hook.consequence.arrays import Bools, Bytes, Ints, blank

Column = Any
"""An Arrow array of strings or of binary."""
Places = npt.NDArray[np.int64]

TAB: Final = 9
LINE_END: Final = 10
CARRIAGE_RETURN: Final = 13
BINARY: Final = pa.binary()

IS_BASE: Final = np.zeros(256, dtype=np.bool_)
IS_BASE[list(b"ACGT")] = True
IS_DIGIT: Final = np.zeros(256, dtype=np.bool_)
IS_DIGIT[list(b"0123456789")] = True


def binary(texts: Sequence[bytes]) -> Column:
    """A column from Python's bytes."""
    return pa.array(texts, type=BINARY)


def empty(rows: int) -> Column:
    """A column of empty texts."""
    return blank(rows).cast(BINARY)


def find(data: Bytes, byte: int) -> Places:
    """Where the byte is."""
    return np.flatnonzero(data == byte)


def cut(data: Bytes, starts: Places, ends: Places) -> Column:
    """The pieces ``data[start:end]``, which must come one after the other without overlap."""
    count = len(starts)
    if count == 0:
        return pa.array([], type=BINARY)
    offsets = np.empty(2 * count, dtype=np.int32)
    offsets[0::2], offsets[1::2] = starts, ends
    with_gaps = pa.Array.from_buffers(BINARY, 2 * count - 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)])
    return with_gaps.take(pa.array(np.arange(0, 2 * count - 1, 2)))


def lengths(column: Column) -> Ints:
    """Bytes of each text."""
    return np.diff(offsets_of(column)).astype(np.int64)


def offsets_of(column: Column) -> npt.NDArray[np.int32]:
    """Where each text begins in the column's bytes, and at last where the last one ends."""
    raw = np.frombuffer(column.buffers()[1], dtype=np.int32)
    found: npt.NDArray[np.int32] = raw[column.offset : column.offset + len(column) + 1]
    return found


def bytes_of(column: Column) -> Bytes:
    """The column's bytes, to be read with `offsets_of`."""
    buffer = column.buffers()[2]
    return np.frombuffer(buffer or b"", dtype=np.uint8)


def all_in(column: Column, allowed: Bools) -> Bools:
    """Whether a text has allowed bytes only, and at least one."""
    offsets = offsets_of(column).astype(np.int64)
    low = offsets[0] if len(offsets) else 0
    bad = ~allowed[bytes_of(column)[low : offsets[-1]]]
    count = np.append(0, np.cumsum(bad))
    offsets = offsets - low
    found: Bools = (count[offsets[1:]] == count[offsets[:-1]]) & (np.diff(offsets) > 0)
    return found


def numbers(column: Column) -> tuple[Ints, Bools]:
    """Texts of one to nine digits as numbers, and which are such."""
    offsets, data = offsets_of(column).astype(np.int64), bytes_of(column)
    size = np.diff(offsets)
    good = all_in(column, IS_DIGIT) & (size <= 9)
    value = np.zeros(len(size), dtype=np.int64)
    for place in range(int(size[good].max(initial=0))):
        longer = np.flatnonzero(good & (size > place))
        value[longer] = value[longer] * 10 + (data[offsets[longer] + place] - 48)
    return value, good


def join(*parts: Column | str | bytes) -> Column:
    """The columns' texts put together row by row, as binary; a plain text stands for a column of itself."""
    same = [
        pa.scalar(part.encode() if isinstance(part, str) else part, type=BINARY)
        if isinstance(part, str | bytes)
        else part.cast(BINARY)
        for part in parts
    ]
    return pc.binary_join_element_wise(*same, pa.scalar(b"", type=BINARY))


def changed_where(column: Column, rows: Ints, change: Callable[[bytes], bytes]) -> Column:
    """The column with ``change`` applied to some rows."""
    if not len(rows):
        return column
    mask = np.zeros(len(column), dtype=np.bool_)
    mask[rows] = True
    new = binary([change(text) for text in column.take(pa.array(rows)).to_pylist()])
    return pc.replace_with_mask(column, pa.array(mask), new)


def whole(column: Column) -> memoryview:
    """The texts of a column one after the other, without a copy."""
    offsets = offsets_of(column)
    return memoryview(column.buffers()[2] or b"")[int(offsets[0]) : int(offsets[-1])]
