"""BGZF, the gzip that can be read from any of its blocks on; pieces of a file that put together make the whole.

Format: SAM specification (SAMv1.pdf), section 4.1. ISA-L packs five times as fast as zlib's quickest level, as small.
"""

from __future__ import annotations

import shutil
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
from isal import igzip_lib, isal_zlib

from annotator_hook.consequence.arrays import Ints

BLOCK: Final = 0xFF00
"""Unpacked bytes of a block, as htslib has it."""
END: Final = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that ends a file."""
_HEAD: Final = struct.Struct("<4BI2BH2B2H")
_TAIL: Final = struct.Struct("<2I")
_AROUND: Final = _HEAD.size + _TAIL.size


class Piece:
    """Blocks on disk, without the one that ends a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("wb")
        self._held = b""
        self._starts = [0]
        """Packed offset of each block, and of the next one."""
        self.unpacked = 0
        self.lines = 0

    def write(self, data: bytes | memoryview) -> None:
        self.unpacked += len(data)
        view = memoryview(data)
        if self._held:
            missing = BLOCK - len(self._held)
            self._held += bytes(view[:missing])
            view = view[missing:]
            if len(self._held) < BLOCK:
                return
            self._block(self._held)
        whole = len(view) - len(view) % BLOCK
        for start in range(0, whole, BLOCK):
            self._block(view[start : start + BLOCK])
        self._held = bytes(view[whole:])

    def _block(self, data: bytes | memoryview) -> None:
        packed = packed_block(data)
        self._file.write(packed)
        self._starts.append(self._starts[-1] + len(packed))

    def close(self) -> None:
        if self._held:
            self._block(self._held)
            self._held = b""
        self._file.close()

    def virtual(self, offsets: Ints) -> Ints:
        """Virtual offsets of unpacked ones, after `close`."""
        starts = np.array(self._starts, dtype=np.int64)
        found: Ints = starts[offsets // BLOCK] << 16 | offsets % BLOCK
        return found


def packed_block(data: bytes | memoryview) -> bytes:
    """At most `BLOCK` bytes as one block."""
    packed = igzip_lib.compress(data, 1, igzip_lib.COMP_DEFLATE)
    if len(packed) > BLOCK:  # noise: stored as it is
        store = zlib.compressobj(0, zlib.DEFLATED, -15)
        packed = store.compress(data) + store.flush()
    head = _HEAD.pack(31, 139, 8, 4, 0, 0, 255, 6, 66, 67, 2, len(packed) + _AROUND - 1)
    return head + packed + _TAIL.pack(isal_zlib.crc32(data), len(data))


def pack(data: bytes) -> bytes:
    """All of a text as blocks, without the one that ends a file."""
    return b"".join(packed_block(data[start : start + BLOCK]) for start in range(0, len(data), BLOCK))


def put_together(target: Path, head: bytes, pieces: Iterable[Path]) -> list[int]:
    """Writes a whole file and removes the pieces; answers where each of them begins in it."""
    starts = []
    with target.open("wb") as file:
        file.write(pack(head))
        for path in pieces:
            starts.append(file.tell())
            with path.open("rb") as piece:
                shutil.copyfileobj(piece, file, 1 << 20)
            path.unlink()
        file.write(END)
    return starts
