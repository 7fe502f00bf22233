"""Which reference a job is for: found from its file, asked for, or asked about before it starts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from frontend.catalogue import BUILT_IN
from frontend.jobs import paste
from shared.core.errors import Unavailable
from shared.core.jobs import JobState, PackQuestion
from shared.core.packs import CATALOGUE_KEY, PackCard, write_catalogue
from tests.client import Browser, Page, text_of
from tests.unit.core.cards import GRCH37, GRCH38, RCRS
from tests.unit.frontend_jobs.world import SUMMARY, JobsWorld, call

HEAD = "##fileformat=VCFv4.2\n##contig=<ID=chr20,length={}>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
ON_37 = (HEAD.format(63025520) + "chr20\t1000\t.\tA\tG\t.\t.\t.\n").encode()
ON_38 = (HEAD.format(64444167) + "chr20\t1000\t.\tA\tG\t.\t.\t.\n").encode()
EITHER = b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n20\t1000\t.\tA\tG\t.\t.\t.\n"


def install(world: JobsWorld, *cards: PackCard) -> None:
    world.results.write(CATALOGUE_KEY, write_catalogue(cards), content_type="application/json")
    world.later(minutes=1)


def begin(browser: Browser, pack: Any = "") -> Any:
    return call(browser, "/jobs", {"name": "exome.vcf", "size": 5, "pack": pack})


def upload(world: JobsWorld, browser: Browser, content: bytes, pack: str = "") -> Page:
    """Through S3, up to the page that the script goes to."""
    body: Any = begin(browser, pack).response.json
    world.inputs.write(body["upload"]["fields"]["key"], content, content_type="")
    answer: Any = call(browser, body["submit"]).response.json
    return browser.get(answer["page"])


def buttons(page: Page) -> list[str]:
    return [text_of(button) for form in page.all("form") for button in form.iter("button")]


def options(page: Page, field: str) -> dict[str, str]:
    [select] = page.all("select", id=field)
    return {option.get("value", ""): text_of(option) for option in select.iter("option")}


# ---- what is offered ----


@pytest.mark.parametrize("field", ["upload-pack", "paste-pack"])
def test_detection_is_offered_first_then_the_installed_packs(world: JobsWorld, alice: Browser, field: str) -> None:
    install(world, GRCH37, GRCH38, RCRS)
    shown = options(alice.get("/jobs/new"), field)
    assert list(shown) == ["", "grch37", "grch38", "rcrs"]
    assert shown[""] == "Detect from the file (recommended)"
    assert "GRCh38" in shown["grch38"]


@pytest.mark.parametrize("data", [None, b"nonsense", b'{"packs": []}'])
def test_without_a_catalogue_the_built_in_pack_is_offered(world: JobsWorld, alice: Browser, data: bytes | None) -> None:
    if data is not None:
        world.results.write(CATALOGUE_KEY, data, content_type="")
    assert list(options(alice.get("/jobs/new"), "paste-pack")) == ["", BUILT_IN.name]


def test_what_was_read_last_is_offered_while_the_catalogue_cannot_be_read(world: JobsWorld) -> None:
    install(world, GRCH38)
    assert [card.name for card in world.services.catalogue.cards()] == ["grch38"]
    world.results.fail_with = Unavailable("S3 is away.")
    world.later(minutes=1)
    assert [card.name for card in world.services.catalogue.cards()] == ["grch38"]


def test_the_catalogue_is_read_again_after_half_a_minute(world: JobsWorld) -> None:
    install(world, GRCH38)
    catalogue = world.services.catalogue
    assert catalogue.card("grch37") is None
    world.results.write(CATALOGUE_KEY, write_catalogue([GRCH37]), content_type="")
    assert catalogue.card("grch37") is None
    world.later(seconds=30)
    assert catalogue.card("grch37") == GRCH37


# ---- found ----


@pytest.mark.parametrize(("content", "pack"), [(ON_37, "grch37"), (ON_38, "grch38")])
def test_an_uploads_reference_is_found_from_its_header(
    world: JobsWorld, alice: Browser, content: bytes, pack: str
) -> None:
    install(world, RCRS, GRCH37, GRCH38)
    page = upload(world, alice, content)
    job = world.only_job()
    assert (job.state, job.pack) == (JobState.QUEUED, pack)
    assert "The header says chr20 is" in job.pack_why
    assert job.pack_why in page.words
    assert [message.job_id for message in world.announced] == [job.job_id]


def test_what_was_asked_for_is_taken_when_it_fits(world: JobsWorld, alice: Browser) -> None:
    install(world, RCRS, GRCH37, GRCH38)
    upload(world, alice, EITHER, pack="grch37")
    assert (world.only_job().pack, world.only_job().state) == ("grch37", JobState.QUEUED)


def test_pasted_variants_and_the_example_are_looked_at_in_the_same_way(world: JobsWorld, alice: Browser) -> None:
    install(world, RCRS, GRCH38)
    for button, fields in (("Annotate", {"variants": "20:1234 A G"}), ("Try with example data", {})):
        alice.submit(alice.get("/jobs/new"), button, **fields)
    assert sorted(job.pack for job in world.jobs.jobs.values()) == ["grch38", "rcrs"]
    assert len(world.announced) == 2


def test_a_reference_is_asked_for_with_the_pasted_variants(world: JobsWorld, alice: Browser) -> None:
    install(world, RCRS, GRCH37, GRCH38)
    alice.submit(alice.get("/jobs/new"), "Annotate", variants="chr20-1234-A-G", pack="grch37")
    assert world.only_job().pack == "grch37"


def test_the_chosen_reference_is_kept_beside_variants_that_cannot_be_read(world: JobsWorld, alice: Browser) -> None:
    install(world, RCRS, GRCH38)
    page = alice.submit(alice.get("/jobs/new"), "Annotate", variants="nonsense", pack="grch38")
    [select] = page.all("select", id="paste-pack")
    assert [option.get("value") for option in select.iter("option") if "selected" in option.attrib] == ["grch38"]


@pytest.mark.parametrize("pack", ["mm39", "../../etc", "GRCH38", " ", "'; DROP TABLE jobs"])
def test_a_reference_that_is_not_installed_begins_nothing(world: JobsWorld, alice: Browser, pack: str) -> None:
    install(world, GRCH38)
    assert begin(alice, pack).status == 400
    page = alice.get("/jobs/new")
    assert alice.submit(page, "Annotate", variants="m.1A>G", pack=pack).status == 400
    assert not world.jobs.jobs


@pytest.mark.parametrize("pack", [7, ["grch38"], {"a": 1}, True])
def test_a_reference_that_is_no_name_begins_nothing(world: JobsWorld, alice: Browser, pack: Any) -> None:
    assert begin(alice, pack).status == 400
    assert not world.jobs.jobs


# ---- asked about ----


def test_a_mismatch_is_explained_before_anything_starts(world: JobsWorld, alice: Browser) -> None:
    install(world, RCRS, GRCH38)
    page = upload(world, alice, ON_37)
    job = world.only_job()
    assert (job.state, job.input.size) == (JobState.CREATED, len(ON_37))
    assert world.announced == []
    assert "The header says chr20 is 63,025,520 long: that is GRCh37; GRCh38 has 64,444,167." in page.words
    assert "Annotate with GRCh38 anyway" in buttons(page)
    assert "Delete" in [text_of(link) for link in page.all("a")]
    assert "waits for its file" not in page.words
    assert "Needs your answer" in alice.get("/jobs").words


def test_a_wish_that_the_file_contradicts_is_asked_about_and_the_fitting_pack_comes_first(
    world: JobsWorld, alice: Browser
) -> None:
    install(world, RCRS, GRCH37, GRCH38)
    page = upload(world, alice, ON_37, pack="grch38")
    shown = [button for button in buttons(page) if button.startswith("Annotate")]
    assert shown == [
        "Annotate with GRCh37",
        "Annotate with Human mitochondrial genome (rCRS) anyway",
        "Annotate with GRCh38 anyway",
    ]
    assert "It fits GRCh37, which is installed too." in page.words


@pytest.mark.parametrize(
    ("button", "pack"), [("Annotate with GRCh37", "grch37"), ("Annotate with GRCh38 anyway", "grch38")]
)
def test_the_answer_starts_the_job_whatever_the_file_says(
    world: JobsWorld, alice: Browser, button: str, pack: str
) -> None:
    install(world, RCRS, GRCH37, GRCH38)
    page = upload(world, alice, ON_37, pack="grch38")
    after = alice.follow(alice.submit(page, button))
    job = world.only_job()
    assert (job.state, job.pack, job.pack_question) == (JobState.QUEUED, pack, None)
    assert [message.job_id for message in world.announced] == [job.job_id]
    assert "You chose it." in after.words


def test_two_packs_that_nothing_tells_apart_are_both_offered(world: JobsWorld, alice: Browser) -> None:
    install(world, GRCH37, GRCH38)
    page = upload(world, alice, EITHER)
    assert "Nothing in the file says on which assembly" in page.words
    assert {"Annotate with GRCh37", "Annotate with GRCh38"} <= set(buttons(page))


def test_a_second_answer_changes_nothing(world: JobsWorld, alice: Browser) -> None:
    install(world, GRCH37, GRCH38)
    page = upload(world, alice, EITHER)
    alice.submit(page, "Annotate with GRCh37")
    assert alice.submit(page, "Annotate with GRCh38").status == 303
    assert world.only_job().pack == "grch37"
    assert len(world.announced) == 1


@pytest.mark.parametrize("pack", ["", "mm39", "../x"])
def test_an_answer_that_is_none_starts_nothing(world: JobsWorld, alice: Browser, pack: str) -> None:
    install(world, GRCH37, GRCH38)
    page = upload(world, alice, EITHER)
    assert alice.submit(page, "Annotate with GRCh37", pack=pack).status == 400
    assert world.only_job().state is JobState.CREATED


def test_an_answer_without_a_file_is_told_kindly(world: JobsWorld, alice: Browser) -> None:
    job = world.job(pack_question=PackQuestion("Which?"))
    page = alice.follow(alice.submit(alice.get(f"/jobs/{job.job_id}"), f"Annotate with {BUILT_IN.title} anyway"))
    assert "has not arrived" in page.words


def test_submitting_again_after_the_pack_was_installed_starts_the_job(world: JobsWorld, alice: Browser) -> None:
    install(world, RCRS)
    upload(world, alice, ON_38)
    job = world.only_job()
    assert job.state is JobState.CREATED
    install(world, RCRS, GRCH38)
    call(alice, f"/jobs/{job.job_id}/submit")
    assert (world.only_job().state, world.only_job().pack) == (JobState.QUEUED, "grch38")


def test_a_page_that_asks_does_not_ask_for_itself(world: JobsWorld, alice: Browser) -> None:
    job = world.job(pack_question=PackQuestion("Which?"))
    assert "hx-get" not in alice.get(f"/jobs/{job.job_id}").text


def test_a_job_cancelled_before_its_reference_was_known_is_not_run(world: JobsWorld, alice: Browser) -> None:
    job = world.job(JobState.CANCELLED, pack="")
    page = alice.follow(alice.submit(alice.get(f"/jobs/{job.job_id}"), "Run again"))
    assert "no file to run again" in page.words
    assert world.stored(job).state is JobState.CANCELLED


# ---- provenance ----


def done(world: JobsWorld, **pack: Any) -> Any:
    used = {
        "name": "grch38",
        "title": "Human GRCh38",
        "version": "1",
        "sources": [{"name": "ClinVar", "version": "2024-12-15"}],
    }
    return world.job(JobState.COMPLETED, pack="grch38", summary={**SUMMARY, "pack": {**used, **pack}})


def test_a_newer_clinvar_is_offered_on_an_old_job(world: JobsWorld, alice: Browser) -> None:
    install(world, RCRS, GRCH38)
    job = done(world)
    page = alice.get(f"/jobs/{job.job_id}")
    assert "A newer ClinVar (2025-11-03) is installed than the one this job used (2024-12-15)." in page.words
    alice.submit(page, "Annotate again")
    assert (world.stored(job).state, world.stored(job).run) == (JobState.QUEUED, 2)


def test_nothing_is_offered_when_nothing_is_newer(world: JobsWorld, alice: Browser) -> None:
    install(world, RCRS, replace(GRCH38, sources=({"name": "ClinVar", "version": "2024-12-15"},)))
    assert "Annotate again" not in buttons(alice.get(f"/jobs/{done(world).job_id}"))


def test_a_finished_job_says_which_version_of_which_pack_it_used(world: JobsWorld, alice: Browser) -> None:
    page = alice.get(f"/jobs/{done(world).job_id}")
    assert "Human GRCh38" in page.words
    assert "grch38, version 1" in page.words


# ---- pasted positions ----


@pytest.mark.parametrize(
    "text",
    ["20:1234 A G", "chr20-1234-A-G", "chr20:1234:A:G", "20 1234 A G", "20:1234 A>G", "chr20:1234A>G", "20_1234_A/G"],
)
def test_positions_on_chromosomes_are_read(text: str) -> None:
    [record] = [line for line in paste.parse(text).vcf.decode().splitlines() if not line.startswith("#")]
    assert record.removeprefix("chr").split("\t")[:5] == ["20", "1234", ".", "A", "G"]
