"""Reads FASTA in blocks instead of lines: a genome has fifty million of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

BLOCK: Final = 16 << 20
_BLANKS: Final = b" \t\r\n"


def read(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """Each sequence's name (the word after ``>``) and its letters, as they stand.

    What stands before the first ``>`` comes as a sequence without a name, unless it is blank.
    """
    name, pieces, pending, begun = "", list[bytes](), b"\n", False
    while True:
        block = file.read(BLOCK)
        text, start = pending + block, 0
        at = text.find(b"\n>")
        while at >= 0:
            end = text.find(b"\n", at + 1)
            if end < 0 and block:
                break
            pieces.append(text[start:at])
            letters = b"".join(pieces).translate(None, _BLANKS)
            if begun or letters:
                yield name, letters
            start = end if end >= 0 else len(text)
            header = text[at + 2 : start].split()
            name, pieces, begun = (header[0].decode("utf-8", "replace") if header else ""), [], True
            at = text.find(b"\n>", start)
        if not block:
            pieces.append(text[start:])
            letters = b"".join(pieces).translate(None, _BLANKS)
            if begun or letters:
                yield name, letters
            return
        keep = at if at >= 0 else len(text) - 1  # the last letter may be the line end before a name
        pieces.append(text[start:keep])
        pending = text[keep:]
