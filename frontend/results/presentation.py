"""What templates show of variants and of a filter, in words. No I/O, no HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from frontend.results.filters import GENOTYPES, MATCHES, Filter, Span
from frontend.results.vocabulary import CLASSES

LONGEST_ALLELE: Final = 8
"""Bases of an allele that are shown before it is shortened."""
ZYGOSITY_WORDS: Final = {
    "ref": "reference only",
    "het": "heterozygous",
    "hom": "homozygous",
    "missing": "no call",
}
MATCH_WORDS: Final = MATCHES
GENOTYPE_WORDS: Final = GENOTYPES
CLASS_WORDS: Final = {name: name for name in CLASSES}
_FIELDS: Final = {
    "gene": "Gene",
    "region": "Region",
    "consequence": "Consequence",
    "impact": "Impact",
    "match": "Compared with",
    "class": "Kind",
    "clinvar": "ClinVar",
    "af": "Frequency",
    "qual": "QUAL",
    "size": "Length change",
    "filter": "FILTER",
    "genotype": "Genotype",
    "sample": "Sample",
    "haplotype": "Haplotype",
    "q": "Text",
}


@dataclass(frozen=True)
class Chip:
    """One condition of a filter, and the filter without it."""

    name: str
    label: str
    value: str
    without: Filter


def chips(chosen: Filter) -> list[Chip]:
    """Every condition, in the order of the form."""
    found = []
    for name, value in chosen.pairs():
        if name == "match" and not (chosen.gene or chosen.consequence or chosen.impact):
            continue
        found.append(Chip(name, _FIELDS[name], _worded(chosen, name, value), chosen.without(name, value)))
    return found


def _worded(chosen: Filter, name: str, value: str) -> str:
    match name:
        case "consequence" | "clinvar":
            return "known to ClinVar" if value == "any" else words(value)
        case "match":
            return MATCHES[chosen.match]
        case "af" if chosen.af is not None:
            return _span(chosen.af)
        case "qual" if chosen.qual is not None:
            return _span(chosen.qual)
        case "size" if chosen.size is not None:
            return _span(chosen.size)
        case "filter":
            return "PASS or none applied"
        case "genotype":
            return GENOTYPES[value]
        case "haplotype":
            return "changes the call"
        case "sample":
            sample, _, zygosity = value.rpartition(":")
            return f"{sample} {ZYGOSITY_WORDS[zygosity]}"
    return value


def _span(span: Span) -> str:
    if span.low is None:
        return f"≤ {span.high:g}"
    if span.high is None:
        return f"≥ {span.low:g}"
    return f"{span.low:g}" if span.low == span.high else f"{span.low:g} – {span.high:g}"


def words(term: str) -> str:
    """``missense_variant&splice_region_variant`` → ``missense + splice region``: every term ends in “variant”."""
    return " + ".join(part.replace("_", " ").removesuffix(" variant") for part in term.split("&"))


def is_of_picked(row: Mapping[str, Any]) -> bool:
    """Whether the most severe consequence is one that the picked transcript has, too."""
    picked = row.get("picked_consequence")
    return not picked or row["consequence"] in picked.split("&")


def shortened(allele: str) -> str:
    """An allele of which a table shows the beginning and the number of bases: ``GATT…(23)``."""
    return allele if len(allele) <= LONGEST_ALLELE else f"{allele[:4]}…({len(allele):,})"


def change(hgvs: str | None) -> str:
    """``JAG1-201:c.2473C>T`` → ``c.2473C>T``: the sequence has a column of its own."""
    return (hgvs or "").rpartition(":")[2]


def frequency(value: float | None) -> str:
    """As few digits as say something."""
    if value is None:
        return ""
    return "0" if value == 0 else f"{value:.2g}" if value >= 0.0001 else f"{value:.1e}"


def number(value: float | None) -> str:
    """A quality or the like."""
    return (
        ""
        if value is None
        else f"{value:,.0f}"
        if value >= 1000
        else f"{value:g}"
        if value == int(value)
        else f"{value:.1f}"
    )


def locus(row: Mapping[str, Any]) -> str:
    """Where a variant lies."""
    return f"{row['contig']}:{row['pos']:,}"


def name(row: Mapping[str, Any]) -> str:
    """``20:3,000 C>T``."""
    return f"{locus(row)} {shortened(row['ref'])}>{shortened(row['alt'])}"


def ids(row: Mapping[str, Any]) -> list[str]:
    """Those of dbSNP and of the file, each once."""
    own = [text for text in (row.get("ids") or "").split(";") if text and text != "."]
    return list(dict.fromkeys([*([row["dbsnp"]] if row.get("dbsnp") else []), *own]))


def genotypes(row: Mapping[str, Any], samples: Sequence[str]) -> list[tuple[str, str, str]]:
    """Of every sample: name, GT, what it means for this allele.

    In a record of several alleles the others are ``.`` once it is split: ``1/2`` has become ``./1``.
    """
    words = {**ZYGOSITY_WORDS, "missing": "another allele"} if is_one_of_several(row) else ZYGOSITY_WORDS
    return [
        (
            sample,
            text or ".",
            (words if re.search(r"\d", text or "") else ZYGOSITY_WORDS)[
                zygosity((row.get("zygosities") or 0) >> 2 * i & 3)
            ],
        )
        for i, (sample, text) in enumerate(zip(samples, row.get("gt") or (), strict=False))
    ]


def is_one_of_several(row: Mapping[str, Any]) -> bool:
    """Whether the file had more alternative alleles in the same record."""
    return "/" in (row.get("original") or "")


def zygosity(code: int) -> str:
    """The name of a code of `vocabulary.ZYGOSITIES`."""
    return ("ref", "het", "hom", "missing")[code]


def is_rs(text: object) -> bool:
    """Whether an id is one of dbSNP's."""
    return isinstance(text, str) and re.fullmatch(r"rs\d+", text) is not None


def is_ensembl(text: object) -> bool:
    """Whether an id is one of Ensembl's, of which its site has a page."""
    return isinstance(text, str) and re.fullmatch(r"ENS[A-Z]*\d{11}", text) is not None
