"""A file for another reference than the installed ones: explained before anything is annotated."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import Visit

ON_37 = (
    "##fileformat=VCFv4.2\n##contig=<ID=chr20,length=63025520>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    "chr20\t1000000\t.\tA\tG\t.\tPASS\t.\n"
)
EXPLAINED = "The first records are on chr20."
JOB = re.compile(r"/jobs/[0-9a-f]{32}$")


def test_an_upload_for_another_reference_is_asked_about_and_can_be_deleted(visit: Visit) -> None:
    page = visit("/jobs/new")
    page.locator("#files").set_input_files({"name": "g37.vcf", "mimeType": "text/plain", "buffer": ON_37.encode()})
    page.wait_for_url(JOB)
    expect(page.locator("#job-state")).to_have_text("Needs your answer")
    expect(page.get_by_text(EXPLAINED)).to_be_visible()
    expect(page.get_by_text("gas packs install grch37")).to_be_visible()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete for good").click()
    page.wait_for_url(re.compile(r"/jobs$"))


def test_the_reference_is_chosen_with_the_keyboard_before_the_file(visit: Visit) -> None:
    page = visit("/jobs/new")
    select = page.get_by_label("Reference").first
    select.focus()
    page.keyboard.press("ArrowDown")
    expect(select).to_have_value("rcrs")
    page.locator("#files").set_input_files({"name": "g37.vcf", "mimeType": "text/plain", "buffer": ON_37.encode()})
    page.wait_for_url(JOB)
    expect(page.get_by_text("Human mitochondrial genome (rCRS) has nothing of that name.")).to_be_visible()


def test_asking_and_answering_work_without_javascript(visit: Visit) -> None:
    page = visit("/jobs/new", java_script_enabled=False)
    page.get_by_label("One variant a line").fill("chr20-1234-A-G")
    page.get_by_role("button", name="Annotate", exact=True).click()
    page.wait_for_url(JOB)
    expect(page.get_by_text(EXPLAINED)).to_be_visible()
    page.get_by_role("button", name="Annotate with Human mitochondrial genome (rCRS) anyway").click()
    page.wait_for_url(JOB)
    expect(page.locator("#job-state")).not_to_have_text("Needs your answer")
