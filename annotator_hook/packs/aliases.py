"""What contigs are called elsewhere: out of an NCBI assembly report, or out of the recipes for a genome that is known.

Format: tab-separated, the last comment line names the columns (NCBI, "Assembly report": Sequence-Name,
Assigned-Molecule, Assigned-Molecule-Location/Type, GenBank-Accn, RefSeq-Accn, Sequence-Length, UCSC-style-name).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from annotator_hook.packs import recipes
from annotator_hook.packs.assemble import ContigNames
from shared.core.errors import Permanent

_NAMES: Final = ("Sequence-Name", "UCSC-style-name", "RefSeq-Accn", "GenBank-Accn")
_NEEDED: Final = (*_NAMES, "Sequence-Length", "Sequence-Role", "Assigned-Molecule", "Assigned-Molecule-Location/Type")
_MITOCHONDRIAL: Final = frozenset({"mt", "m", "chrm", "chrmt", "mito", "mtdna", "mitochondrion"})


@dataclass(frozen=True)
class _Row:
    names: tuple[str, ...]
    length: int
    refseq: str
    mitochondrial: bool


def of_report(report: Path, lengths: Mapping[str, int]) -> dict[str, ContigNames]:
    """Names of the contigs that the report has, found by any name and by length.

    Raises `Permanent` when the file is no assembly report, or one that has none of the contigs.
    """
    rows = _read(report)
    by_name = {name.lower(): row for row in rows for name in row.names}
    found: dict[str, ContigNames] = {}
    for name, length in lengths.items():
        row = by_name.get(name.lower())
        if row is None:
            continue
        if row.length != length:
            raise Permanent(
                f"{report.name} says that {name} has {row.length:,} bases; the FASTA has {length:,}: it is the "
                f"report of another assembly."
            )
        found[name] = ContigNames(
            aliases=tuple(alias for alias in row.names if alias != name),
            accession=row.refseq,
            molecule="m" if row.mitochondrial else "g",
        )
    if not found:
        raise Permanent(f"{report.name} has none of the FASTA's contigs.")
    return found


def of_known_genomes(lengths: Mapping[str, int]) -> dict[str, ContigNames]:
    """Names of contigs that have name and length of a sequence in a recipe; mitochondria are known by their name."""
    known: dict[tuple[str, int], tuple[str, ...]] = {}
    names: dict[tuple[str, int], ContigNames] = {}
    for recipe in map(recipes.load, recipes.available()):
        for own, contig in recipe.names(recipe.lengths).items():
            length = recipe.lengths[own]
            for alias in (own, *contig.aliases):
                known[alias.lower(), length] = (own, *contig.aliases)
                names[alias.lower(), length] = contig
    found = {}
    for name, length in lengths.items():
        key = (name.lower(), length)
        if key in known:
            contig = names[key]
            aliases = tuple(alias for alias in known[key] if alias != name)
            found[name] = ContigNames(aliases, contig.accession, contig.molecule, contig.other_lengths)
        elif name.lower() in _MITOCHONDRIAL:
            found[name] = ContigNames(molecule="m")
    return found


def _read(report: Path) -> list[_Row]:
    columns: list[str] = []
    rows = []
    try:
        lines = report.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Permanent(f"{report} cannot be read: {error}.") from error
    for number, line in enumerate(lines, 1):
        if line.startswith("#"):
            columns = line.lstrip("# ").split("\t")
            continue
        if not line.strip():
            continue
        if any(name not in columns for name in _NEEDED):
            raise Permanent(f"{report.name} is no assembly report of NCBI: it does not name its columns.")
        fields = dict(zip(columns, line.split("\t"), strict=False))
        try:
            rows.append(_row(fields))
        except (KeyError, ValueError) as error:
            raise Permanent(f"Line {number} of {report.name} cannot be read: {error}.") from error
    return rows


def _row(fields: Mapping[str, str]) -> _Row:
    names = [fields[name] for name in _NAMES]
    if fields["Sequence-Role"] == "assembled-molecule":
        names.append(fields["Assigned-Molecule"])
    refseq = fields["RefSeq-Accn"]
    return _Row(
        names=tuple(dict.fromkeys(name for name in names if name not in ("", "na"))),
        length=int(fields["Sequence-Length"]),
        refseq="" if refseq == "na" else refseq,
        mitochondrial=fields["Assigned-Molecule-Location/Type"] == "Mitochondrion",
    )
