"""The plots of a job's summary, each part of which is a filter: geometry for inline SVG, and queries. No I/O, no HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from frontend.results.filters import Filter, Region, Span

WIDTH: Final = 100.0
HEIGHT: Final = 20.0
_CLAMPED: Final = 50
"""Bases beyond which lengths of indels are counted together."""


@dataclass(frozen=True)
class Column:
    """One column of a histogram, in units of its drawing; ``query`` shows what it stands for."""

    x: float
    width: float
    height: float
    label: str
    value: int
    query: str


@dataclass(frozen=True)
class Strip:
    """How many variants lie where along one contig."""

    contig: str
    total: int
    query: str
    columns: Sequence[Column]
    width: float
    """Of the drawing: in proportion to the longest contig."""


def query(**fields: Any) -> str:
    """The address's query for a filter: ``query(impact=("HIGH",))``."""
    return Filter(**fields).to_query()


def query_of(name: str, value: str) -> str:
    """The query for one bar: a filter counts each variant by its most severe consequence, as summaries do."""
    return query(**{name: (value,)})


def query_at(contig: str, pos: int) -> str:
    """The query for what lies at one position."""
    return query(region=(Region(contig, pos, pos),))


def strips(summary: Mapping[str, Any]) -> list[Strip]:
    """One a contig, in the order of the summary; heights are in proportion over all of them."""
    density: Mapping[str, Any] = summary.get("density") or {}
    totals: Mapping[str, int] = summary.get("contigs") or {}
    rates = {contig: [count / item["bin"] for count in item["counts"]] for contig, item in density.items()}
    highest = max((rate for found in rates.values() for rate in found), default=0) or 1
    longest = max((item["bin"] * len(item["counts"]) for item in density.values()), default=0) or 1
    found = []
    for contig, total in totals.items():
        item = density.get(contig, {"bin": 1, "counts": []})
        step = WIDTH * item["bin"] / longest
        columns = [
            Column(
                x=round(i * step, 3),
                width=round(step * 0.92, 3),
                height=round(HEIGHT * max(rates[contig][i] / highest, 0.04), 2),
                label=f"{contig}:{i * item['bin'] + 1:,}-{(i + 1) * item['bin']:,}",
                value=count,
                query=query(region=(Region(contig, i * item["bin"] + 1, (i + 1) * item["bin"]),)),
            )
            for i, count in enumerate(item["counts"])
            if count
        ]
        width = round(step * len(item["counts"]), 3)
        found.append(Strip(contig, total, query(region=(Region(contig),)), columns, width))
    return found


def indels(summary: Mapping[str, Any]) -> list[Column]:
    """By length, deletions to the left; heights by the square root, since one base is by far the most frequent."""
    lengths = {int(text): count for text, count in (summary.get("indel_lengths") or {}).items() if count and int(text)}
    if not lengths:
        return []
    reach = max(abs(length) for length in lengths)
    step, highest = WIDTH / (2 * reach + 1), max(lengths.values())
    return [
        Column(
            x=round((length + reach) * step, 3),
            width=round(step * 0.86, 3),
            height=round(2 * HEIGHT * (count / highest) ** 0.5, 2),
            label=_length(length),
            value=count,
            query=query(size=_size(length)),
        )
        for length, count in sorted(lengths.items())
    ]


def frequencies(summary: Mapping[str, Any]) -> list[Column]:
    """The bins of the spectrum of known allele frequencies."""
    bins: Sequence[Mapping[str, Any]] = summary.get("af_spectrum") or []
    highest = max((item["n"] for item in bins), default=0) or 1
    step = WIDTH / max(len(bins), 1)
    return [
        Column(
            x=round(i * step, 3),
            width=round(step * 0.9, 3),
            height=round(2 * HEIGHT * (item["n"] / highest) ** 0.5, 2),
            label=f"{100 * item['from']:g} – {100 * item['to']:g} %",
            value=item["n"],
            query=query(af=Span(item["from"], item["to"])),
        )
        for i, item in enumerate(bins)
    ]


def severe_genes(summary: Mapping[str, Any], most: int = 12) -> list[Mapping[str, Any]]:
    """The genes with most variants of HIGH or MODERATE impact."""
    genes = [gene for gene in summary.get("genes") or [] if gene["high"] + gene["moderate"]]
    return sorted(genes, key=lambda gene: (-gene["high"] - gene["moderate"], -gene["high"], gene["symbol"]))[:most]


def _size(length: int) -> Span:
    if length <= -_CLAMPED:
        return Span(high=-_CLAMPED)
    return Span(low=_CLAMPED) if length >= _CLAMPED else Span(length, length)


def _length(length: int) -> str:
    amount = abs(length)
    bases = f"{amount} base{'s' if amount != 1 else ''}{' or more' if amount >= _CLAMPED else ''}"
    return f"{bases} {'gained' if length > 0 else 'lost'}"
