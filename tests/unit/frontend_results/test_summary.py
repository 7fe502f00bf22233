"""Every bar of the summary leads to the variants that it counts."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from frontend.results import plots
from shared.core.jobs import Job, Ledger
from tests.client import Browser, text_of
from tests.unit.frontend_results.world import MORE_SUMMARY, ResultsWorld


def test_every_bar_is_a_link_that_is_understood(alice: Browser, job: Job) -> None:
    page = alice.get(f"/jobs/{job.job_id}")
    prefix = f"/jobs/{job.job_id}/variants?"
    links = [link for link in page.root.iter() if (link.get("href") or "").startswith(prefix)]
    assert len(links) >= 30
    for link in links:
        answer = alice.get(link.get("href", ""))
        assert answer.status == 200
        assert "not understood" not in answer.words, link.get("href")


@pytest.mark.parametrize(
    ("words", "query"),
    [
        ("HIGH", {"impact": "HIGH"}),
        ("stop gained", {"consequence": "stop_gained"}),
        ("SNV", {"class": "SNV"}),
        ("Benign", {"clinvar": "Benign"}),
        ("Transitions", {"class": "transition"}),
        ("Heterozygous genotypes", {"genotype": "het"}),
        ("Changed by the haplotype", {"haplotype": "1"}),
        ("Known to ClinVar", {"clinvar": "any"}),
        ("MT", {"region": "MT"}),
    ],
)
def test_a_bar_leads_to(alice: Browser, job: Job, words: str, query: dict[str, str]) -> None:
    page = alice.get(f"/jobs/{job.job_id}")
    link = next(link for link in page.all("a") if text_of(link) == words)
    assert dict(parse_qsl((link.get("href") or "").partition("?")[2])) == query


@pytest.mark.parametrize("ledger", [Ledger(0, 0), Ledger(2, 0, {"symbolic": 2})])
def test_where_nothing_was_annotated_there_is_nothing_to_explore(
    world: ResultsWorld, alice: Browser, ledger: Ledger
) -> None:
    nothing = dict.fromkeys(("HIGH", "MODERATE", "LOW", "MODIFIER"), 0)
    job = world.explored([], ledger=ledger, summary={"variants": 0, "impact": nothing, "warnings": ["It is short."]})
    page = alice.get(f"/jobs/{job.job_id}")
    for offer in ("Explore all variants", "Genome view", "Every bar below is a filter", "Export", "MODERATE"):
        assert offer not in page.words, offer
    for kept in ("It is short.", "Annotated VCF", "Where this comes from"):
        assert kept in page.words, kept


def test_the_genes_with_most_severe_variants_lead_to_these(alice: Browser, job: Job) -> None:
    page = alice.get(f"/jobs/{job.job_id}")
    [row] = [row for row in page.all("tr") if text_of(row).startswith("MT-ND4 ")]
    queries = [(link.get("href") or "").partition("?")[2] for link in row.iter("a")]
    assert queries == ["gene=MT-ND4&impact=HIGH&impact=MODERATE", "gene=MT-ND4"]
    assert "Genes with most variants" not in page.words


def test_where_nothing_is_severe_the_genes_with_most_variants_are_shown(world: ResultsWorld, alice: Browser) -> None:
    genes = [{"symbol": "QUIET", "gene_id": "ENSG1", "variants": 7, "high": 0, "moderate": 0}]
    job = world.explored(summary={**MORE_SUMMARY, "genes": genes})
    words = alice.get(f"/jobs/{job.job_id}").words
    assert "Genes with most variants" in words
    assert "HIGH and MODERATE" not in words


def test_commands_versions_and_seconds_stand_on_the_page(world: ResultsWorld, alice: Browser) -> None:
    pack = {
        **MORE_SUMMARY["pack"],
        "sources": [{"name": "Genes", "version": ""}, {"name": "ClinVar", "version": "2025-11-03"}],
    }
    more = {
        "pack": pack,
        "commands": [f"bcftools csq -g genes/{number}.gff3" for number in range(5)],
        "seconds": {"checking": 0.2, "writing": 0.014},
    }
    job = world.explored(summary={**MORE_SUMMARY, **more})
    words = alice.get(f"/jobs/{job.job_id}").words
    assert "Genes, ClinVar 2025-11-03" in words
    assert "bcftools csq -g genes/2.gff3" in words
    assert "and 2 more, one for each contig" in words
    assert "checking 0.2 s, writing 0.01 s" in words


def test_what_is_rare_is_not_0_percent(world: ResultsWorld, alice: Browser) -> None:
    job = world.explored(summary={**MORE_SUMMARY, "consequences": {"stop_gained": 1, "intron_variant": 99_999}})
    words = alice.get(f"/jobs/{job.job_id}").words
    assert "stop gained 1 < 0.1 %" in words


def test_highlights_have_no_columns_for_a_clinvar_that_the_pack_lacks(world: ResultsWorld, alice: Browser) -> None:
    plain = [{**found, "clinvar": "", "condition": ""} for found in MORE_SUMMARY["highlights"]]
    job = world.explored(summary={**MORE_SUMMARY, "highlights": plain})
    [table] = alice.get(f"/jobs/{job.job_id}").all("table", **{"class": "highlights"})
    assert [text_of(head) for head in table.iter("th") if head.get("scope") == "col"] == [
        "Variant",
        "Gene",
        "Consequence",
        "Impact",
    ]


def test_a_job_of_long_ago_has_its_summary_without_links(world: ResultsWorld, alice: Browser) -> None:
    from shared.core.jobs import JobState

    job = world.job(JobState.COMPLETED)
    page = alice.get(f"/jobs/{job.job_id}")
    assert "Most severe consequence" in page.words
    assert "/variants" not in page.text
    assert "/genome" not in page.text


@pytest.mark.parametrize("summary", [{}, {"density": None, "contigs": None, "af_spectrum": None, "indel_lengths": None, "zygosity": None, "haplotype": None}])  # fmt: skip
def test_what_the_summary_does_not_have_is_not_drawn(summary: dict[str, object]) -> None:
    assert not plots.strips(summary)
    assert not plots.indels(summary)
    assert not plots.frequencies(summary)


def test_density_is_drawn_to_scale() -> None:
    first, second = plots.strips(MORE_SUMMARY)
    assert (first.contig, first.total, second.contig) == ("20", 7, "MT")
    assert second.width == 100
    assert first.width == 25
    assert max(column.height for column in first.columns) == plots.HEIGHT
    assert next(column.query for column in first.columns) == "region=20%3A1%2C001-2%2C000"


def test_lengths_beyond_fifty_stand_together() -> None:
    first, *_, last = plots.indels(MORE_SUMMARY)
    assert (first.query, first.label) == ("size=..-50", "50 bases or more lost")
    assert (last.query, last.label) == ("size=50..", "50 bases or more gained")
    assert "size=-2" in [column.query for column in plots.indels(MORE_SUMMARY)]
