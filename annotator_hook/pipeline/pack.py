"""A reference pack: sequence, gene model, known variants, and what they are called, in one folder.

``manifest.json`` names the parts and carries the SHA-256 of each file; a pack that does not match it is not used.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from annotator_hook.pipeline.gene_model import GeneModel
from annotator_hook.pipeline.reference import Reference
from shared.core.errors import Permanent


@dataclass(frozen=True)
class Contig:
    """One sequence of the pack."""

    name: str
    length: int
    genetic_code: int
    """As `bcftools csq -C` counts them: 0 is the standard code, 2 that of vertebrate mitochondria."""
    accession: str
    """Before the colon in HGVS."""
    hgvs_type: str
    """``m`` for mitochondria, ``g`` otherwise."""
    aliases: tuple[str, ...]
    """Other names of the contig in files."""
    other_lengths: Mapping[int, str]
    """Length → which other sequence under the same name is that long."""


@dataclass(frozen=True)
class Pack:
    """A pack that is whole."""

    folder: Path
    manifest: Mapping[str, Any]
    contigs: tuple[Contig, ...]

    @property
    def name(self) -> str:
        return str(self.manifest["name"])

    @property
    def title(self) -> str:
        return str(self.manifest["title"])

    @property
    def assembly(self) -> str:
        return str(self.manifest["assembly"])

    @property
    def sources(self) -> list[dict[str, str]]:
        """Name, version and licence of what the pack was made from."""
        return list(self.manifest["sources"])

    @property
    def fasta(self) -> Path:
        return self.folder / str(self.manifest["sequence"])

    @property
    def gff3(self) -> Path:
        return self.folder / str(self.manifest["contigs"][0]["genes"])

    @property
    def clinvar(self) -> Path:
        return self.folder / "clinvar.vcf.gz"

    @cached_property
    def reference(self) -> Reference:
        return Reference(self.fasta)

    @cached_property
    def genes(self) -> GeneModel:
        return GeneModel.read(self.gff3)

    @cached_property
    def by_alias(self) -> dict[str, Contig]:
        """Any name of a contig, in lower case → the contig."""
        return {alias.lower(): contig for contig in self.contigs for alias in (contig.name, *contig.aliases)}

    def contig_names(self) -> str:
        """For sentences: each contig with its other names."""
        return "; ".join(
            contig.name + (f" (also called {', '.join(contig.aliases)})" if contig.aliases else "")
            for contig in self.contigs
        )


def load(folder: Path) -> Pack:
    """The pack in ``folder``. Raises `Permanent` naming the pack when it is missing or damaged."""
    name = folder.name
    try:
        text = (folder / "manifest.json").read_text(encoding="utf-8")
    except OSError:
        raise Permanent(f"The reference pack {name} is not installed in {folder.parent}.") from None
    try:
        manifest = json.loads(text)
        for file, expected in manifest["files"].items():
            if sha256(folder / file) != expected["sha256"]:
                raise Permanent(f"The reference pack {name} is damaged: {file} does not match its checksum.")
        pack = Pack(folder=folder, manifest=manifest, contigs=tuple(_contig(item) for item in manifest["contigs"]))
        lengths = {contig.name: contig.length for contig in pack.contigs}
        if pack.name != name or pack.reference.lengths != lengths:
            raise Permanent(f"The reference pack {name} is damaged: its manifest speaks of another sequence.")
        len(list(pack.genes))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Permanent(f"The reference pack {name} is damaged: {type(error).__name__}: {error}.") from error
    return pack


def sha256(path: Path) -> str:
    """The file's SHA-256, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _contig(item: Mapping[str, Any]) -> Contig:
    return Contig(
        name=item["name"],
        length=item["length"],
        genetic_code=item["genetic_code"],
        accession=item["accession"],
        hgvs_type=item["molecule"],
        aliases=tuple(item["aliases"]),
        other_lengths={int(length): name for length, name in item["other_lengths"].items()},
    )
