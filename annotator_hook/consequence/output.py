"""Annotations as text and tables: INFO/CSQ in the format of Ensembl VEP, and a table for TSV and Parquet.

Format: https://www.ensembl.org/info/docs/tools/vep/vep_formats.html#vcfout. Columns that gene models cannot fill are
left out; the header line says which there are and in which order, which is how readers of CSQ find them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotator_hook.consequence import terms
from annotator_hook.consequence.alleles import CLASSES
from annotator_hook.consequence.arrays import (
    Bools,
    Ints,
    Text,
    blank,
    combined,
    digits,
    distinct,
    join,
    merge,
    pick,
    text,
)
from annotator_hook.consequence.engine import Annotation
from annotator_hook.consequence.models import ContigModel

COLUMNS = (
    "Allele", "Consequence", "IMPACT", "SYMBOL", "Gene", "Feature_type", "Feature", "BIOTYPE", "EXON", "INTRON", "HGVSc",
    "HGVSp", "cDNA_position", "CDS_position", "Protein_position", "Amino_acids", "Codons", "Existing_variation",
    "DISTANCE", "STRAND", "FLAGS", "PICK", "VARIANT_CLASS", "SYMBOL_SOURCE", "HGNC_ID", "CANONICAL", "MANE", "TSL",
    "CCDS", "ENSP", "HGVS_OFFSET", "HGVSg",
)  # fmt: skip
"""The columns of a table of consequences."""

FIELDS = (*COLUMNS, "HAPLOTYPE")
"""The fields of CSQ in their order; HAPLOTYPE is empty but where `Writer.csq` is told what stands together."""

HEADER = (
    '##INFO=<ID=CSQ,Number=.,Type=String,Description="Consequence annotations in the format of Ensembl VEP. '
    f'Format: {"|".join(FIELDS)}">'
)
"""The line that declares CSQ in a VCF."""

_PICKED_CLASSES = text([f"{picked}|{name}|" for picked in ("", "1") for name in CLASSES])
"""PICK and VARIANT_CLASS, each with ``|`` behind it."""
_BEFORE = ("SYMBOL", "Gene", "Feature_type", "Feature", "BIOTYPE")
_AFTER = ("SYMBOL_SOURCE", "HGNC_ID", "CANONICAL", "MANE", "TSL", "CCDS", "ENSP")


class Writer:
    """Turns annotations of one contig into text; what each transcript always says is prepared once."""

    def __init__(self, model: ContigModel) -> None:
        self._model = model
        texts, count = model.texts, model.transcripts
        mane = np.where(model.mane_select, "MANE_Select", np.where(model.mane_plus_clinical, "MANE_Plus_Clinical", ""))
        self._values: dict[str, list[str]] = {
            "SYMBOL": texts["symbol"],
            "Gene": texts["gene_id"],
            "Feature_type": ["Transcript"] * count,
            "Feature": texts["transcript_id"],
            "BIOTYPE": texts["biotype"],
            "STRAND": [str(strand) for strand in model.strand.tolist()],
            "FLAGS": texts["flags"],
            "SYMBOL_SOURCE": texts["symbol_source"],
            "HGNC_ID": texts["hgnc_id"],
            "CANONICAL": ["YES" if canonical else "" for canonical in model.canonical.tolist()],
            "MANE": mane.tolist(),
            "TSL": texts["tsl"],
            "CCDS": texts["ccds"],
            "ENSP": texts["protein_id"],
        }
        self._before, self._after = self._constants(_BEFORE), self._constants(_AFTER)
        self._middle = join("|", self._constants(("STRAND", "FLAGS")))

    def _constants(self, names: tuple[str, ...]) -> Text:
        """For every transcript, and last for none, its values, each with ``|`` behind it."""
        rows = ["|".join((*values, "")) for values in zip(*(self._values[name] for name in names), strict=True)]
        return text([*rows, "|" * len(names)])

    @cached_property
    def _codes(self) -> dict[str, _Codes]:
        """For every transcript, and last for none, its values."""
        return {name: _Codes([*values, ""]) for name, values in self._values.items()}

    @cached_property
    def _merit(self) -> Ints:
        """What speaks for a transcript before any consequence does: MANE, canonical, protein-coding, length."""
        model = self._model
        coding = np.array([biotype == "protein_coding" for biotype in model.texts["biotype"]], dtype=np.bool_)
        ladder = (model.mane_select, model.mane_plus_clinical, model.canonical, coding)
        merit = np.zeros(len(coding), dtype=np.int64)
        for i, level in enumerate(ladder):
            merit += (~level).astype(np.int64) << (3 - i)
        return merit

    @cached_property
    def _length(self) -> Ints:
        model = self._model
        sizes = model.exon_end - model.exon_start + 1
        return np.bincount(model.exon_transcript, weights=sizes, minlength=model.transcripts).astype(np.int64)

    def picked(self, annotation: Annotation, preferred: Bools | None = None) -> Bools:
        """One row of each allele, as VEP picks it: MANE, canonical, protein-coding, most severe, longest, first.

        Args:
            annotation: Of a chunk.
            preferred: Rows that come before all others of their allele.
        """
        known = annotation.transcript >= 0
        transcript = np.where(known, annotation.transcript, 0)
        merit = self._merit[transcript] if self._model.transcripts else np.zeros(len(transcript), dtype=np.int64)
        length = self._length[transcript] if self._model.transcripts else merit
        key = ((np.where(known, merit, 15) << 5 | terms.severity(annotation.mask)) << 34) - np.minimum(length, 2**33)
        if preferred is not None:
            key += (~preferred).astype(np.int64) << 50
        best = np.minimum.reduceat(key, annotation.first_rows) if len(key) else key
        hit = np.flatnonzero(key == best[annotation.allele]) if len(key) else np.zeros(0, dtype=np.int64)
        _, first = np.unique(annotation.allele[hit], return_index=True)
        chosen = np.zeros(len(key), dtype=np.bool_)
        chosen[hit[first]] = True
        return chosen

    def entries(self, annotation: Annotation, *, existing: Text | None = None, haplotype: Text | None = None) -> Text:
        """One CSQ entry for every row.

        Args:
            annotation: Of a chunk.
            existing: Existing_variation of every allele: identifiers joined with ``&``.
            haplotype: HAPLOTYPE of every row.
        """
        alleles, allele = annotation.alleles, annotation.allele
        owner = np.where(annotation.transcript < 0, self._model.transcripts, annotation.transcript)
        masks, which = distinct(annotation.mask)
        called = text([f"|{terms.joined(mask)}|{terms.impact(mask)}|" for mask in masks.tolist()])
        picked_class = self.picked(annotation) * len(CLASSES) + alleles.kind[allele]
        return join(
            pick(alleles.names(), allele),
            combined((called, which), (self._before, owner)),
            annotation.exon,
            "|",
            annotation.intron,
            "|",
            annotation.hgvsc,
            self._exonic(annotation),
            pick(join(blank(len(alleles)) if existing is None else existing, "|"), allele),
            self._distances(annotation),
            combined((self._middle, owner), (_PICKED_CLASSES, picked_class), (self._after, owner)),
            self._offsets(annotation),
            pick(join("|", annotation.hgvsg, "|"), allele),
            *(() if haplotype is None else (haplotype,)),
        )

    @staticmethod
    def _exonic(annotation: Annotation) -> Text:
        """HGVSp to Codons, each between ``|``: empty for all but the few rows in exons."""
        rows = len(annotation.allele)
        # an HGVSp without a cDNA position exists where the 3' rule moves a variant into an exon
        filled = pc.not_equal(pc.add(pc.binary_length(annotation.cdna_position), pc.binary_length(annotation.hgvsp)), 0)
        full = np.flatnonzero(filled.to_numpy(zero_copy_only=False))
        columns = (
            annotation.hgvsp, annotation.cdna_position, annotation.cds_position, annotation.protein_position,
            annotation.amino_acids, annotation.codons,
        )  # fmt: skip
        parts = [part for column in columns for part in (pick(column, full), "|")]
        source = np.zeros(rows, dtype=np.int64)
        source[full] = np.arange(1, len(full) + 1)
        return pick(pa.concat_arrays([text(["|" * (len(columns) + 1)]), join("|", *parts)]), source)

    @staticmethod
    def _distances(annotation: Annotation) -> Text:
        beside = np.flatnonzero(annotation.distance >= 0)
        return merge(len(annotation.allele), (beside, digits(annotation.distance[beside])))

    @staticmethod
    def _offsets(annotation: Annotation) -> Text:
        named = pc.greater(pc.binary_length(annotation.hgvsc), 0).to_numpy(zero_copy_only=False)
        moved = np.flatnonzero((annotation.hgvs_offset != 0) & named)
        return merge(len(annotation.allele), (moved, digits(annotation.hgvs_offset[moved])))

    def csq(
        self,
        annotation: Annotation,
        records: Ints | None = None,
        *,
        existing: Text | None = None,
        haplotype: Text | None = None,
    ) -> Text:
        """The value of INFO/CSQ for every record.

        Args:
            annotation: Of a chunk.
            records: The first allele of each record, when records have several.
            existing: As for ``entries``.
            haplotype: Likewise.
        """
        first = annotation.first_rows
        starts = first if records is None else first[records]
        offsets = np.append(starts, len(annotation.allele)).astype(np.int32)
        return pc.binary_join(
            pa.ListArray.from_arrays(
                pa.array(offsets), self.entries(annotation, existing=existing, haplotype=haplotype)
            ),
            ",",
        )

    def table(self, annotation: Annotation, *, existing: Text | None = None) -> pa.Table:
        """The rows as columns named like CSQ's fields; text of few values is dictionary-encoded, empty text is null."""
        allele, rows = annotation.allele, len(annotation.allele)
        owner = np.where(annotation.transcript < 0, self._model.transcripts, annotation.transcript)
        masks, which = distinct(annotation.mask)
        known = {
            "Allele": pick(annotation.alleles.names(), allele),
            "Consequence": _Codes([terms.joined(mask) for mask in masks.tolist()]).of(which),
            "IMPACT": _Codes([str(terms.impact(mask)) for mask in masks.tolist()]).of(which),
            "EXON": annotation.exon,
            "INTRON": annotation.intron,
            "HGVSc": annotation.hgvsc,
            "HGVSp": annotation.hgvsp,
            "cDNA_position": annotation.cdna_position,
            "CDS_position": annotation.cds_position,
            "Protein_position": annotation.protein_position,
            "Amino_acids": annotation.amino_acids,
            "Codons": annotation.codons,
            "Existing_variation": blank(rows) if existing is None else pick(existing, allele),
            "DISTANCE": pa.array(annotation.distance, mask=annotation.distance < 0),
            "PICK": pa.array(self.picked(annotation)),
            "VARIANT_CLASS": _Codes(CLASSES).of(annotation.alleles.kind[allele]),
            "HGVS_OFFSET": pa.array(annotation.hgvs_offset, mask=annotation.hgvs_offset == 0),
            "HGVSg": pick(annotation.hgvsg, allele),
        }
        columns = [known[name] if name in known else self._codes[name].of(owner) for name in COLUMNS]
        return pa.table([_null_when_empty(column) for column in columns], names=list(COLUMNS))


class _Codes:
    """Texts as numbers and a dictionary without doubles."""

    def __init__(self, values: Sequence[str]) -> None:
        different = list(dict.fromkeys(values))
        number = {value: i for i, value in enumerate(different)}
        self._codes = np.array([number[value] for value in values], dtype=np.int32)
        self._empty = number.get("", -1)
        self._dictionary = text(different)

    def of(self, rows: Ints) -> pa.DictionaryArray:
        """The texts at ``rows``; null where empty."""
        indices = self._codes[rows]
        return pa.DictionaryArray.from_arrays(pa.array(indices, mask=indices == self._empty), self._dictionary)


def _null_when_empty(column: pa.Array) -> pa.Array:
    """The same text, not copied."""
    if not pa.types.is_string(column.type):
        return column
    _, offsets, data = column.buffers()
    places = np.frombuffer(offsets, dtype=np.int32)[column.offset : column.offset + len(column) + 1]
    valid = np.packbits(places[1:] > places[:-1], bitorder="little")
    return pa.StringArray.from_buffers(len(column), pa.py_buffer(places), data, pa.py_buffer(valid))
