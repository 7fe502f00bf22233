"""A report of the filtered view as one HTML file: no script, nothing from anywhere else, fit for printing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import render_template

from frontend.exports.selection import Selection
from frontend.jobs.presentation import Bar, bars
from frontend.results.vocabulary import IMPACTS

MOST_ROWS: Final = 1000
"""Variants in the report's table, those with the most severe consequences."""
MOST_BARS: Final = 15
BINS: Final = 120
"""Along the longest contig."""
MOST_CONTIGS: Final = 30

_SHOWN: Final = (
    "id", "contig", "pos", "ref", "alt", "gene", "transcript", "consequence", "impact", "hgvsc", "hgvsp",
    "clinvar_significance", "clinvar_stars", "clinvar_conditions", "dbsnp", "ids", "af", "n_het", "n_hom_alt", "haplotype",
)  # fmt: skip


@dataclass(frozen=True)
class Chart:
    """A table of bars."""

    title: str
    bars: Sequence[Bar]
    more: int = 0
    """Bars that are not shown."""


@dataclass(frozen=True)
class Strip:
    """Where variants lie along one contig: ``x``, ``width``, ``height`` of each column, in hundredths."""

    contig: str
    total: int
    columns: Sequence[tuple[float, float, float]]


def html(selection: Selection, about: Mapping[str, str]) -> bytes:
    """The whole file."""
    shown = _rows(selection)
    page = render_template(
        "exports/report.html",
        job=selection.job,
        about=about,
        total=len(selection),
        everything=selection.everything,
        filter_in_words=selection.filter_in_words,
        is_filtered=not selection.chosen.is_empty,
        impacts=_counts(selection, "impact", "min(severity)"),
        levels=IMPACTS,
        charts=[chart for chart in _charts(selection) if chart.bars],
        strips=_strips(selection),
        transitions=_transitions(selection),
        rows=shown,
        has_af=any(row["af"] is not None for row in shown),
        has_samples=any(row["n_het"] is not None for row in shown),
    )
    return page.encode()


def _counts(selection: Selection, column: str, order: str = "count(*) DESC") -> dict[str, int]:
    """Value → how often; ``column`` and ``order`` are our own words."""
    found = selection.connection.execute(
        f"SELECT {column}, count(*) FROM matched JOIN variants USING (id) WHERE {column} IS NOT NULL "
        f"GROUP BY {column} ORDER BY {order}, {column}"
    ).fetchall()
    return {str(value): int(number) for value, number in found}


def _charts(selection: Selection) -> Iterator[Chart]:
    for title, column, order in (
        ("Most severe consequence", "consequence", "min(severity)"),
        ("Genes", "gene", "count(*) DESC"),
        ("ClinVar", "clinvar_significance", "count(*) DESC"),
        ("Kinds of variants", "class", "count(*) DESC"),
    ):
        counts = _counts(selection, f'"{column}"', order)
        some = dict(list(counts.items())[:MOST_BARS])
        yield Chart(title, bars(some, whole=len(selection)), max(0, len(counts) - MOST_BARS))


def _strips(selection: Selection) -> list[Strip]:
    found = selection.connection.execute(
        "WITH chosen AS (SELECT contig, pos FROM matched JOIN variants USING (id)), "
        f"size AS (SELECT max(pos) // {BINS} + 1 AS bin FROM chosen) "
        "SELECT contig, pos // bin AS place, count(*) "
        "FROM chosen, size GROUP BY contig, place ORDER BY place"
    ).fetchall()
    contigs = list(_counts(selection, "contig", "min(id)"))[:MOST_CONTIGS]
    highest = max((number for _, _, number in found), default=1)
    width = 100 / (max((place for _, place, _ in found), default=0) + 1)
    by_contig: dict[str, list[tuple[int, int]]] = {contig: [] for contig in contigs}
    for contig, place, number in found:
        if contig in by_contig:
            by_contig[contig].append((place, number))
    return [
        Strip(
            contig,
            sum(number for _, number in places),
            [
                (round(place * width, 3), round(width * 0.85, 3), round(max(100 * number / highest, 5), 1))
                for place, number in places
            ],
        )
        for contig, places in by_contig.items()
    ]


def _transitions(selection: Selection) -> tuple[int, int]:
    """Transitions and transversions."""
    kinds = _counts(selection, "kind")
    return kinds.get("transition", 0), kinds.get("transversion", 0)


def _rows(selection: Selection) -> list[dict[str, Any]]:
    """The most severe, in the genome's order."""
    names = ", ".join(f'v."{name}"' for name in _SHOWN)
    found = selection.connection.execute(
        f"SELECT * FROM (SELECT {names} FROM matched AS m JOIN variants AS v USING (id) ORDER BY v.severity, v.id LIMIT ?) "
        "ORDER BY id",
        [MOST_ROWS],
    ).fetchall()
    return [dict(zip(_SHOWN, row, strict=True)) for row in found]
