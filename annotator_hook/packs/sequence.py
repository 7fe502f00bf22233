"""The sequence of a pack: an indexed FASTA, written anew so that it can be indexed whatever its lines were like."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

import numpy as np
import pysam

from annotator_hook.packs.format import SMALL
from annotator_hook.packs.unpack import unpacked
from shared.core.errors import Permanent

WIDTH: Final = 60
"""Bases a line."""
_LETTERS: Final = np.zeros(256, dtype=np.bool_)
_LETTERS[np.frombuffer(b"ACGTUNRYKMSWBDHVacgtunrykmswbdhv", dtype=np.uint8)] = True
"""IUPAC's codes of nucleotides."""


def write(source: Path, folder: Path) -> tuple[Path, dict[str, int]]:
    """Writes the FASTA ``source`` with its index into the folder: a small one plain, any other one bgzipped.

    Answers the file and its contigs with their lengths. Raises `Permanent` when the source is no sound FASTA.
    """
    with unpacked(source) as lines:
        small = source.stat().st_size < SMALL and not source.name.endswith("gz")
        target = folder / ("sequence.fa" if small else "sequence.fa.gz")
        lengths: dict[str, int] = {}
        with _writing(target, packed=not small) as out:
            for name, bases in _contigs(lines, source.name):
                if name in lengths:
                    raise Permanent(f"{source.name} has two sequences named {name}.")
                lengths[name] = len(bases)
                out.write(f">{name}\n".encode())
                out.write(_wrapped(bases))
    pysam.faidx(str(target))
    return target, lengths


@contextmanager
def _writing(target: Path, *, packed: bool) -> Iterator[BinaryIO]:
    try:
        with cast("BinaryIO", pysam.BGZFile(str(target), "wb", None)) if packed else target.open("wb") as out:
            yield out
    except OSError as error:
        if error.errno is not None:
            raise
        raise OSError(errno.ENOSPC, f"{target.name} could not be written") from error  # BGZFile never says why


def _contigs(lines: BinaryIO, file: str) -> Iterator[tuple[str, np.ndarray[tuple[int], np.dtype[np.uint8]]]]:
    name, pieces = "", list[bytes]()

    def finished() -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
        bases = np.frombuffer(b"".join(pieces), dtype=np.uint8)
        if not len(bases):
            raise Permanent(f"The sequence {name} in {file} is empty.")
        wrong = np.flatnonzero(~_LETTERS[bases])
        if len(wrong):
            letter = chr(bases[wrong[0]])
            raise Permanent(
                f"The sequence {name} in {file} has {letter!r} at position {wrong[0] + 1:,}: that is no base."
            )
        return bases

    for line in lines:
        if line.startswith(b">"):
            if name:
                yield name, finished()
            name, pieces = (line[1:].split() or [b""])[0].decode("utf-8", "replace"), []
            if not name:
                raise Permanent(f"{file} has a sequence without a name.")
        elif name:
            pieces.append(line.strip())
        elif line.strip():
            raise Permanent(f"{file} is no FASTA: it does not begin with >.")
    if not name:
        raise Permanent(f"{file} is no FASTA: it has no line that begins with >.")
    yield name, finished()


def _wrapped(bases: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> bytes:
    whole = len(bases) - len(bases) % WIDTH
    lines = np.full((whole // WIDTH, WIDTH + 1), ord("\n"), dtype=np.uint8)
    lines[:, :WIDTH] = bases[:whole].reshape(-1, WIDTH)
    rest = bases[whole:].tobytes()
    return lines.tobytes() + (rest + b"\n" if rest else b"")
