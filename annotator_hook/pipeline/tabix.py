"""The tabix index of a VCF, made while it is written: no second pass over it.

Format: https://samtools.github.io/hts-specs/tabix.pdf. Offsets are virtual ones: where a block of BGZF begins in the
file, and where a line begins in the block.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from annotator_hook.consequence.arrays import Ints, spread
from annotator_hook.pipeline import bgzf

MOST_BASES: Final = 1 << 29
"""The longest contig that the format can index."""
_WINDOW: Final = 14
_LEVELS: Final = ((14, 4681), (17, 585), (20, 73), (23, 9), (26, 1))
"""Bits of a bin's size, and the number of the first bin of that size."""
_TOTALS: Final = 37450
"""The bin that is none: it carries counts."""


@dataclass(frozen=True, eq=False)
class Entries:
    """What the index says of some lines of one contig; offsets count from where they begin in the file."""

    bins: Ints
    starts: Ints
    ends: Ints
    """Runs of lines of one bin: from offset to offset."""
    windows: Ints
    first: Ints
    """Windows of 16 kb with a line in them, and the offset of the first one."""
    lines: int

    @classmethod
    def of(cls, first: Ints, last: Ints, offsets: Ints) -> Entries:
        """Lines sorted by position.

        Args:
            first: First base of each, from 0.
            last: Last base of each.
            offsets: Virtual offset of each line, and of what follows the last one.
        """
        bins = np.zeros(len(first), dtype=np.int64)
        for bits, base in reversed(_LEVELS):
            same = first >> bits == last >> bits
            bins[same] = base + (first[same] >> bits)
        begins = np.flatnonzero(np.append(True, np.diff(bins) != 0))
        owner, step = spread((last >> _WINDOW) - (first >> _WINDOW) + 1)
        windows, lowest = np.unique((first >> _WINDOW)[owner] + step, return_index=True)
        return cls(
            bins=bins[begins],
            starts=offsets[begins],
            ends=offsets[np.append(begins[1:], len(first))],
            windows=windows,
            first=offsets[owner[lowest]],
            lines=len(first),
        )


def write(path: Path, contigs: Sequence[tuple[str, Sequence[tuple[int, Entries]]]]) -> None:
    """Writes the index: for each contig, in the file's order, the entries and where in the file each of them begins."""
    names = b"".join(name.encode() + b"\x00" for name, _ in contigs)
    parts = [b"TBI\x01", struct.pack("<8i", len(contigs), 2, 1, 2, 0, ord("#"), 0, len(names)), names]
    for _, entries in contigs:
        parts.append(_contig(entries))
    path.write_bytes(bgzf.pack(b"".join(parts)) + bgzf.END)


def _contig(entries: Sequence[tuple[int, Entries]]) -> bytes:
    chunks: dict[int, list[tuple[int, int]]] = {}
    linear: list[int] = []
    for start, some in entries:
        base = start << 16
        for number, begin, end in zip(
            *(column.tolist() for column in (some.bins, some.starts, some.ends)), strict=True
        ):
            held = chunks.setdefault(number, [])
            if held and (held[-1][1] >> 16) == (base + begin) >> 16:  # the same block: read at once anyway
                held[-1] = (held[-1][0], base + end)
            else:
                held.append((base + begin, base + end))
        for window, offset in zip(some.windows.tolist(), some.first.tolist(), strict=True):
            if window >= len(linear):  # windows without lines take the offset of those before
                linear += [linear[-1] if linear else 0] * (window - len(linear)) + [base + offset]
    parts = [struct.pack("<i", len(chunks) + 1)]
    for number, held in chunks.items():
        parts.append(struct.pack("<Ii", number, len(held)))
        parts += [struct.pack("<2Q", *chunk) for chunk in held]
    low = min(held[0][0] for held in chunks.values())
    high = max(held[-1][1] for held in chunks.values())
    lines = sum(some.lines for _, some in entries)
    parts.append(struct.pack("<Ii4Q", _TOTALS, 2, low, high, lines, 0))
    parts.append(struct.pack(f"<i{len(linear)}Q", len(linear), *linear))
    return b"".join(parts)
