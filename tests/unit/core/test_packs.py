"""Cards of packs, and what is said when newer sources are installed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from shared.core.errors import Permanent
from shared.core.packs import CardContig, PackCard, newer_sources, read_catalogue, write_catalogue
from tests.unit.core.cards import GRCH37, GRCH38, RCRS


def test_a_catalogue_comes_back_as_it_was_written() -> None:
    assert read_catalogue(write_catalogue([GRCH38, RCRS])) == (GRCH38, RCRS)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense",
        b"[]",
        b"{}",
        b'{"packs": 3}',
        b'{"packs": [{}]}',
        b'{"packs": [3]}',
        b'{"packs": [null]}',
        b"\xff",
    ],
)
def test_a_damaged_catalogue_is_refused(data: bytes) -> None:
    with pytest.raises(Permanent):
        read_catalogue(data)


def test_a_card_with_a_contig_that_is_none_is_refused() -> None:
    given = {**GRCH38.to_json(), "contigs": [["20", "long", []]]}
    with pytest.raises(Permanent, match="no card"):
        PackCard.from_json(given)


def test_of_a_million_scraps_the_card_keeps_the_longest() -> None:
    scraps = tuple(CardContig(f"scaffold_{number}", 100 + number % 7) for number in range(20_000))
    card = replace(RCRS, contigs=(*scraps, CardContig("1", 9_000_000)))
    kept = PackCard.from_json(json.loads(json.dumps(card.to_json()))).contigs
    assert len(kept) == 5000
    assert kept[-1] == CardContig("1", 9_000_000)


def test_a_contig_is_found_by_any_of_its_names_in_any_case() -> None:
    names = ("MT", "chrm", "CHRM", "NC_012920.1")
    assert {GRCH38.by_alias.get(name.lower()) for name in names} == {GRCH38.contigs[-1]}


# ---- newer sources ----


def used(**sources: str) -> dict[str, Any]:
    return {"name": "grch38", "sources": [{"name": name, "version": version} for name, version in sources.items()]}


def test_a_newer_clinvar_is_told_with_both_dates() -> None:
    [sentence] = newer_sources(GRCH38, used(ClinVar="2024-12-15", Genes="Ensembl 115"))
    assert sentence == "A newer ClinVar (2025-11-03) is installed than the one this job used (2024-12-15)."


def test_the_same_or_an_older_clinvar_is_nothing_to_tell() -> None:
    assert newer_sources(GRCH38, used(ClinVar="2025-11-03")) == []
    assert newer_sources(GRCH38, used(ClinVar="2026-01-01")) == []


def test_versions_that_are_no_dates_are_only_told_apart() -> None:
    [sentence] = newer_sources(GRCH38, used(Genes="Ensembl 110"))
    assert sentence == "Another Genes (Ensembl 115) is installed than the one this job used (Ensembl 110)."


def test_another_pack_says_nothing_of_this_job() -> None:
    assert newer_sources(GRCH37, used(ClinVar="2024-12-15")) == []


@pytest.mark.parametrize("summary", [{}, {"name": "grch38"}, {"name": "grch38", "sources": None}, {"sources": [3]}])
def test_a_summary_without_sources_is_nothing_to_tell(summary: dict[str, Any]) -> None:
    assert newer_sources(GRCH38, summary) == []
