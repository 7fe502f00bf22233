"""A pack's gene models: a GFF3 of its own for each contig, so that a small job does not pay for the whole genome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import unquote_to_bytes

from annotator_hook.packs.unpack import unpacked
from shared.core.errors import Permanent

_BARE: Final = frozenset({b"biological_region", b"chromosome", b"scaffold", b"supercontig", b"region"})
"""Records that are no part of a gene."""
_SHOWN: Final = 5


def split(source: Path, lengths: Mapping[str, int], folder: Path, whole: Path, *, skip_missing: bool) -> dict[str, str]:
    """Writes ``genes/N.gff3`` for each contig that has genes; answers contig → file, relative to the folder.

    Args:
        source: Plain or gzip, in Ensembl's manner.
        lengths: The contigs of the sequence, in its order.
        folder: The pack's.
        whole: Where to write the gene models of all contigs. Its lines are numbered as those of the source, so that an
            error that is found in it names the line of the source; what is left out is an empty comment.
        skip_missing: Leave out contigs that the sequence lacks.

    Raises `Permanent` when the source has no gene models, or has some on contigs that the sequence lacks.
    """
    (folder / "genes").mkdir()
    splitter = _Splitter(lengths, folder)
    with unpacked(source) as lines, whole.open("wb") as every:
        try:
            for line in lines:
                if line.startswith(b"##FASTA"):
                    break
                every.write(line if splitter.take(line) else b"#\n")
        finally:
            splitter.close()
    if splitter.missing and not skip_missing:
        raise Permanent(
            f"{source.name} has gene models on contigs that the FASTA lacks: {_some(splitter.missing)}. "
            f"The FASTA has {_some(lengths)}. Rename them, or leave them out with --skip-missing-contigs."
        )
    if not splitter.files:
        raise Permanent(f"{source.name} has no gene models on the contigs of the FASTA.")
    return splitter.files


class _Splitter:
    def __init__(self, lengths: Mapping[str, int], folder: Path) -> None:
        self.files: dict[str, str] = {}
        self.missing: Counter[str] = Counter()
        self._lengths = lengths
        self._numbers = {name: number for number, name in enumerate(lengths)}
        self._folder = folder
        self._raw = b""
        self._contig = ""
        self._output: BinaryIO | None = None

    def take(self, line: bytes) -> bool:
        """Whether the line is to stand among the gene models of all contigs."""
        fields = line.split(b"\t", 3)
        if line.startswith(b"#") or len(fields) < 4:
            return True  # the reader of gene models says what is wrong with a line that is no record
        if fields[0] != self._raw:
            self._turn_to(fields[0])
        if fields[2] in _BARE:
            return False
        if self._contig not in self._numbers:
            self.missing[self._contig] += 1
            return False
        if self._output is None:
            self._output = self._open()
        self._output.write(line)
        return True

    def close(self) -> None:
        """Ends the contig's file."""
        if self._output is not None:
            self._output.close()
            self._output = None

    def _turn_to(self, raw: bytes) -> None:
        self.close()
        self._raw, self._contig = raw, unquote_to_bytes(raw).decode("utf-8", "replace")

    def _open(self) -> BinaryIO:
        path = self._folder / "genes" / f"{self._numbers[self._contig]}.gff3"
        output = path.open("ab")
        if self._contig not in self.files:
            self.files[self._contig] = str(path.relative_to(self._folder))
            output.write(
                f"##gff-version 3\n##sequence-region {self._raw.decode()} 1 {self._lengths[self._contig]}\n".encode()
            )
        return output


def _some(names: Mapping[str, int]) -> str:
    shown = ", ".join(list(names)[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")
