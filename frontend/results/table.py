"""One page of the table: which columns, in which order, which rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import duckdb
from werkzeug.datastructures import MultiDict

from frontend.results.filters import Filter

PAGE_SIZE: Final = 50


@dataclass(frozen=True)
class Column:
    """A column that the table can have. ``reads``: the index's columns that its cells are made of."""

    name: str
    title: str
    reads: tuple[str, ...]
    sort: str | None = None
    """What it is sorted by, first without `-`."""
    meaning: str = ""
    is_number: bool = False


COLUMNS: Final[Mapping[str, Column]] = {
    column.name: column
    for column in (
        Column("variant", "Variant", ("contig", "pos", "ref", "alt"), "id", "Contig, position, alleles"),
        Column("gene", "Gene", ("gene", "near"), "gene", "Of the picked transcript; pale when the variant lies beside it"),
        Column("consequence", "Consequence", ("consequence", "picked_consequence"), "severity", "The most severe over all transcripts; beneath it the picked one's, where that is another"),
        Column("impact", "Impact", ("impact",), "severity", "Of the most severe consequence"),
        Column("hgvsc", "HGVS c.", ("hgvsc",), "hgvsc", "Change of the picked transcript"),
        Column("hgvsp", "HGVS p.", ("hgvsp",), "hgvsp", "Change of the picked transcript's protein"),
        Column("hgvsg", "HGVS g.", ("hgvsg",), "id", "Change of the reference sequence"),
        Column("clinvar", "ClinVar", ("clinvar_significance", "clinvar_stars"), "clinvar_significance"),
        Column("condition", "Condition", ("clinvar_conditions",), "clinvar_conditions", "As ClinVar names it"),
        Column("af", "Frequency", ("af",), "af", "Allele frequency in the population that the pack names", True),
        Column("ids", "Ids", ("ids", "dbsnp"), "coalesce(dbsnp, ids)", "From dbSNP, and from the file"),
        Column("zygosity", "Het / hom", ("n_het", "n_hom_alt"), "n_hom_alt * 2 + n_het", "Samples with one copy / with two"),
        Column("genotypes", "Genotypes", ("gt",), None, "Each sample's GT"),
        Column("qual", "QUAL", ("qual",), "qual", "From the file", True),
        Column("filter", "FILTER", ("filter",), "filter", "From the file"),
        Column("class", "Class", ("class",), "class"),
        Column("transcript", "Transcript", ("transcript",), "transcript", "The picked one"),
        Column("line", "Line", ("line",), "line", "In the uploaded file", True),
    )
}  # fmt: skip
DEFAULT: Final = ("variant", "gene", "consequence", "impact", "hgvsc", "hgvsp", "clinvar", "af", "zygosity")
_ALWAYS: Final = ("id", "contig", "pos", "ref", "alt", "haplotype")


@dataclass(frozen=True)
class View:
    """How the filtered variants are shown."""

    sort: str = "variant"
    descending: bool = False
    page: int = 1
    columns: tuple[str, ...] = DEFAULT
    default: tuple[str, ...] = DEFAULT
    """The columns that an address need not name."""

    @classmethod
    def parse(cls, args: MultiDict[str, str], default: tuple[str, ...] = DEFAULT) -> View:
        """From a query string; what makes no sense is as if it were not there."""
        sort = args.get("sort", "")
        name = sort.removeprefix("-")
        known = name in COLUMNS and COLUMNS[name].sort is not None
        wanted = {text for raw in args.getlist("columns") for text in raw.split(",")}
        columns = tuple(column for column in COLUMNS if column in wanted)
        page = args.get("page", "")
        number = int(page) if page.isascii() and page.isdigit() and len(page) <= 7 else 1
        return cls(
            sort=name if known else "variant",
            descending=known and sort.startswith("-"),
            page=max(number, 1),
            columns=columns or default,
            default=default,
        )

    def pairs(self, **changes: Any) -> dict[str, str | None]:
        """For a query string, without what goes without saying."""
        view = replace(self, **changes)
        order = ("-" if view.descending else "") + view.sort
        return {
            "sort": order if order != "variant" else None,
            "columns": ",".join(view.columns) if view.columns != view.default else None,
            "page": str(view.page) if view.page != 1 else None,
        }

    def sorted_by(self, name: str) -> dict[str, str | None]:
        """The query for a click on that column's head: the first click sorts up, the second down."""
        return self.pairs(sort=name, descending=self.sort == name and not self.descending, page=1)


def default_columns(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """`DEFAULT`, without the frequency where no variant's is known: an empty column would push others out of sight."""
    known = connection.execute("SELECT 1 FROM variants WHERE af IS NOT NULL LIMIT 1").fetchone()
    return DEFAULT if known else tuple(name for name in DEFAULT if name != "af")


def pages(total: int) -> int:
    """How many there are; one even when it is empty."""
    return max(1, -(-total // PAGE_SIZE))


def rows(connection: duckdb.DuckDBPyConnection, chosen: Filter, view: View, total: int) -> list[dict[str, Any]]:
    """The rows of one page. ``total`` is the number under the filter.

    Beyond the middle it is read from the end, so that the last page is as quick as the first.
    """
    offset = (view.page - 1) * PAGE_SIZE
    size = min(PAGE_SIZE, total - offset)
    if size <= 0:
        return []
    backwards = offset > total // 2
    where = chosen.where()
    found = connection.execute(
        f"SELECT id FROM variants WHERE {where.sql} ORDER BY {_order(view, backwards=backwards)} LIMIT ? OFFSET ?",
        [*where.parameters, size, total - offset - size if backwards else offset],
    ).fetchall()
    ids = [row[0] for row in (reversed(found) if backwards else found)]
    return read(connection, ids, [name for column in view.columns for name in COLUMNS[column].reads])


def read(connection: duckdb.DuckDBPyConnection, ids: Sequence[int], names: Sequence[str]) -> list[dict[str, Any]]:
    """The variants with these ids, in this order."""
    if not ids:
        return []
    columns = list(dict.fromkeys([*_ALWAYS, *names]))
    marks = ", ".join("?" * len(ids))
    found = connection.execute(f"SELECT {', '.join(columns)} FROM variants WHERE id IN ({marks})", list(ids)).fetchall()
    by_id = {row[0]: dict(zip(columns, row, strict=True)) for row in found}
    return [by_id[number] for number in ids]


def _order(view: View, *, backwards: bool) -> str:
    """What is not known comes last, whichever way it is sorted."""
    expression = COLUMNS[view.sort].sort
    down = "DESC" if view.descending != backwards else "ASC"
    nulls = "FIRST" if backwards else "LAST"
    if expression == "id":
        return f"id {down}"
    return f"{expression} {down} NULLS {nulls}, id {'DESC' if backwards else 'ASC'}"
