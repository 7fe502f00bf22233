"""Reads files whether they are packed or not."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

from shared.core.errors import Permanent

_GZIP: Final = b"\x1f\x8b"
_BGZIP: Final = b"\x1f\x8b\x08\x04"
_BGZIP_END: Final = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that ends a bgzip file (SAM specification, 4.1.2)."""


@contextmanager
def unpacked(path: Path) -> Iterator[BinaryIO]:
    """The contents of a file, plain, gzip or bgzip.

    Raises `Permanent` when it is missing, empty, damaged, or was cut off.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4)
            file.seek(max(0, path.stat().st_size - len(_BGZIP_END)))
            tail = file.read()
    except OSError as error:
        raise Permanent(f"{path} cannot be read: {error.strerror}.") from error
    if not head:
        raise Permanent(f"{path} is empty.")
    if head == _BGZIP and tail != _BGZIP_END:
        raise Permanent(f"{path} is cut off: it lacks the block that ends a bgzip file.")
    try:
        with cast("BinaryIO", gzip.open(path)) if head.startswith(_GZIP) else path.open("rb") as lines:
            yield lines
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Permanent(f"{path} is damaged: {error}.") from error
