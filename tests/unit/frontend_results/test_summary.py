"""Every bar of the summary leads to the variants that it counts."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from frontend.results import plots
from shared.core.jobs import Job
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


def test_the_genes_with_most_severe_variants_lead_to_these(alice: Browser, job: Job) -> None:
    page = alice.get(f"/jobs/{job.job_id}")
    queries = [(link.get("href") or "").partition("?")[2] for link in page.all("a") if text_of(link) == "MT-ND4"]
    assert queries[:2] == ["gene=MT-ND4&impact=HIGH&impact=MODERATE", "gene=MT-ND4"]


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
