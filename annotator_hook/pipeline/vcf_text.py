"""The result as VCF: one line an allele, what GAS says of it behind what the record had in INFO."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotator_hook.consequence.arrays import Text, blank, digits, merge, scattered, text
from annotator_hook.consequence.output import HEADER
from annotator_hook.packs.format import PackContig
from annotator_hook.pipeline import columns
from annotator_hook.pipeline.header import Header, column_line

INFO_LINES: Final[dict[str, str]] = {
    "GAS_LINE": 'Number=1,Type=Integer,Description="Line of the input that the record comes from"',
    "GAS_ORIGINAL": "Number=1,Type=String,"
    'Description="The record as it came, where GAS writes it otherwise: CHROM:POS:REF:ALT, / between ALT alleles"',
    "GAS_ALLELE": 'Number=1,Type=Integer,Description="Which of the ALT alleles of GAS_ORIGINAL this is, from 1"',
    "GAS_HGVS": 'Number=1,Type=String,Description="HGVS name of the change in the sequence"',
    "BCSQ": "Number=.,Type=String,"
    'Description="Consequences as bcftools csq writes them: '
    'consequence|gene|transcript|biotype|strand|amino_acid_change|dna_change"',
    "CSQ": HEADER.removeprefix("##INFO=<ID=CSQ,").removesuffix(">"),
    "GAS_AF": 'Number=1,Type=Float,Description="Frequency of the allele, from the source that GAS_source names"',
    "ClinVar_ACC": 'Number=1,Type=String,Description="Accession in ClinVar"',
    "ClinVar_CLNSIG": 'Number=.,Type=String,Description="Clinical significance in ClinVar"',
    "ClinVar_STARS": 'Number=1,Type=Integer,Description="Review stars in ClinVar, 0 to 4"',
    "ClinVar_CLNDN": 'Number=.,Type=String,Description="Conditions in ClinVar, separated by |"',
}
"""The INFO keys that GAS adds → their declarations, without the ID."""


def head(
    header: Header, contigs: Iterable[PackContig], undeclared: Sequence[str], provenance: Mapping[str, str]
) -> bytes:
    """The header. ``undeclared``: lines for what the records use and the input's header does not declare."""
    lines = [f"##fileformat={header.fileformat}", *header.meta]
    lines += [f"##contig=<ID={contig.name},length={contig.length}>" for contig in contigs]
    lines += undeclared
    lines += [f"##INFO=<ID={key},{declaration}>" for key, declaration in INFO_LINES.items()]
    lines += [f"##GAS_{key}={value}" for key, value in provenance.items()]
    lines.append(column_line(header))
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")


def lines(contig: str, table: Any, hgvsg: Text, bcsq: Any, csq: Text, known: Any) -> Any:
    """One line of the VCF for each allele.

    Args:
        contig: The pack's name of it.
        table: Of `spool.SCHEMA`.
        hgvsg: HGVS names.
        bcsq: What `bcftools csq` says, empty for nothing; None for all.
        csq: The value of CSQ.
        known: As `known_sites.of` gives it.
    """
    field = {name: table.column(name).chunk(0) for name in table.column_names}
    parts: list[Any] = [f"{contig}\t", digits(field["pos"].to_numpy())]
    for name in ("id", "ref", "alt", "qual", "filter", "info"):
        parts += ["\t", field[name]]
    parts += [_where_filled(field["info"], ";"), "GAS_LINE=", digits(field["line"].to_numpy())]
    changed = np.flatnonzero(columns.lengths(field["original"]))
    if len(changed):
        rows = pa.array(changed)
        number = digits(field["number"].take(rows).to_numpy())
        own = columns.join(";GAS_ORIGINAL=", field["original"].take(rows), ";GAS_ALLELE=", number)
        parts.append(scattered(len(table), changed, own))
    parts += [";GAS_HGVS=", hgvsg]
    if bcsq is not None:
        parts += [_where_filled(bcsq, ";BCSQ="), bcsq]
    parts += [";CSQ=", csq, *_known(known)]
    if columns.lengths(field["genotypes"]).any():
        parts += ["\t", field["genotypes"]]
    return columns.join(*parts, "\n")


def _where_filled(column: Any, mark: str) -> Any:
    filled = (columns.lengths(column) > 0).astype(np.int64)
    return text(["", mark]).take(pa.array(filled))


def _known(known: Any) -> list[Any]:
    """INFO from ClinVar and of frequencies, with the semicolon before it."""
    parts: list[Any] = []
    rows = known.num_rows
    accession, af = known.column("clinvar_accession").chunk(0), known.column("af").chunk(0)
    if af.null_count < rows:
        value = pc.fill_null(af.cast(pa.string()), "")
        parts += [_where_filled(value, ";GAS_AF="), value]
    if accession.null_count == rows:
        return parts
    hits = np.flatnonzero(pc.is_valid(accession).to_numpy(zero_copy_only=False))
    said = known.take(pa.array(hits)).to_pylist()
    values = [
        f";ClinVar_ACC={row['clinvar_accession']}"
        f";ClinVar_CLNSIG={_value(row['clinvar_significance'])}"
        f";ClinVar_STARS={row['clinvar_stars'] or 0}"
        f";ClinVar_CLNDN={_value(row['clinvar_conditions'])}"
        for row in said
    ]
    return [*parts, merge(rows, (hits, text(values))) if values else blank(rows)]


def _value(words: str | None) -> str:
    """As ClinVar's own VCF writes it."""
    if not words:
        return "."
    return words.replace("; ", "|").replace(" ", "_").replace(";", "%3B").replace("=", "%3D")
