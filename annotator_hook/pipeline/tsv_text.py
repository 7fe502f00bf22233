"""The result as a table: one line an allele and transcript that it touches; of one that touches none, its nearest.

Flanking transcripts beyond that are in the VCF's CSQ and the Parquet file alone, as there are twenty of them a variant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotator_hook.consequence.arrays import Ints, Text, blank, digits, pick
from annotator_hook.consequence.engine import Annotation
from annotator_hook.pipeline import columns, genotypes

MOST_GENOTYPE_COLUMNS: Final = 20
"""Samples beyond which tables have no genotypes: the VCF has them."""

_ALLELE: Final = ("contig", "pos", "ref", "alt", "hgvs_g")
_ROW: Final = {
    "gene": "SYMBOL",
    "consequence": "Consequence",
    "impact": "IMPACT",
    "hgvs_c": "HGVSc",
    "hgvs_p": "HGVSp",
}
_KNOWN: Final = (
    "clinvar_significance",
    "clinvar_stars",
    "clinvar_conditions",
    "clinvar_accession",
    "dbsnp",
    "af",
)
_DETAIL: Final = {
    "variant_class": "VARIANT_CLASS",
    "gene_id": "Gene",
    "transcript": "Feature",
    "biotype": "BIOTYPE",
    "canonical": "CANONICAL",
    "mane": "MANE",
    "strand": "STRAND",
    "distance": "DISTANCE",
    "exon": "EXON",
    "intron": "INTRON",
    "cdna_position": "cDNA_position",
    "cds_position": "CDS_position",
    "protein_position": "Protein_position",
    "amino_acids": "Amino_acids",
    "codons": "Codons",
}
_HAPLOTYPE: Final = ("hap_consequence", "hap_impact", "hap_hgvsp", "hap_with", "hap_copies")
_RECORD: Final = ("id", "qual", "filter", "line", "original")
TSV_COLUMNS: Final = (*_ALLELE, *_ROW, *_KNOWN, *_DETAIL, *_HAPLOTYPE, *_RECORD)
_FORMULA: Final = (b"=", b"+", b"-", b"@")
_STARTS: Final = np.zeros(256, dtype=np.bool_)
_STARTS[list(b"=+-@")] = True
_NUMBER: Final = re.compile(rb"-?\d+(\.\d+)?([eE][-+]?\d+)?")
_PLAIN: Final = np.zeros(256, dtype=np.bool_)
_PLAIN[[9, *range(32, 127)]] = True


def head(samples: Sequence[str]) -> bytes:
    """The line of the columns' names."""
    shown = samples if len(samples) <= MOST_GENOTYPE_COLUMNS else []
    names = [cell(f"GT:{name}".encode("utf-8", "surrogateescape")) for name in shown]
    return b"\t".join([*(name.encode() for name in TSV_COLUMNS), *names]) + b"\n"


def cell(value: bytes) -> bytes:
    """Untrusted text for a table: valid UTF-8, on one line, and nothing that a spreadsheet takes for a formula."""
    if not value.isascii() or b"\r" in value:
        value = value.decode("utf-8", "replace").replace("\r", " ").encode()
    if value[:1] in _FORMULA and not _NUMBER.fullmatch(value):
        return b"'" + value
    return value


def cells(column: Any) -> Any:
    """`cell` of each text."""
    offsets, data = columns.offsets_of(column).astype(np.int64), columns.bytes_of(column)
    if not len(column) or offsets[0] == offsets[-1]:
        return column
    odd = np.append(0, np.cumsum(~_PLAIN[data[offsets[0] : offsets[-1]]]))
    relative = offsets - offsets[0]
    strange = odd[relative[1:]] > odd[relative[:-1]]
    filled = offsets[1:] > offsets[:-1]
    strange |= filled & _STARTS[data[np.minimum(offsets[:-1], len(data) - 1)]]
    return columns.changed_where(column.cast(columns.BINARY), np.flatnonzero(strange), cell)


def rows_of(annotation: Annotation) -> Ints:
    """The rows of an annotation that the table shows."""
    touching = (annotation.transcript >= 0) & (annotation.distance < 0)
    first = annotation.first_rows()
    none = np.add.reduceat(touching, first) == 0 if len(first) else np.zeros(0, dtype=np.bool_)
    far = np.where(annotation.distance < 0, 0, annotation.distance) << 32 | np.arange(len(annotation.allele))
    nearest = np.minimum.reduceat(far, first)[none] & 0xFFFFFFFF if len(first) else first
    shown = touching.copy()
    shown[nearest] = True
    return np.flatnonzero(shown)


def lines(contig: str, table: Any, annotation: Annotation, rows: Any, known: Any, samples: int) -> Any:
    """The lines, in the order of the alleles.

    Args:
        contig: The pack's name of it.
        table: Of `spool.SCHEMA`.
        annotation: Of its alleles.
        rows: The rows of the annotation as a table, with those of haplotypes.
        known: As `known_sites.of` gives it.
        samples: How many there are.
    """
    shown = rows_of(annotation)
    allele = annotation.allele[shown]
    taken = rows.take(pa.array(shown))
    field = {name: table.column(name).chunk(0) for name in table.column_names}
    before = columns.join(f"{contig}\t", digits(field["pos"].to_numpy()), "\t", field["ref"], "\t", field["alt"], "\t",
                          annotation.hgvsg)  # fmt: skip
    middle = columns.join(*(part for name in _KNOWN for part in ("\t", cells(_plain(known.column(name))))))
    after: list[Any] = []
    for name in _RECORD:
        value = digits(field[name].to_numpy()) if name == "line" else cells(field[name])
        after += ["\t", value]
    if 0 < samples <= MOST_GENOTYPE_COLUMNS:
        for value in genotypes.texts(field["genotypes"], samples):
            after += ["\t", cells(value)]
    parts: list[Any] = [before.take(pa.array(allele))]
    for name in _ROW.values():
        parts += ["\t", _row(taken, name)]
    parts.append(middle.take(pa.array(allele)))
    for name in _DETAIL.values():
        parts += ["\t", _row(taken, name)]
    for name in _HAPLOTYPE:
        parts += ["\t", _row(taken, name)]
    return columns.join(*parts, columns.join(*after, "\n").take(pa.array(allele)))


def _row(table: Any, name: str) -> Any:
    column = _plain(table.column(name))
    if name in ("Amino_acids", "Codons"):
        return cells(column)
    return column


def _plain(column: Any) -> Text:
    """As text, empty for null."""
    (chunk,) = column.chunks if column.num_chunks else (pa.nulls(0, pa.string()),)
    if pa.types.is_dictionary(chunk.type):
        codes = pc.fill_null(chunk.indices, -1).to_numpy().astype(np.int64)
        return pick(chunk.dictionary, codes)
    if chunk.null_count == len(chunk):
        return blank(len(chunk))
    return pc.fill_null(chunk.cast(pa.string()), "")
