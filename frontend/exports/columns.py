"""What exports say of a variant, and of each of its transcripts, as SQL over the tables of `frontend.results.store`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from frontend.exports.selection import Selection

VARIANT: Final = (
    "contig", "pos", "ref", "alt", "original", "ids", "qual", "filter", "line", "class", "hgvsg", "gene", "gene_id",
    "transcript", "consequence", "impact", "picked_consequence", "hgvsc", "hgvsp", "clinvar_significance",
    "clinvar_stars", "clinvar_conditions", "clinvar_accession", "dbsnp", "af", "n_hom_ref", "n_het", "n_hom_alt",
    "n_missing", "haplotype",
)  # fmt: skip
"""Columns of ``variants``, in the order of an export."""
OF_THE_PICKED: Final = ("gene", "gene_id", "transcript", "picked_consequence", "hgvsc", "hgvsp", "hgvsg")
"""Left out where every transcript has a line of its own, which says the same of itself."""

_FLOATS: Final = ("FLOAT", "DOUBLE")
_HARMLESS: Final = r"[-+]?[0-9.]*([eE][-+]?[0-9]+)?|-/[A-Za-z*?.-]*"
"""Begins as a formula does and is none: a number, the codons or residues of an insertion."""


@dataclass(frozen=True)
class Column:
    """``sql`` gives its value, of ``kind``, a type of DuckDB."""

    name: str
    sql: str
    kind: str

    @property
    def is_number(self) -> bool:
        """Whether spreadsheets should add it up."""
        return self.kind in {"TINYINT", "UTINYINT", "SMALLINT", "INTEGER", "BIGINT", *_FLOATS}

    @property
    def exact(self) -> str:
        """As JSON takes it: a 32-bit 0.01 as 0.01 and not as 0.009999999776."""
        return f"CAST(CAST({self.sql} AS VARCHAR) AS DOUBLE)" if self.kind in _FLOATS else self.sql

    @property
    def text(self) -> str:
        """As a table of text takes it: no tab, no line end, nothing that a spreadsheet takes for a formula."""
        if self.kind == "BOOLEAN":
            return f"CASE WHEN {self.sql} THEN 'yes' ELSE '' END"
        if self.is_number:
            return self.sql
        flat = f"translate(CAST({self.sql} AS VARCHAR), chr(9) || chr(10) || chr(13), '   ')"
        return (
            f"CASE WHEN left({flat}, 1) IN ('=', '+', '-', '@') AND NOT regexp_full_match({flat}, '{_HARMLESS}') "
            f"THEN '''' || {flat} ELSE {flat} END"
        )


def harmless(text: str) -> str:
    """As `Column.text`, for a heading."""
    flat = re.sub(r"\s", " ", text)
    return f"'{flat}" if flat[:1] in {"=", "+", "-", "@"} and not re.fullmatch(_HARMLESS, flat) else flat


def of_variants(selection: Selection, *, each_transcript: bool = False) -> list[Column]:
    """What is said of a variant, and what each sample has (``gt:NAME``)."""
    kinds = _kinds(selection, "variants")
    wanted = [name for name in VARIANT if not (each_transcript and name in OF_THE_PICKED)]
    found = [Column(name, f'v."{name}"', kinds[name]) for name in wanted if name in kinds]
    return found + [
        Column(f"gt:{name}", f"v.gt[{place}]", "VARCHAR") for place, name in enumerate(selection.samples, 1)
    ]


def of_consequences(selection: Selection) -> list[Column]:
    """What is said of each transcript, under VEP's names."""
    kinds = _kinds(selection, "consequences")
    return [Column(name, f'c."{name}"', kind) for name, kind in kinds.items() if name != "variant"]


def rows(expression: str, *, each_transcript: bool = False) -> str:
    """A query for a piece of the selection; its parameters are first and last id, twice, or three times with
    ``each_transcript``."""
    source = "FROM matched AS m JOIN variants AS v ON v.id = m.id"
    if each_transcript:
        source += " LEFT JOIN (FROM consequences WHERE variant BETWEEN ? AND ?) AS c ON c.variant = v.id"
    ordered = order(each_transcript=each_transcript)
    return f"SELECT {expression} {source} WHERE m.id BETWEEN ? AND ? AND v.id BETWEEN ? AND ? {ordered}"


def order(*, each_transcript: bool = False) -> str:
    """Of the rows: as in the genome, and of a variant's transcripts the picked one first."""
    return "ORDER BY v.id" + (", c.PICK DESC NULLS LAST, c.Feature" if each_transcript else "")


def joined(columns: Sequence[Column]) -> str:
    """An expression for a line of tab-separated text."""
    return "concat(" + ", chr(9), ".join(column.text for column in columns) + ", chr(10))"


def _kinds(selection: Selection, table: str) -> dict[str, str]:
    """Column → type. Dictionaries of text are text."""
    described = selection.connection.execute(f"DESCRIBE {table}").fetchall()
    return {row[0]: "VARCHAR" if row[1].startswith("ENUM") else row[1] for row in described}
