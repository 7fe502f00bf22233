"""The result as Parquet: a row an allele in ``variants``, a row an allele and transcript in ``consequences``."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotator_hook.consequence import terms
from annotator_hook.consequence.alleles import CLASSES
from annotator_hook.consequence.arrays import Ints
from annotator_hook.consequence.engine import Annotation
from annotator_hook.consequence.output import COLUMNS
from annotator_hook.pipeline import columns, genotypes, haplotypes, known_sites
from annotator_hook.pipeline.tsv_text import MOST_GENOTYPE_COLUMNS, cells

_WORD: Final = pa.dictionary(pa.int32(), pa.string())
_COUNTS: Final = ("n_hom_ref", "n_het", "n_hom_alt", "n_missing")
_VARIANTS: Final = [
    ("id", pa.int32()),
    ("line", pa.int32()),
    ("contig", _WORD),
    ("pos", pa.int32()),
    ("ref", pa.string()),
    ("alt", pa.string()),
    ("original", pa.string()),
    ("ids", pa.string()),
    ("qual", pa.float32()),
    ("filter", _WORD),
    ("class", _WORD),
    ("hgvsg", pa.string()),
    ("gene", _WORD),
    ("gene_id", _WORD),
    ("transcript", _WORD),
    ("consequence", _WORD),
    ("impact", _WORD),
    ("picked_consequence", _WORD),
    ("hgvsc", pa.string()),
    ("hgvsp", pa.string()),
    ("clinvar_significance", _WORD),
    ("clinvar_stars", pa.int8()),
    ("clinvar_conditions", pa.string()),
    ("clinvar_accession", pa.string()),
    ("dbsnp", pa.string()),
    ("af", pa.float32()),
    *((name, pa.int32()) for name in _COUNTS),
    ("haplotype", pa.bool_()),
]
_NUMBER: Final = r"^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$"
_TYPES: Final = {
    **dict.fromkeys(COLUMNS, pa.string()),
    **dict.fromkeys(
        ("Consequence", "IMPACT", "VARIANT_CLASS", "SYMBOL", "Gene", "Feature_type", "Feature", "BIOTYPE", "STRAND",
         "FLAGS", "SYMBOL_SOURCE", "HGNC_ID", "CANONICAL", "MANE", "TSL", "CCDS", "ENSP"), _WORD,
    ),
    "DISTANCE": pa.int64(), "HGVS_OFFSET": pa.int64(), "PICK": pa.bool_(),
}  # fmt: skip
CONSEQUENCES: Final = pa.schema(
    [("variant", pa.int32()), *((name, _TYPES[name]) for name in COLUMNS), *haplotypes.COLUMNS]
)


def variants_schema(samples: int) -> Any:
    """With the genotypes of few samples."""
    calls = [("gt", pa.list_(pa.string()))] if 0 < samples <= MOST_GENOTYPE_COLUMNS else []
    return pa.schema([*_VARIANTS, *calls])


def worst(annotation: Annotation) -> Ints:
    """The most severe term of each allele over all transcripts, as an index into ``terms.TERMS``."""
    if not len(annotation.alleles):
        return np.zeros(0, dtype=np.int64)
    return terms.severity(np.bitwise_or.reduceat(annotation.mask, annotation.first_rows))


def variants(
    contig: str,
    table: Any,
    annotation: Annotation,
    rows: Any,
    chosen: Ints,
    known: Any,
    counts: genotypes.Counts | None,
    changed: Ints,
    samples: int,
) -> Any:
    """One row an allele; ``id`` counts from 0 in this chunk.

    Args:
        contig: The pack's name of it.
        table: Of `spool.SCHEMA`.
        annotation: Of its alleles.
        rows: The annotation's rows as a table.
        chosen: The row that stands for each allele.
        known: As `known_sites.of` gives it.
        counts: Of genotypes, where there are samples.
        changed: Alleles with a call that is another one on its haplotype.
        samples: How many there are.
    """
    count = len(table)
    field = {name: table.column(name).chunk(0) for name in table.column_names}
    picked = rows.select(["SYMBOL", "Gene", "Feature", "Consequence", "HGVSc", "HGVSp"]).take(pa.array(chosen))
    beside = pa.array(annotation.distance[chosen] >= 0)
    severity = worst(annotation)
    haplotype = np.zeros(count, dtype=np.bool_)
    haplotype[changed] = True
    made = {
        "id": pa.array(np.arange(count, dtype=np.int32)),
        "line": field["line"],
        "contig": pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, dtype=np.int32)), pa.array([contig])),
        "pos": field["pos"],
        "ref": field["ref"],
        "alt": field["alt"],
        "original": _text(field["original"]),
        "ids": _text(field["id"]),
        "qual": _number(field["qual"]),
        "filter": _text(field["filter"]).dictionary_encode(),
        "class": _coded(CLASSES, annotation.alleles.kind),
        "hgvsg": annotation.hgvsg,
        "gene": _without(picked.column("SYMBOL"), beside),
        "gene_id": _without(picked.column("Gene"), beside),
        "transcript": picked.column("Feature").chunk(0),
        "consequence": _coded(terms.TERMS, severity),
        "impact": _coded([str(impact) for impact in terms.IMPACTS], severity),
        "picked_consequence": picked.column("Consequence").chunk(0),
        "hgvsc": picked.column("HGVSc").chunk(0),
        "hgvsp": picked.column("HGVSp").chunk(0),
        "haplotype": pa.array(haplotype),
    }
    for name in known_sites.COLUMNS:
        value = known.column(name).chunk(0)
        made[name] = value.dictionary_encode() if name == "clinvar_significance" else value
    for name, column in zip(_COUNTS, counts or (None,) * len(_COUNTS), strict=True):
        made[name] = pa.nulls(count, pa.int32()) if column is None else pa.array(column.astype(np.int32))
    schema = variants_schema(samples)
    if "gt" in schema.names:
        made["gt"] = _genotypes(field["genotypes"], samples)
    return pa.table({name: made[name] for name in schema.names}, schema=schema)


def consequences(annotation: Annotation, rows: Any) -> Any:
    """One row an allele and transcript; ``variant`` counts from 0 in this chunk."""
    variant = pa.array(annotation.allele.astype(np.int32))
    return pa.table([variant, *rows.columns], schema=CONSEQUENCES)


def numbered(table: Any, name: str, first: int) -> Any:
    """The table with ``first`` added to its numbers of alleles."""
    numbers = table.column(name).to_numpy() + np.int32(first)
    return table.set_column(table.schema.get_field_index(name), table.schema.field(name), pa.array(numbers))


def _coded(values: Any, codes: Ints) -> Any:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(list(values), type=pa.string()))


def _without(column: Any, where: Any) -> Any:
    """Null there."""
    (chunk,) = column.chunks
    gone = pc.if_else(where, pa.scalar(None, pa.int32()), chunk.indices.cast(pa.int32()))
    return pa.DictionaryArray.from_arrays(gone, chunk.dictionary)


def _text(column: Any) -> Any:
    """Valid UTF-8; null for a dot or nothing."""
    empty = pc.or_(pc.equal(pc.binary_length(column), 0), pc.equal(column, pa.scalar(b".", type=columns.BINARY)))
    try:
        found = column.cast(pa.string())
    except pa.ArrowInvalid:
        found = pa.array([text.decode("utf-8", "replace") for text in column.to_pylist()], type=pa.string())
    return pc.if_else(empty, pa.scalar(None, pa.string()), found)


def _number(column: Any) -> Any:
    """Null for what is no number."""
    words = _text(column)
    return pc.if_else(pc.match_substring_regex(words, _NUMBER), words, pa.scalar(None, pa.string())).cast(pa.float32())


def _genotypes(text: Any, samples: int) -> Any:
    """Of each allele the samples' GT."""
    rows = len(text)
    flat = pa.concat_arrays([_valid(column) for column in genotypes.texts(text, samples)])
    order = np.arange(rows * samples, dtype=np.int64).reshape(samples, rows).T.ravel()
    offsets = pa.array(np.arange(0, rows * samples + 1, samples, dtype=np.int32))
    return pa.ListArray.from_arrays(offsets, flat.take(pa.array(order)))


def _valid(column: Any) -> Any:
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        return cells(column).cast(pa.string())
