"""Builds a pack from an operator's own files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from annotator_hook.packs import aliases
from annotator_hook.packs.assemble import Contents, ContigNames, KnownVariants, Tell, assemble
from annotator_hook.packs.shelf import Shelf
from annotator_hook.packs.unpack import unpacked
from annotator_hook.packs.variants import Kind

_HEAD_BYTES: Final = 65_536
_FILE_DATE: Final = re.compile(rb"^##fileDate=(\d{4})-?(\d{2})-?(\d{2})\s*$", re.MULTILINE)


@dataclass(frozen=True)
class OwnFiles:
    """What the operator gives."""

    name: str
    assembly: str
    fasta: Path
    gff3: Path
    title: str = ""
    version: str = ""
    licence: str = "not stated"
    """Of the files."""
    vcfs: tuple[Path, ...] = ()
    """Sites with dbSNP's ids and allele frequencies."""
    clinvar: Path | None = None
    genetic_codes: Mapping[str, int] = field(default_factory=dict)
    report: Path | None = None
    """NCBI's assembly report."""
    skip_missing_contigs: bool = False


def build(own: OwnFiles, shelf: Shelf, tell: Tell) -> Path:
    """Builds and installs the pack; answers its release. The same files twice give the same release.

    Raises `Permanent` when the files are damaged or do not fit each other, or the disk is full.
    """
    with shelf.building(own.name) as place:
        manifest = assemble(_contents(own), place, tell)
        return shelf.publish(place, manifest)


def file_date(head: bytes) -> str:
    """The date in a VCF's header, as ISO writes it; empty where there is none."""
    found = _FILE_DATE.search(head)
    return b"-".join(found.groups()).decode() if found else ""


def head_of(path: Path) -> bytes:
    """The beginning of a file, unpacked."""
    with unpacked(path) as lines:
        return lines.read(_HEAD_BYTES)


def _contents(own: OwnFiles) -> Contents:
    variants: list[tuple[Path, Kind, str]] = [(path, "sites", path.name) for path in own.vcfs]
    if own.clinvar is not None:
        variants.insert(0, (own.clinvar, "clinvar", "ClinVar"))

    def names(lengths: Mapping[str, int]) -> dict[str, ContigNames]:
        known = aliases.of_known_genomes(lengths)
        return known if own.report is None else known | aliases.of_report(own.report, lengths)

    def source(what: str, version: str, path: Path) -> dict[str, str]:
        return {"name": what, "version": version, "from": path.name, "licence": own.licence}

    return Contents(
        name=own.name,
        title=own.title or own.assembly,
        assembly=own.assembly,
        version=own.version,
        sources=[
            source("Reference sequence", own.assembly, own.fasta),
            source("Genes", "", own.gff3),
            *(source(what, file_date(head_of(path)), path) for path, _, what in variants),
        ],
        fasta=own.fasta,
        gff3=own.gff3,
        known=[_known(path, kind) for path, kind, _ in variants],
        genetic_codes=own.genetic_codes,
        names=names,
        skip_missing_contigs=own.skip_missing_contigs,
    )


def _known(path: Path, kind: Kind) -> KnownVariants:
    return KnownVariants(path.name, kind, lambda: unpacked(path))
