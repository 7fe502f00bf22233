"""Makes a pack's files out of a FASTA, a GFF3 and VCFs.

The same sources give the same bytes. Nothing here knows where the folder will stand or who reads it meanwhile.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from annotator_hook.consequence import store
from annotator_hook.consequence.genetic_code import STANDARD, codon_table
from annotator_hook.packs import format as packs
from annotator_hook.packs import sequence
from annotator_hook.packs.genes import split
from annotator_hook.packs.variants import Collector, Kind
from shared.core.errors import Permanent


@dataclass(frozen=True)
class ContigNames:
    """What a contig is called elsewhere."""

    aliases: tuple[str, ...] = ()
    accession: str = ""
    """For HGVS; the contig's own name where there is none."""
    molecule: str = "g"
    other_lengths: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class KnownVariants:
    """A VCF of known variants."""

    name: str
    """Of the file, for sentences."""
    kind: Kind
    open: Callable[[], AbstractContextManager[BinaryIO]]
    """Opens it, unpacked; it is read once, from start to end."""
    af_field: str = "AF"


@dataclass(frozen=True)
class Contents:
    """What a pack is to hold."""

    name: str
    title: str
    assembly: str
    sources: Sequence[Mapping[str, str]]
    """Of each: name, version, from, licence."""
    fasta: Path
    """Plain, gzip or bgzip."""
    gff3: Path
    """Plain or gzip."""
    version: str = ""
    """Empty: made of the contents, so that the same contents have the same version."""
    known: Sequence[KnownVariants] = ()
    genetic_codes: Mapping[str, int] = field(default_factory=dict)
    names: Mapping[str, ContigNames] = field(default_factory=dict)
    """By the contig's name in the FASTA."""
    af_source: str | None = None
    skip_missing_contigs: bool = False
    """Leave out gene models on contigs that the FASTA lacks."""


Tell = Callable[[str], None]
"""Is told each step in words."""


def assemble(contents: Contents, folder: Path, tell: Tell = lambda _: None) -> dict[str, Any]:
    """Writes the pack's files and its manifest into an empty folder; answers the manifest.

    Raises `Permanent` when the sources are damaged or do not fit each other.
    """
    tell("Writing the sequence")
    fasta, lengths = sequence.write(contents.fasta, folder)
    _check_names(contents, lengths)
    scratch = folder / ".scratch"
    scratch.mkdir()
    tell("Splitting the gene models by contig")
    models = scratch / "models.gff3"
    genes = split(contents.gff3, lengths, folder, models, skip_missing=contents.skip_missing_contigs)
    tell("Preparing the gene models")
    (folder / packs.STORE).mkdir()
    store.prepare(fasta, models, folder / packs.STORE, contents.genetic_codes)
    tables = _known(contents, lengths, folder, scratch, tell)
    shutil.rmtree(scratch)
    tell("Writing the manifest")
    contigs = [_contig(name, size, contents, genes.get(name), tables.get(name)) for name, size in lengths.items()]
    return _manifest(contents, fasta.name, contigs, folder)


def _known(contents: Contents, lengths: Mapping[str, int], folder: Path, scratch: Path, tell: Tell) -> dict[str, str]:
    """Contig → its table of known variants, where it has one."""
    if not contents.known:
        return {}
    collector = Collector(scratch, folder / packs.STORE, _by_alias(contents, lengths))
    for source in contents.known:
        tell(f"Reading {source.name}")
        with source.open() as lines:
            read = collector.add(lines, source.kind, source.name, af_field=source.af_field)
        tell(f"{source.name}: {read}")
        if not read.alleles:
            raise Permanent(f"{source.name} has no variant on the pack's contigs: {read}.")
    (folder / "known").mkdir()
    tables = {}
    for number, name in enumerate(lengths):
        file = f"known/{number}.arrow"
        if collector.write(name, folder / file):
            tables[name] = file
    return tables


def _contig(name: str, length: int, contents: Contents, genes: str | None, table: str | None) -> dict[str, Any]:
    names = contents.names.get(name, ContigNames())
    return {
        "name": name,
        "length": length,
        "genetic_code": contents.genetic_codes.get(name, STANDARD),
        "accession": names.accession or name,
        "molecule": names.molecule,
        "aliases": list(names.aliases),
        "other_lengths": {str(other): what for other, what in names.other_lengths.items()},
        "genes": genes,
        "known": table,
    }


def _manifest(contents: Contents, fasta: str, contigs: list[dict[str, Any]], folder: Path) -> dict[str, Any]:
    files = {
        str(path.relative_to(folder)): {"bytes": path.stat().st_size, "sha256": packs.sha256(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    described = {
        "format": packs.FORMAT,
        "name": contents.name,
        "title": contents.title,
        "assembly": contents.assembly,
        "version": contents.version,
        "sources": [dict(source) for source in contents.sources],
        "af_source": contents.af_source,
        "sequence": fasta,
        "contigs": contigs,
        "files": files,
    }
    if not contents.version:
        text = json.dumps(described, sort_keys=True)
        described["version"] = hashlib.sha256(text.encode()).hexdigest()[:12]
    (folder / packs.MANIFEST).write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    return described


def _check_names(contents: Contents, lengths: Mapping[str, int]) -> None:
    for name in (*contents.genetic_codes, *contents.names):
        if name not in lengths:
            raise Permanent(f"The contig {name} is given a name or a genetic code, but the FASTA lacks it.")
    for code in contents.genetic_codes.values():
        codon_table(code)
    _by_alias(contents, lengths)


def _by_alias(contents: Contents, lengths: Mapping[str, int]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in lengths:
        for alias in (name, *contents.names.get(name, ContigNames()).aliases):
            owner = found.setdefault(alias.lower(), name)
            if owner != name:
                raise Permanent(f"The contigs {owner} and {name} are both called {alias}.")
    return found
