"""The column types of the engine, and the few operations on them that numpy and Arrow lack.

Numbers are numpy arrays, text is Arrow string arrays: Arrow gathers and joins strings without making Python objects,
which is what keeps a million variants at a few seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Text = Any
"""An Arrow string array (Arrow has no types of its own for mypy)."""


_EMPTY = pa.array([""])


def text(values: Sequence[str]) -> Text:
    """A column of strings."""
    return pa.array(values, type=pa.string())


def blank(rows: int) -> Text:
    """A column of ``rows`` empty strings."""
    return pa.StringArray.from_buffers(rows, pa.py_buffer(np.zeros(rows + 1, dtype=np.int32)), pa.py_buffer(b""))


def pick(values: Text, rows: Ints) -> Text:
    """``values[rows]``; a row of -1 gives an empty string."""
    if len(rows) == 0:
        return blank(0)
    if rows.min() < 0:
        values, rows = pa.concat_arrays([values, _EMPTY]), np.where(rows < 0, len(values), rows)
    return values.take(pa.array(rows))


def join(*parts: Text) -> Text:
    """The columns' strings put together row by row; a plain string stands for a column of itself."""
    return pc.binary_join_element_wise(*parts, "")


def combined(*parts: tuple[Text, Ints]) -> Text:
    """``join`` of ``pick(values, rows)`` for each part, where rows repeat few combinations: each is made once."""
    key = parts[0][1]
    for values, rows in parts[1:]:
        key = key * len(values) + rows
    combinations, which = distinct(key)
    pieces = []
    for values, _ in parts[:0:-1]:
        combinations, rows = np.divmod(combinations, len(values))
        pieces.append(pick(values, rows))
    pieces.append(pick(parts[0][0], combinations))
    return pick(join(*pieces[::-1]), which)


def digits(numbers: Ints) -> Text:
    """Decimal text."""
    return pa.array(numbers).cast(pa.string())


def merge(rows: int, *pieces: tuple[Ints, Text]) -> Text:
    """A column of ``rows`` strings from pieces ``(row numbers, strings)``; rows that no piece names are empty."""
    used = [(where, _whole(strings)) for where, strings in pieces if len(where)]
    if not used:
        return blank(rows)
    if len(used) == 1 and (used[0][0][1:] > used[0][0][:-1]).all():
        return scattered(rows, *used[0])
    total = sum(len(where) for where, _ in used)
    source = np.full(rows, total, dtype=np.int64)
    offset = 0
    for where, _ in used:
        source[where] = np.arange(offset, offset + len(where))
        offset += len(where)
    return pa.concat_arrays([*(strings for _, strings in used), _EMPTY]).take(pa.array(source))


def scattered(rows: int, where: Ints, strings: Text) -> Text:
    """A column of ``rows`` strings, those at ``where`` (ascending) from ``strings``, the others empty; not copied."""
    _, offsets, data = strings.buffers()
    places = np.frombuffer(offsets, dtype=np.int32)[strings.offset : strings.offset + len(strings) + 1]
    sizes = np.zeros(rows + 1, dtype=np.int32)
    sizes[0] = places[0]
    sizes[where + 1] = np.diff(places)
    begins = pa.py_buffer(np.cumsum(sizes, dtype=np.int32))
    return pa.Array.from_buffers(strings.type, rows, [None, begins, data or pa.py_buffer(b"")])


def _whole(strings: Text) -> Text:
    """One array, where there are several chunks."""
    if not hasattr(strings, "chunks"):
        return strings
    return strings.chunk(0) if strings.num_chunks == 1 else pa.concat_arrays(strings.chunks)


def distinct(numbers: Ints) -> tuple[Ints, Ints]:
    """The numbers that occur, and for each row which one it has; like ``numpy.unique`` unsorted, and much quicker."""
    coded = pa.array(numbers).dictionary_encode()
    return coded.dictionary.to_numpy(), coded.indices.to_numpy().astype(np.int64)


def spread(counts: Ints) -> tuple[Ints, Ints]:
    """For rows that each stand for ``counts`` items: every item's row, and its number (from 0) within the row."""
    rows = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    first = np.cumsum(counts) - counts
    return rows, np.arange(len(rows), dtype=np.int64) - first[rows]
