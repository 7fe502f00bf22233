"""One variant's page."""

from __future__ import annotations

import pytest

from shared.core.jobs import Job
from tests.client import Browser, Page, text_of
from tests.results_world import call, family, variant
from tests.unit.frontend_results.world import ResultsWorld


def page_of(browser: Browser, job: Job, number: int, query: str = "") -> Page:
    page = browser.get(f"/jobs/{job.job_id}/variants/{number}{'?' + query if query else ''}")
    assert page.status == 200
    return page


def rows(page: Page, kind: str) -> list[str]:
    tables = page.all("table", **{"class": kind})
    return [text_of(row) for table in tables for row in list(table.iter("tr"))[1:]]


def test_it_tells_all_that_is_known(alice: Browser, job: Job) -> None:
    page = page_of(alice, job, 2)
    assert page.h1 == "20:3,000 C>T"
    for said in ("JAG1-201:c.2473C>T", "JAG1-201:p.Gln825Ter", "Alagille syndrome 1", "Pathogenic", "2.0e-05", "PASS", "exon 20/26", "Cag/Tag", "protein 825"):  # fmt: skip
        assert said in page.words, said
    links = {link.get("href") for link in page.all("a")}
    assert "https://www.ncbi.nlm.nih.gov/clinvar/variation/12345/" in links
    assert "https://www.ncbi.nlm.nih.gov/snp/rs3000" in links


def test_every_transcript_is_there_the_picked_one_first(alice: Browser, job: Job) -> None:
    found = rows(page_of(alice, job, 2), "transcripts")
    assert [row.split()[0] for row in found] == ["JAG1-201", "JAG1-202", "NEXT-201"]
    assert "picked" in found[0]
    assert "MANE Select" in found[0]
    assert "canonical" in found[0]
    assert "1,200 bp away" in found[2]
    assert "1 more lie nearby and are not touched" in page_of(alice, job, 2).words


def test_after_the_picked_one_come_mane_then_canonical_then_the_most_severe(
    world: ResultsWorld, alice: Browser
) -> None:
    calls = [
        call("A", "plain", "intron_variant"), call("A", "severe", "stop_gained"),
        call("A", "canonical", "intron_variant", CANONICAL="YES"), call("A", "mane", "intron_variant", MANE="MANE_Plus_Clinical"),
        call("A", "picked", "missense_variant", pick=True),
    ]  # fmt: skip
    job = world.explored([variant("20", 5, "A", "C", calls)], samples=())
    assert [row.split()[0] for row in rows(page_of(alice, job, 0), "transcripts")] == [
        "picked", "mane", "canonical", "severe", "plain",
    ]  # fmt: skip


def test_the_call_on_the_haplotype_stands_beside_the_single_one_and_leads_to_its_partner(
    alice: Browser, job: Job
) -> None:
    page = page_of(alice, job, 3)
    [told] = [row for row in rows(page, "transcripts") if row.startswith("Read together with")]
    assert "3000:C>T on the same haplotype: synonymous" in told
    assert "JAG1-201:p.Gln825=" in told
    assert "alone it is missense" in told
    [partner] = [link for link in page.all("a") if text_of(link) == "3000:C>T"]
    assert alice.get(partner.get("href", "")).h1 == "20:3,000 C>T"


def test_every_samples_genotype_is_told_in_words(alice: Browser, job: Job) -> None:
    assert rows(page_of(alice, job, 3), "genotypes") == [
        "child 0|1 heterozygous",
        "mother 0|0 reference only",
        "father 1|1 homozygous",
    ]


def test_the_original_record_is_told_where_it_was_changed(alice: Browser, job: Job) -> None:
    assert "chr20:3499:TGAT:TG before normalisation" in page_of(alice, job, 4).words
    assert "as shown here" in page_of(alice, job, 3).words


def test_its_neighbours_are_those_within_the_filter(alice: Browser, job: Job) -> None:
    page = page_of(alice, job, 3, "impact=HIGH")
    assert "2 of 3 in the filter" in page.words
    [previous], [following] = page.all("a", rel="prev"), page.all("a", rel="next")
    assert alice.get(previous.get("href", "")).h1 == "20:3,000 C>T"
    following_page = alice.get(following.get("href", ""))
    assert following_page.h1.startswith("20:3,500")
    assert not following_page.all("a", rel="next")


def test_a_variant_outside_of_the_filter_says_so_and_leads_into_it(alice: Browser, job: Job) -> None:
    page = page_of(alice, job, 5, "impact=HIGH")
    assert "Not in the filter" in page.words
    [previous] = page.all("a", rel="prev")
    assert alice.get(previous.get("href", "")).h1.startswith("20:3,500")


def test_it_leads_back_to_the_table_as_it_was(alice: Browser, job: Job) -> None:
    page = page_of(alice, job, 3, "impact=HIGH")
    [back] = [link for link in page.all("a") if text_of(link) == "Back to the table"]
    assert (back.get("href") or "").endswith("/variants?impact=HIGH")


@pytest.mark.parametrize("number", ["9", "999999999", "9999999999", "-1", "x", "1e3", "٣", "0x1", "%20"])
def test_a_variant_that_is_none_is_not_there(alice: Browser, job: Job, number: str) -> None:
    assert alice.get(f"/jobs/{job.job_id}/variants/{number}").status == 404


def test_every_variant_of_the_family_has_a_page(alice: Browser, job: Job) -> None:
    for number in range(len(family())):
        page_of(alice, job, number)


def test_long_alleles_are_shortened_in_the_heading_and_there_in_full(world: ResultsWorld, alice: Browser) -> None:
    bases = "ACGT" * 100
    job = world.explored(
        [variant("20", 5, "A", f"A{bases}", [call(None, "", "intergenic_variant", pick=True)])], samples=()
    )
    page = page_of(alice, job, 0)
    assert page.h1 == "20:5 A>AACG…(401)"
    assert f"A{bases}" in page.words
    assert "+400 bases" in page.words


def test_somebody_with_another_allele_of_the_record_has_a_call(world: ResultsWorld, alice: Browser) -> None:
    calls = [call(None, "", "intergenic_variant", pick=True)]
    made = [variant("20", 5, "G", "A", calls, original="20:5:G:A/T", gt=["./1", "0/.", "./."], n_het=1, n_missing=2)]
    page = page_of(alice, world.explored(made), 0)
    assert rows(page, "genotypes") == ["child ./1 heterozygous", "mother 0/. another allele", "father ./. no call"]
    assert "2 without a call or with another allele" in page.words
