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

from annotator_hook.consequence import terms
from annotator_hook.consequence.alleles import CLASSES
from annotator_hook.consequence.arrays import Ints, Text, blank, combined, digits, distinct, merge, pick, text
from annotator_hook.consequence.engine import Annotation
from annotator_hook.consequence.models import ContigModel
from annotator_hook.pipeline import columns, genotypes, haplotypes

MOST_GENOTYPE_COLUMNS: Final = 20
"""Samples beyond which tables have no genotypes: the VCF has them."""

_KNOWN: Final = ("clinvar_significance", "clinvar_stars", "clinvar_conditions", "clinvar_accession", "dbsnp", "af")
_TRANSCRIPT: Final = {
    "gene_id": "gene_id",
    "transcript": "transcript_id",
    "biotype": "biotype",
    "canonical": "",
    "mane": "",
    "strand": "",
}
"""Columns that a transcript always fills alike → where the gene models have them, if as text."""
_EXONIC: Final = ("cdna_position", "cds_position", "protein_position", "amino_acids", "codons")
_HAPLOTYPE: Final = tuple(haplotypes.COLUMNS.names)
_RECORD: Final = ("id", "qual", "filter", "line", "original")
TSV_COLUMNS: Final = (
    *("contig", "pos", "ref", "alt", "hgvs_g", "gene", "consequence", "impact", "hgvs_c", "hgvs_p"),
    *(*_KNOWN, "variant_class", *_TRANSCRIPT, "distance", "exon", "intron", *_EXONIC, *_HAPLOTYPE, *_RECORD),
)
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
    first = annotation.first_rows
    none = np.add.reduceat(touching, first) == 0 if len(first) else np.zeros(0, dtype=np.bool_)
    far = np.where(annotation.distance < 0, 0, annotation.distance) << 32 | np.arange(len(annotation.allele))
    nearest = np.minimum.reduceat(far, first)[none] & 0xFFFFFFFF if len(first) else first
    shown = touching.copy()
    shown[nearest] = True
    return np.flatnonzero(shown)


class Table:
    """The lines of one contig; what each transcript always says is prepared once."""

    def __init__(self, contig: str, model: ContigModel) -> None:
        self._contig = contig
        values = {name: model.texts[source] for name, source in _TRANSCRIPT.items() if source}
        values["canonical"] = np.where(model.canonical, "YES", "").tolist()
        mane = np.where(model.mane_plus_clinical, "MANE_Plus_Clinical", "")
        values["mane"] = np.where(model.mane_select, "MANE_Select", mane).tolist()
        values["strand"] = [str(strand) for strand in model.strand.tolist()]
        rows = ["\t".join(row) for row in zip(*(values[name] for name in _TRANSCRIPT), strict=True)]
        self._transcripts = text([*(f"{row}\t" for row in rows), "\t" * len(_TRANSCRIPT)])
        self._symbols = text([*model.texts["symbol"], ""])

    def lines(self, records: Any, annotation: Annotation, known: Any, calls: Any, samples: int) -> Any:
        """The lines, in the order of the alleles.

        Args:
            records: A table of `spool.SCHEMA`.
            annotation: Of its alleles.
            known: As `known_sites.of` gives it.
            calls: `haplotypes.COLUMNS` of the annotation's rows.
            samples: How many there are.
        """
        shown = rows_of(annotation)
        allele = annotation.allele[shown]
        owner = np.where(annotation.transcript[shown] < 0, len(self._symbols) - 1, annotation.transcript[shown])
        masks, which = distinct(annotation.mask[shown])
        said = text([f"\t{terms.joined(mask)}\t{terms.impact(mask)}\t" for mask in masks.tolist()])
        classes = text([f"\t{name}\t" for name in CLASSES])
        kind = annotation.alleles.kind[allele]
        return columns.join(
            self._before(records, annotation).take(pa.array(allele)),
            combined((self._symbols, owner), (said, which)),
            pick(annotation.hgvsc, shown),
            "\t",
            _unescaped(pick(annotation.hgvsp, shown)),
            _known(known).take(pa.array(allele)) if _any(known) else "\t" * len(_KNOWN),
            combined((classes, kind), (self._transcripts, owner)),
            _where(annotation.distance[shown]),
            "\t",
            pick(annotation.exon, shown),
            "\t",
            pick(annotation.intron, shown),
            _exonic(annotation, shown),
            _haplotypes(calls, shown) if _any(calls) else "\t" * len(_HAPLOTYPE),
            _record(records, samples).take(pa.array(allele)),
        )

    def _before(self, records: Any, annotation: Annotation) -> Any:
        pos, ref, alt = (records.column(name).chunk(0) for name in ("pos", "ref", "alt"))
        place = digits(pos.to_numpy())
        return columns.join(f"{self._contig}\t", place, "\t", ref, "\t", alt, "\t", annotation.hgvsg, "\t")


def _any(table: Any) -> bool:
    """Whether there is any value in it."""
    return any(column.null_count < len(column) for column in table.columns)


def _known(known: Any) -> Any:
    return columns.join(*(part for name in _KNOWN for part in ("\t", cells(_filled(known.column(name))))))


def _haplotypes(calls: Any, rows: Ints) -> Any:
    taken = calls.take(pa.array(rows))
    return columns.join(
        *(part for name in _HAPLOTYPE for part in ("\t", _unescaped(_filled(taken.column(name).combine_chunks()))))
    )


def _record(records: Any, samples: int) -> Any:
    parts: list[Any] = []
    for name in _RECORD:
        column = records.column(name).chunk(0)
        parts += ["\t", digits(column.to_numpy()) if name == "line" else cells(column)]
    if 0 < samples <= MOST_GENOTYPE_COLUMNS:
        for value in genotypes.texts(records.column("genotypes").chunk(0), samples):
            parts += ["\t", cells(value)]
    return columns.join(*parts, "\n")


def _where(distance: Ints) -> Text:
    beside = np.flatnonzero(distance >= 0)
    return merge(len(distance), (beside, digits(distance[beside])))


def _exonic(annotation: Annotation, rows: Ints) -> Any:
    """Positions, amino acids and codons: empty for all but the few rows in exons."""
    position = pick(annotation.cdna_position, rows)
    full = np.flatnonzero(columns.lengths(position))
    parts: list[Any] = []
    for name in _EXONIC:
        column = pick(getattr(annotation, name), rows[full])
        parts += ["\t", cells(column) if name in ("amino_acids", "codons") else column]
    source = np.zeros(len(rows), dtype=np.int64)
    source[full] = np.arange(1, len(full) + 1)
    return pa.concat_arrays([columns.binary([b"\t" * len(_EXONIC)]), columns.join(*parts)]).take(pa.array(source))


def _unescaped(column: Any) -> Any:
    """With an equals sign: INFO alone needs it escaped."""
    return pc.replace_substring(column, "%3D", "=")


def _filled(column: Any) -> Text:
    """As text, empty for null."""
    (chunk,) = column.chunks if isinstance(column, pa.ChunkedArray) else (column,)
    return blank(len(chunk)) if chunk.null_count == len(chunk) else pc.fill_null(chunk.cast(pa.string()), "")
