"""The alleles that will be annotated, on disk in the order of the input, and handed out in the order of the genome.

One line of VCF an allele. In memory are two numbers a line, not the lines.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Self

import pysam

from annotator_hook.pipeline.header import Header
from annotator_hook.pipeline.pack import Contig

_POSITION_BITS = 40


def encode(text: str) -> bytes:
    """The inverse of how `Source` reads: bytes that are not UTF-8 come out as they came in."""
    return text.encode("utf-8", "surrogateescape")


class Spool:
    """Add lines within a ``with`` block, then read `in_order`."""

    def __init__(self, path: Path, header: Header, contigs: Sequence[Contig]) -> None:
        self._path = path
        self._ranks = {contig.name: rank for rank, contig in enumerate(contigs)}
        self._places = array("q")
        self._offsets = array("q")
        self._lines = array("q")
        self._has_samples = bool(header.samples)
        self._file: BinaryIO = path.open("wb", buffering=1 << 20)
        head = [f"##fileformat={header.fileformat}", *header.meta]
        head += [f"##contig=<ID={contig.name},length={contig.length}>" for contig in contigs]
        head.append(column_line(header))
        start = encode("\n".join(head) + "\n")
        self._file.write(start)
        self._offset = len(start)

    def add(self, contig: str, pos: int, line: int, text: str) -> None:
        """``text`` without its end; ``line`` is the input's."""
        data = encode(text) + b"\n"
        self._places.append(self._ranks[contig] << _POSITION_BITS | pos)
        self._offsets.append(self._offset)
        self._lines.append(line)
        self._file.write(data)
        self._offset += len(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is added any more."""
        self._file.close()

    def unreadable(self) -> set[int]:
        """Lines of the input whose genotype columns htslib cannot read, so that no tool could read the result.

        Without samples nothing can be wrong: htslib takes any INFO.
        """
        if not self._has_samples or not self._offsets:
            return set()
        bad: set[int] = set()
        verbosity = pysam.set_verbosity(0)
        try:
            with pysam.VariantFile(str(self._path)) as file:
                for line in self._lines:
                    try:
                        next(file)
                    except (OSError, ValueError):  # htslib goes on with the next line
                        bad.add(line)
        finally:
            pysam.set_verbosity(verbosity)
        return bad

    def in_order(self, without: set[int]) -> Iterator[tuple[int, str]]:
        """The input's line number and the text, by contig and position, but for the input's lines ``without``."""
        order: Sequence[int] = range(len(self._places))
        if any(self._places[n] > self._places[n + 1] for n in range(len(self._places) - 1)):
            order = sorted(order, key=self._places.__getitem__)
        with self._path.open("rb", buffering=1 << 18) as file:
            expected = -1
            for number in order:
                offset = self._offsets[number]
                if offset != expected:
                    file.seek(offset)
                data = file.readline()
                expected = offset + len(data)
                if self._lines[number] not in without:
                    yield self._lines[number], data[:-1].decode("utf-8", "surrogateescape")


def column_line(header: Header) -> str:
    """The line that starts with #CHROM."""
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]
    return "\t".join([*columns, "FORMAT", *header.samples] if header.samples else columns)
