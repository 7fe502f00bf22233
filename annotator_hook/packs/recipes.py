"""Recipes of packs that are downloaded: data, in ``recipes/NAME.json``.

A recipe says for each source what it is, its licence, where it lies (whole, or contig by contig), and how its
publisher gives checksums. ``contigs`` has a row for each sequence of the primary assembly: Ensembl's name, length,
RefSeq accession, GenBank accession, UCSC's name (NCBI's assembly reports of GCF_000001405.26 and .25).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from annotator_hook.packs.assemble import ContigNames
from shared.core.assemblies import YORUBA_LENGTH
from shared.core.errors import NotFound, Permanent

FOLDER: Final = Path(__file__).parent / "recipes"
MITOCHONDRION: Final = "MT"

ChecksumKind = Literal["sum", "md5", "google"]
"""A line in ``CHECKSUMS`` beside the file (`sum`'s values); a file of its own, ``.md5``; a header of the answer."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Model):
    """Something to download."""

    name: str
    version: str = ""
    """Empty: the file itself says it."""
    from_: str
    licence: str
    url: str = ""
    """Of the whole."""
    by_contig: str = ""
    """With ``{contig}`` in it."""
    contigs: tuple[str, ...] = ()
    """Those that `by_contig` has; empty for all chromosomes."""
    checksum: ChecksumKind
    tag: str = ""
    """Of an extra, in the pack's version."""
    af_source: str | None = None

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=lambda name: name.rstrip("_"))

    def describe(self, version: str = "") -> dict[str, str]:
        """As a manifest has it."""
        return {
            "name": self.name,
            "version": version or self.version,
            "from": self.from_,
            "licence": self.licence,
            "url": self.url or self.by_contig,
        }


class Recipe(_Model):
    """How a pack is made out of what others publish."""

    name: str
    title: str
    assembly: str
    release: str
    """Of Ensembl's gene models."""
    genetic_codes: dict[str, int]
    sequence: Source
    genes: Source
    clinvar: Source
    extras: dict[str, Source]
    contigs: tuple[tuple[str, int, str, str, str], ...]

    @property
    def chromosomes(self) -> tuple[str, ...]:
        """The contigs that can be chosen: those with a file of their own."""
        return tuple(name for name, *_ in self.contigs if len(name) <= 2)

    @property
    def lengths(self) -> dict[str, int]:
        """Contig → bases."""
        return {name: length for name, length, *_ in self.contigs}

    def choose(self, contigs: tuple[str, ...]) -> tuple[str, ...]:
        """These contigs in the recipe's order, whatever they are called. Raises `Permanent` for one that it lacks."""
        by_alias = {alias.lower(): row[0] for row in self.contigs for alias in (row[0], *row[2:])}
        chosen = {by_alias.get(name.lower(), name) for name in contigs}
        unknown = chosen - set(self.chromosomes)
        if unknown:
            raise Permanent(
                f"{self.name} has no chromosome {', '.join(sorted(unknown))} to install on its own; there are "
                f"{', '.join(self.chromosomes)}."
            )
        return tuple(name for name in self.chromosomes if name in chosen)

    def names(self, lengths: Mapping[str, int]) -> dict[str, ContigNames]:
        """What those of these contigs that the recipe knows, by name and length, are called elsewhere."""
        rows = {(row[0], row[1]): row for row in self.contigs}
        return {name: _names(rows[name, length]) for name, length in lengths.items() if (name, length) in rows}


def load(name: str, folder: Path = FOLDER) -> Recipe:
    """The recipe of that name. Raises `NotFound`."""
    path = folder / f"{name}.json"
    if not path.is_file():
        raise NotFound(f"There is no recipe for a pack {name}; there is: {', '.join(available(folder))}.")
    return Recipe.model_validate(json.loads(path.read_text(encoding="utf-8")))


def available(folder: Path = FOLDER) -> list[str]:
    """The names of all recipes."""
    return sorted(path.stem for path in folder.glob("*.json"))


def _names(row: tuple[str, int, str, str, str]) -> ContigNames:
    name, _, refseq, genbank, ucsc = row
    aliases = [ucsc, refseq, genbank]
    if name == MITOCHONDRION:
        return ContigNames(
            aliases=("M", "chrM", "chrMT", refseq, genbank),
            accession=refseq,
            molecule="m",
            other_lengths={YORUBA_LENGTH: "NC_001807, the Yoruba sequence that UCSC's hg19 calls chrM"},
        )
    return ContigNames(aliases=tuple(dict.fromkeys(alias for alias in aliases if alias != name)), accession=refseq)
