"""The genome view: what its page says to igv.js and what its policy allows."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from shared.core.jobs import Job, JobState, StoredFile
from tests.client import Browser, Page
from tests.results_world import call, variant
from tests.unit.frontend_results.world import ResultsWorld


def config(page: Page) -> dict[str, Any]:
    [script] = page.all("script", id="genome-config")
    found: dict[str, Any] = json.loads(script.text or "")
    return found


def open_genome(browser: Browser, job: Job, query: str = "") -> Page:
    page = browser.get(f"/jobs/{job.job_id}/genome{query}")
    assert page.status == 200
    return page


def test_no_genome_and_no_gene_is_asked_of_others(alice: Browser, job: Job) -> None:
    options = config(open_genome(alice, job))["options"]
    assert options["loadDefaultGenomes"] is False
    assert options["search"] is False
    assert options["reference"]["fastaURL"] == f"/jobs/{job.job_id}/genome/sizes"


def test_the_policy_is_that_of_all_pages_but_for_the_bucket_and_two_hashes(alice: Browser, job: Job) -> None:
    def directives(page: Page) -> dict[str, str]:
        return dict(part.partition(" ")[::2] for part in page.headers["Content-Security-Policy"].split("; "))

    usual, here = directives(alice.get("/jobs")), directives(open_genome(alice, job))
    assert {name for name in here if here[name] != usual[name]} == {"connect-src", "style-src"}
    assert here["connect-src"] == "'self' https://results.s3.us-east-1.amazonaws.com https://results.s3.amazonaws.com"
    assert here["style-src"].startswith("'self' 'sha256-")
    assert "unsafe" not in " ".join(here.values())


def test_variants_and_genes_are_read_by_addresses_that_do_not_run_out(
    world: ResultsWorld, alice: Browser, job: Job
) -> None:
    world.jobs.jobs[job.job_id] = replace(
        job, results={**job.results, "genes": StoredFile(f"{job.user_id}/{job.job_id}/genes", 1)}
    )
    variants, genes = config(open_genome(alice, job))["options"]["tracks"]
    files = f"/jobs/{job.job_id}/files"
    assert (variants["url"], variants["indexURL"], genes["url"]) == (f"{files}/vcf", f"{files}/tbi", f"{files}/genes")
    assert all(alice.client.get(f"{files}/{kind}").status_code == 302 for kind in ("vcf", "tbi", "genes"))


def test_contigs_are_as_long_as_the_pack_says_or_their_last_variant_needs(alice: Browser, job: Job) -> None:
    response = alice.client.get(f"/jobs/{job.job_id}/genome/sizes")
    assert response.text == "20\t9100\nMT\t16569\n"


@pytest.mark.parametrize(
    ("query", "locus"),
    [
        ("", "20"),
        ("?locus=20:3000-3100", "20:3000-3100"),
        ("?locus=20:3,000-3,100", "20:3000-3100"),
        ("?locus=chrM:3243", "MT:3243-3243"),
        ("?locus=20:3000-99999999", "20:3000-9100"),
        ("?locus=21:5", "20"),
        ("?locus=%22%3E%3Cscript%3E", "20"),
        ("?impact=HIGH", "20"),
        ("?gene=MT-ND4", "MT"),
    ],
)
def test_it_opens_where_it_is_asked_to(alice: Browser, job: Job, query: str, locus: str) -> None:
    assert config(open_genome(alice, job, query))["options"]["locus"] == locus


@pytest.mark.parametrize(
    "missing", ["chr1:1-100", "zzz", "MT:99999-100000", "20:9-3", '"><script>alert(1)</script>', "x" * 100]
)
def test_a_place_that_the_file_does_not_have_is_told(alice: Browser, job: Job, missing: str) -> None:
    page = open_genome(alice, job, "?" + urlencode({"locus": missing}))
    assert f"{missing} is not in this file." in page.words
    assert config(page)["options"]["locus"] == "20"


@pytest.mark.parametrize("query", ["", "?locus=", "?locus=%20", "?locus=MT:3243", "?locus=20:9000-99999", "?gene=x"])
def test_nothing_is_missing_where_the_place_is_there_or_none_is_asked_for(alice: Browser, job: Job, query: str) -> None:
    assert "is not in this file" not in open_genome(alice, job, query).words


def test_on_a_long_contig_it_opens_around_the_first_variant_of_the_filter(world: ResultsWorld, alice: Browser) -> None:
    nothing = [call(None, "", "intergenic_variant", pick=True)]
    far = [variant("20", pos, "A", alt, nothing) for pos, alt in ((1_000_000, "G"), (2_000_000, "C"))]
    job = world.explored(far, samples=())
    assert config(open_genome(alice, job))["options"]["locus"] == "20:995000-1005000"
    assert config(open_genome(alice, job, "?class=transversion"))["options"]["locus"] == "20:1995000-2005000"


def test_without_an_annotated_vcf_there_is_none(world: ResultsWorld, alice: Browser) -> None:
    assert alice.get(f"/jobs/{world.job(JobState.COMPLETED).job_id}/genome").status == 404
    assert alice.get(f"/jobs/{world.job(JobState.QUEUED).job_id}/genome").status == 404


@pytest.mark.parametrize("headers", [{"Range": "bytes=0-99"}, {"Sec-Fetch-Dest": "empty"}])
@pytest.mark.parametrize("path", ["files/vcf", "genome/sizes"])
def test_a_view_whose_session_has_ended_is_refused_what_it_reads(
    world: ResultsWorld, job: Job, path: str, headers: dict[str, str]
) -> None:
    """Were it led to the page that asks to sign in, it would show a file without variants."""
    stranger = world.browser()
    assert stranger.client.get(f"/jobs/{job.job_id}/{path}", headers=headers).status_code == 401
    assert stranger.client.get(f"/jobs/{job.job_id}/{path}").status_code == 302
