"""The table of variants, as a person without JavaScript uses it, and what htmx is answered."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from shared.core.jobs import Job, JobState
from tests.client import Browser, Page, text_of
from tests.results_world import call, variant
from tests.unit.frontend_results.world import ResultsWorld

INTERGENIC = call(None, "", "intergenic_variant", pick=True)


def found(page: Page) -> list[str]:
    """The variants in the table."""
    [table] = [table for table in page.all("table") if "variants" in table.get("class", "")]
    return [text_of(row.find("th") or row) for row in table.iter("tr")][1:]  # type: ignore[arg-type,unused-ignore]  # of elements alone, as the page has them


def chips(page: Page) -> list[str]:
    return [text_of(link) for link in page.all("a", **{"class": "chip"})]


def open_table(browser: Browser, job: Job, query: str = "") -> Page:
    page = browser.get(f"/jobs/{job.job_id}/variants?{query}".rstrip("?"))
    assert page.status == 200
    return page


def test_all_variants_are_shown_first(alice: Browser, job: Job) -> None:
    page = open_table(alice, job)
    assert "9 variants" in page.words
    assert found(page)[0] == "20:1,000 A>G"
    assert len(found(page)) == 9


def test_the_filter_stands_in_the_address(alice: Browser, job: Job) -> None:
    page = open_table(alice, job, "impact=HIGH&clinvar=Pathogenic")
    assert "1 of 9 variants" in page.words
    assert found(page) == ["20:3,000 C>T"]
    assert chips(page) == ["Impact HIGH", "ClinVar Pathogenic"]


def test_the_form_leads_to_an_address_without_what_was_left_empty(alice: Browser, job: Job) -> None:
    page = alice.submit(open_table(alice, job), "Apply", gene="jag1", region="20:3,000-3,001")
    assert page.status == 302
    assert parse_qs(urlsplit(page.location or "").query) == {"gene": ["jag1"], "region": ["20:3,000-3,001"]}
    page = alice.follow(page)
    assert found(page) == ["20:3,000 C>T", "20:3,001 A>G"]


def test_the_form_holds_what_is_chosen(alice: Browser, job: Job) -> None:
    page = open_table(
        alice, job, "impact=HIGH&gene=JAG1&af=0.01&match=picked&sample=child:het&columns=gene,af&sort=-af"
    )
    checked = {(item.get("name"), item.get("value")) for item in page.all("input") if "checked" in item.attrib}
    assert {("impact", "HIGH"), ("match", "picked"), ("columns", "gene"), ("columns", "af")} <= checked
    values = {item.get("name"): item.get("value") for item in page.all("input", type="text")}
    assert (values["gene"], values["af"]) == ("JAG1", "0.01")
    again = alice.follow(alice.submit(page, "Apply"))
    assert chips(again) == chips(page)
    assert found(again) == found(page)


def test_a_chip_takes_its_condition_away(alice: Browser, job: Job) -> None:
    page = open_table(alice, job, "impact=HIGH&clinvar=Pathogenic")
    [link] = [link for link in page.all("a", **{"class": "chip"}) if "ClinVar" in text_of(link)]
    page = alice.get(link.get("href", ""))
    assert chips(page) == ["Impact HIGH"]
    assert len(found(page)) == 3


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("region=20:9-1&impact=HIGH", "region", "ends before it begins"),
        ("af=lots&impact=HIGH", "af", "is not understood"),
        ("consequence=misense&impact=HIGH", "consequence", "no consequence"),
        ("sample=eve:het&impact=HIGH", "sample", "no genotypes"),
    ],
)
def test_nonsense_is_told_beside_its_field_and_the_rest_applies(
    alice: Browser, job: Job, query: str, field: str, said: str
) -> None:
    page = open_table(alice, job, query)
    [problem] = page.all("span", id=f"problem-{field}")
    assert said in text_of(problem)
    assert "not understood; the rest applies" in page.words
    assert len(found(page)) == 3


def test_what_was_typed_stays_in_the_field(alice: Browser, job: Job) -> None:
    page = open_table(alice, job, "region=20:9-1")
    [field] = page.all("input", name="region")
    assert (field.get("value"), field.get("aria-invalid")) == ("20:9-1", "true")


def test_a_gene_that_is_not_there_is_told_beside_the_field(alice: Browser, job: Job) -> None:
    page = open_table(alice, job, "gene=JAGG1 JAG1")
    [problem] = page.all("span", id="problem-gene")
    assert text_of(problem) == "No variant of this file lies in or near JAGG1."
    assert len(found(page)) == 3
    assert "not understood" not in page.words


def test_when_nothing_passes_the_ways_to_widen_are_offered_with_numbers(alice: Browser, job: Job) -> None:
    page = open_table(alice, job, "impact=HIGH&clinvar=Benign")
    assert "No variant passes this filter" in page.words
    assert "1 without “Impact: HIGH”" in page.words
    assert "3 without “ClinVar: Benign”" in page.words
    [link] = [link for link in page.all("a") if text_of(link).startswith("1 without")]
    assert found(alice.get(link.get("href", ""))) == ["20:9,100 G>A"]


def test_when_no_single_condition_is_to_blame_all_are_offered(alice: Browser, job: Job) -> None:
    page = open_table(alice, job, "impact=LOW&clinvar=none such&haplotype=1&gene=MT-ND4")
    assert "Show all variants" in page.words


def test_a_page_beyond_the_end_is_told_kindly(alice: Browser, job: Job) -> None:
    page = open_table(alice, job, "page=40&impact=HIGH")
    assert "There is no page 40" in page.words
    [link] = [link for link in page.all("a") if text_of(link) == "Go to the last one"]
    assert len(found(alice.get(link.get("href", "")))) == 3


def test_a_file_without_variants_says_so(world: ResultsWorld, alice: Browser) -> None:
    page = open_table(alice, world.explored([], samples=()))
    assert "There are no variants" in page.words


def test_pages_lead_on_and_back(world: ResultsWorld, alice: Browser) -> None:
    job = world.explored(
        [variant("1", pos, "A", "C", [call(None, "", "intergenic_variant", pick=True)]) for pos in range(1, 121)],
        samples=(),
    )
    page = open_table(alice, job, "sort=-variant&class=SNV")
    [following] = page.all("a", rel="next")
    page = alice.get(following.get("href", ""))
    assert found(page)[0] == "1:70 A>C"
    assert "51 – 100 of 120" in page.words
    assert page.all("a", rel="prev")
    last = open_table(alice, job, "page=3")
    assert not last.all("a", rel="next")
    assert len(found(last)) == 20


def test_a_column_is_sorted_by_its_head(alice: Browser, job: Job) -> None:
    page = open_table(alice, job, "clinvar=any")
    [head] = [link for link in page.all("a") if text_of(link) == "Frequency"]
    page = alice.get(head.get("href", ""))
    assert found(page)[0] == "20:3,000 C>T"
    [column] = page.all("th", **{"aria-sort": "ascending"})
    assert text_of(column).startswith("Frequency")
    assert chips(page) == ["ClinVar known to ClinVar"]


def test_the_table_of_a_file_without_frequencies_has_no_column_for_them(world: ResultsWorld, alice: Browser) -> None:
    job = world.explored([variant("20", 1000, "A", "G", [INTERGENIC])])
    assert "Frequency" not in [text_of(head) for head in open_table(alice, job).all("th", scope="col")]
    head = [text_of(head) for head in open_table(alice, job, "columns=variant,af").all("th", scope="col")]
    assert head == ["Variant▲", "Frequency"]


def test_columns_can_be_chosen(alice: Browser, job: Job) -> None:
    page = open_table(alice, job, "columns=gene,qual")
    assert [text_of(head) for head in page.all("th", scope="col")] == ["Gene", "QUAL"]
    assert page.all("a", **{"aria-label": "20:1,000 A>G"}), "a row leads to its variant even without that column"


def test_hgvs_is_there_whole_for_copying(alice: Browser, job: Job) -> None:
    page = open_table(alice, job, "impact=HIGH")
    assert page.all("button", **{"data-copy-text": "JAG1-201:c.2473C>T"})


def test_htmx_is_answered_the_parts_that_change_and_the_address(alice: Browser, job: Job) -> None:
    path = f"/jobs/{job.job_id}/variants?gene=&q=&impact=HIGH&match="
    page = alice.get(path, headers={"HX-Request": "true", "HX-Request-Type": "partial"})
    assert not page.is_whole
    assert page.headers["HX-Push-Url"] == f"/jobs/{job.job_id}/variants?impact=HIGH"
    assert len(page.all("section", id="found")) == 1
    numbers = {item.get("id"): text_of(item) for item in page.all("span") if item.get("hx-swap-oob") == "true"}
    assert (numbers["n-impact-0"], numbers["problem-region"]) == ("3", "")


def test_going_back_htmx_gets_the_whole_page(alice: Browser, job: Job) -> None:
    path = f"/jobs/{job.job_id}/variants?impact=HIGH"
    assert alice.get(path, headers={"HX-Request": "true", "HX-Request-Type": "full"}).is_whole


def test_every_part_that_htmx_brings_is_on_the_page(alice: Browser, job: Job) -> None:
    page = open_table(alice, job)
    part = alice.get(f"/jobs/{job.job_id}/variants", headers={"HX-Request": "true"})
    brought = {item.get("id") for item in part.root.iter() if item.get("hx-swap-oob")}
    assert brought
    assert brought <= {item.get("id") for item in page.root.iter()} | {"problem-genotype"}


def test_markup_in_a_file_is_text(world: ResultsWorld, alice: Browser) -> None:
    evil = "<script>alert(1)</script>"
    job = world.explored([
        variant("20", 5, "A", "C", [call(evil, evil, "stop_gained", pick=True)], ids=evil, filter=evil, clinvar_significance=evil, clinvar_conditions=evil, hgvsc=evil, gt=["0/1", "0/1", evil])
    ], samples=("child", "mother", evil))  # fmt: skip
    columns = "gene,hgvsc,clinvar,condition,ids,filter,genotypes,transcript"
    page = open_table(alice, job, f"columns={columns}&q={evil}&gene=x")
    assert evil not in page.text
    assert evil not in alice.get(f"/jobs/{job.job_id}/variants/0").text


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.COMPLETED])
def test_a_job_without_such_results_leads_back_to_its_page(
    world: ResultsWorld, alice: Browser, state: JobState
) -> None:
    job = world.job(state)
    page = alice.get(f"/jobs/{job.job_id}/variants")
    assert page.location == f"/jobs/{job.job_id}"
    assert "cannot be explored" in alice.follow(page).words


def test_deleting_a_job_removes_what_was_kept_of_it(world: ResultsWorld, alice: Browser, job: Job) -> None:
    open_table(alice, job)
    entries = world.folder / "cache" / "entries"
    assert len(list(entries.iterdir())) == 1
    alice.submit(alice.get(f"/jobs/{job.job_id}/delete"), "Delete for good")
    assert list(entries.iterdir()) == []


def test_a_damaged_result_is_told_in_a_sentence(world: ResultsWorld, alice: Browser, job: Job) -> None:
    key = job.results["consequences"].key
    world.results.objects[key] = world.results.objects[key][:-200]
    page = alice.get(f"/jobs/{job.job_id}/variants")
    assert page.status == 400
    assert "cannot be read. Run the job again." in page.words


def test_results_that_are_gone_are_not_found(world: ResultsWorld, alice: Browser, job: Job) -> None:
    world.results.delete_under(f"{job.user_id}/{job.job_id}/")
    assert alice.get(f"/jobs/{job.job_id}/variants").status == 404
    assert list((world.folder / "cache" / "making").iterdir()) == []


def test_single_samples_are_offered_only_where_their_genotypes_are(world: ResultsWorld, alice: Browser) -> None:
    cohort = tuple(f"person{number}" for number in range(21))
    item = {key: value for key, value in variant("20", 1, "A", "G", [INTERGENIC]).items() if key != "gt"}
    job = world.explored([{**item, "n_hom_ref": 20, "n_het": 1, "n_hom_alt": 0, "n_missing": 0}], cohort)
    page = open_table(alice, job)
    assert not page.all("select")
    assert "at most 20 samples" in page.words
    assert "0 of 1" not in open_table(alice, job, "sample=person3:het").words


def test_a_row_says_when_its_hgvs_is_of_another_transcript_than_its_consequence(alice: Browser, job: Job) -> None:
    rows = {text_of(head): text_of(row) for row in open_table(alice, job).all("tr") for head in row.iter("th")}
    assert "picked: missense" in rows["20:3,001 A>G"]
    assert "picked:" not in rows["20:3,000 C>T"]
    assert "picked:" not in rows["20:9,100 G>A"]


def test_what_lies_beside_a_gene_says_beside_which(alice: Browser, job: Job) -> None:
    [beside] = [row for row in open_table(alice, job).all("tr") if text_of(row).startswith("20:2,000")]
    [gene] = [cell for cell in beside.iter("td") if "c-gene" in cell.get("class", "")]
    assert text_of(gene) == "JAG1"
    assert [item.get("title") for item in gene.iter("i")] == ["Near JAG1, not in it"]
