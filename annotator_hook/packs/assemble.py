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
from annotator_hook.packs.variants import Collector, Kind, Read
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
    names: Callable[[Mapping[str, int]], Mapping[str, ContigNames]] = lambda _: {}
    """From the contigs' lengths: what they are called elsewhere."""
    af_source: str | None = None
    skip_missing_contigs: bool = False
    """Leave out gene models on contigs that the FASTA lacks."""


Tell = Callable[[str], None]
"""Is told each step in words."""


def assemble(contents: Contents, folder: Path, tell: Tell = lambda _: None) -> dict[str, Any]:
    """Writes the pack's files and its manifest into an empty folder; answers the manifest.

    Raises `Permanent` when the sources are damaged or do not fit each other.
    """
    return _Assembly(contents, folder, tell).run()


class _Assembly:
    def __init__(self, contents: Contents, folder: Path, tell: Tell) -> None:
        self.contents = contents
        self.folder = folder
        self.tell = tell
        self.lengths: dict[str, int] = {}
        self.names: Mapping[str, ContigNames] = {}

    def run(self) -> dict[str, Any]:
        contents, engine, scratch = self.contents, self.folder / packs.STORE, self.folder / ".scratch"
        self.tell("Writing the sequence")
        fasta, self.lengths = sequence.write(contents.fasta, self.folder)
        self.names = contents.names(self.lengths)
        self._check_genetic_codes()
        by_alias = self._by_alias()
        engine.mkdir()
        scratch.mkdir()
        models = scratch / "models.gff3"
        self.tell("Splitting the gene models by contig")
        genes = split(contents.gff3, self.lengths, self.folder, models, skip_missing=contents.skip_missing_contigs)
        self.tell("Preparing the gene models")
        store.prepare(fasta, models, engine, contents.genetic_codes)
        collector = Collector(scratch, engine, by_alias)
        frequencies = [source.name for source in contents.known if "af" in self._read(source, collector).columns]
        tables = self._tables(collector)
        shutil.rmtree(scratch)
        self.tell("Writing the manifest")
        return self._manifest(
            sequence=fasta.name,
            af_source=contents.af_source or ", ".join(frequencies) or None,
            contigs=[self._contig(name, genes.get(name), tables.get(name)) for name in self.lengths],
        )

    def _read(self, source: KnownVariants, collector: Collector) -> Read:
        self.tell(f"Reading {source.name}")
        with source.open() as lines:
            read = collector.add(lines, source.kind, source.name)
        self.tell(f"{source.name}: {read}")
        if not read.alleles:
            raise Permanent(f"{source.name} has no variant on the pack's contigs: {read}.")
        return read

    def _tables(self, collector: Collector) -> dict[str, str]:
        """Contig → its table of known variants, where it has one."""
        tables = {}
        if self.contents.known:
            self.tell("Merging what is known of each allele")
            (self.folder / "known").mkdir()
        for number, name in enumerate(self.lengths):
            file = f"known/{number}.arrow"
            if collector.write(name, self.folder / file):
                tables[name] = file
        return tables

    def _contig(self, name: str, genes: str | None, table: str | None) -> dict[str, Any]:
        names = self.names.get(name, ContigNames())
        return {
            "name": name,
            "length": self.lengths[name],
            "genetic_code": self.contents.genetic_codes.get(name, STANDARD),
            "accession": names.accession or name,
            "molecule": names.molecule,
            "aliases": list(names.aliases),
            "other_lengths": {str(other): what for other, what in names.other_lengths.items()},
            "genes": genes,
            "known": table,
        }

    def _manifest(self, **parts: Any) -> dict[str, Any]:
        contents = self.contents
        manifest = {
            "format": packs.FORMAT,
            "name": contents.name,
            "title": contents.title,
            "assembly": contents.assembly,
            "version": contents.version,
            "sources": [dict(source) for source in contents.sources],
            **parts,
            "files": {
                str(path.relative_to(self.folder)): {"bytes": path.stat().st_size, "sha256": packs.sha256(path)}
                for path in sorted(self.folder.rglob("*"))
                if path.is_file()
            },
        }
        if not contents.version:
            text = json.dumps(manifest, sort_keys=True)
            manifest["version"] = hashlib.sha256(text.encode()).hexdigest()[:12]
        (self.folder / packs.MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        return manifest

    def _check_genetic_codes(self) -> None:
        for name, code in self.contents.genetic_codes.items():
            if name not in self.lengths:
                raise Permanent(f"The contig {name} is given a genetic code, but the FASTA lacks it.")
            codon_table(code)

    def _by_alias(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in self.lengths:
            for alias in (name, *self.names.get(name, ContigNames()).aliases):
                owner = found.setdefault(alias.lower(), name)
                if owner != name:
                    raise Permanent(f"The contigs {owner} and {name} are both called {alias}.")
        return found
