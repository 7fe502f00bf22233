"""A genome prepared for the engine: written once when a pack is installed, opened in milliseconds by a job.

A folder holds ``contigs.json`` and for each contig ``<number>.seq``, its bases as plain upper-case ASCII, which a job
maps into memory and shares with its neighbours, and ``<number>.npz``, its gene models.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from annotator_hook.consequence import fasta
from annotator_hook.consequence.arrays import Bytes
from annotator_hook.consequence.genetic_code import STANDARD
from annotator_hook.consequence.gff import GeneModelError, read_transcripts
from annotator_hook.consequence.models import FORMAT, ContigModel, build

INDEX = "contigs.json"


@dataclass(frozen=True, eq=False)
class Contig:
    """What the engine needs to know of a contig."""

    model: ContigModel
    sequence: Bytes


def prepare(sequence: Path, gff3: Path, folder: Path, genetic_codes: Mapping[str, int] | None = None) -> None:
    """Writes a genome into an empty folder.

    Args:
        sequence: FASTA, plain or gzip.
        gff3: The gene models, plain or gzip, the lines of a contig standing together; contigs named as in the FASTA.
        folder: Where to; it exists.
        genetic_codes: NCBI's numbers for the contigs that do not use the standard code.

    Raises:
        GeneModelError: the files contradict themselves or each other.
    """
    codes = genetic_codes or {}
    lengths: dict[str, int] = {}
    for name, bases in _read_fasta(sequence):
        if name in lengths:
            raise GeneModelError(f"The FASTA has two sequences named {name}.")
        (folder / f"{len(lengths)}.seq").write_bytes(bases)
        lengths[name] = len(bases)
    numbers = {name: number for number, name in enumerate(lengths)}
    modelled = set()
    with _open(gff3) as lines:
        for name, transcripts in read_transcripts(raw.decode() for raw in lines):
            if name not in numbers:
                raise GeneModelError(f"The gene models have a contig {name} that the FASTA lacks.")
            mapped = _map(folder / f"{numbers[name]}.seq", lengths[name])
            build(name, transcripts, mapped, codes.get(name, STANDARD)).save(folder / f"{numbers[name]}.npz")
            modelled.add(name)
    for name in lengths.keys() - modelled:
        empty = np.zeros(lengths[name], dtype=np.uint8)
        build(name, [], empty, codes.get(name, STANDARD)).save(folder / f"{numbers[name]}.npz")
    index = {"format": FORMAT, "contigs": lengths}
    (folder / INDEX).write_text(json.dumps(index))


def contigs(folder: Path) -> dict[str, int]:
    """Names and lengths of the contigs of a prepared genome, in the order of its FASTA.

    Raises:
        GeneModelError: the folder is damaged or of another version.
    """
    try:
        index = json.loads((folder / INDEX).read_text())
        lengths = {str(name): int(length) for name, length in index["contigs"].items()}
        version = index["format"]
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise GeneModelError(f"{folder / INDEX} cannot be read: {error}") from error
    if version != FORMAT:
        raise GeneModelError(f"{folder} was built by another version of GAS; build the pack again.")
    return lengths


def open_contig(folder: Path, name: str) -> Contig:
    """One contig of a prepared genome.

    Raises:
        GeneModelError: there is none of that name, or its files are damaged.
    """
    lengths = contigs(folder)
    if name not in lengths:
        raise GeneModelError(f"{folder.name} has no contig {name}.")
    number = list(lengths).index(name)
    model = ContigModel.load(folder / f"{number}.npz")
    return Contig(model, _map(folder / f"{number}.seq", lengths[name]))


def _map(path: Path, length: int) -> Bytes:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise GeneModelError(f"{path.name} is missing: {error}") from error
    if size != length:
        raise GeneModelError(f"{path.name} has {size} bases instead of {length}.")
    return np.asarray(np.memmap(path, dtype=np.uint8, mode="r")) if length else np.zeros(0, dtype=np.uint8)


def _open(path: Path) -> BinaryIO:
    """A text file of lines, unpacked when it is packed."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast("BinaryIO", gzip.open(path)) if packed else path.open("rb")


def _read_fasta(path: Path) -> Iterator[tuple[str, bytes]]:
    named = False
    with _open(path) as file:
        for name, letters in fasta.read(file):
            if not name:
                raise GeneModelError(f"{path.name} is no FASTA file: it has letters without a name before them.")
            named = True
            yield name, letters.upper()
    if not named:
        raise GeneModelError(f"{path.name} is no FASTA file: it has no line that begins with >.")
