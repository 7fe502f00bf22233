"""A biologist's first minutes, in a real browser."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, StorageState, expect

from tests.browser.conftest import Visit
from tests.person import Person
from tests.whole import Gas, wait_for

VCF = (
    "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    "chrM\t11778\t.\tG\tA\t.\tPASS\t.\nchrM\t3243\t.\tA\tG\t.\tPASS\t.\n"
)
DONE = "Done"
NARROW = {"width": 360, "height": 740}


def expect_done(page: Page) -> None:
    expect(page.locator("#job-state")).to_have_text(DONE, timeout=30_000)


def overflow(page: Page) -> int:
    """Pixels by which the page is wider than the window."""
    pixels: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return pixels


def test_the_example_runs_in_one_click_and_the_page_and_its_title_follow(visit: Visit) -> None:
    page = visit("/jobs/new")
    page.get_by_role("button", name="Try with example data").click()
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f]{32}$"))
    expect_done(page)
    expect(page).to_have_title(re.compile("^✓ Done"))
    expect(page.get_by_role("heading", name="Look at these first")).to_be_visible()
    expect(page.get_by_text("records in =")).to_be_visible()


def test_a_file_is_uploaded_with_a_click_and_its_result_downloaded(visit: Visit, tmp_path: Path) -> None:
    page = visit("/jobs/new")
    page.locator("#files").set_input_files({"name": "a b's “c”.vcf", "mimeType": "text/plain", "buffer": VCF.encode()})
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f]{32}$"))
    expect_done(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("a b's “c”.vcf")
    with page.expect_download() as download:
        page.get_by_role("link", name="Annotated VCF").first.click()
    assert download.value.suggested_filename.endswith(".annotated.vcf.gz")
    download.value.save_as(tmp_path / "result.vcf.gz")
    assert b"missense_variant" in gzip.decompress((tmp_path / "result.vcf.gz").read_bytes())


def test_a_dropped_file_is_uploaded(visit: Visit) -> None:
    page = visit("/jobs/new")
    transfer = page.evaluate_handle(
        "text => { const data = new DataTransfer(); data.items.add(new File([text], 'dropped.vcf')); return data; }",
        VCF,
    )
    page.dispatch_event("#drop", "dragenter", {"dataTransfer": transfer})
    page.dispatch_event("#drop", "drop", {"dataTransfer": transfer})
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f]{32}$"))
    expect_done(page)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("picture.vcf", b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "VCF"),
        ("empty.vcf", b"", "empty"),
        ("notes.docx", b"PK\x03\x04", ".vcf"),
    ],
)
def test_a_wrong_file_is_refused_before_a_byte_is_sent(visit: Visit, name: str, content: bytes, said: str) -> None:
    page = visit("/jobs/new")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.locator("#files").set_input_files({"name": name, "mimeType": "text/plain", "buffer": content})
    refusal = page.locator('#transfers [data-state="refused"]')
    expect(refusal).to_be_visible()
    expect(refusal).to_contain_text(said)
    assert sent == []


def test_a_failure_says_what_is_wrong_and_where(visit: Visit) -> None:
    page = visit("/jobs/new")
    broken = VCF + "chrM\t15\tonly-three\n"
    page.locator("#files").set_input_files({"name": "broken.vcf", "mimeType": "text/plain", "buffer": broken.encode()})
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f]{32}$"))
    expect(page.get_by_role("alert")).to_contain_text("Line 5", timeout=30_000)
    expect(page.get_by_role("alert")).to_contain_text("How to mend it")
    expect(page).to_have_title(re.compile("^✗ Failed"))


def test_everything_but_the_upload_works_without_javascript(visit: Visit) -> None:
    page = visit("/jobs/new", java_script_enabled=False)
    page.get_by_label("One variant a line").fill("m.3243A>G")
    page.get_by_role("button", name="Annotate").click()
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f]{32}$"))

    def done() -> bool:
        page.reload()
        return page.locator("#job-state").inner_text().strip() == "Done"

    wait_for("the job's end, by reloading", done, seconds=30, pause=0.3)
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("its files are deleted")).to_be_visible()


def test_a_job_can_be_begun_by_keyboard_alone(visit: Visit) -> None:
    page = visit("/jobs/new")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == "Try with example data":
            break
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f]{32}$"))
    expect_done(page)


@pytest.mark.parametrize("path", ["/jobs/{}", "/jobs"])
@pytest.mark.parametrize("broken", ["no answer", "503"])
def test_a_page_that_follows_a_job_says_so_when_gas_is_gone_until_it_is_back(
    gas: Gas, browser: Browser, demo_cookies: StorageState, path: str, broken: str
) -> None:
    job = Person(gas).sign_in().begin("waits.vcf", 100)["job_id"]
    context = browser.new_context(base_url=gas.base_url, storage_state=demo_cookies)
    page = context.new_page()
    said = page.get_by_role("status").filter(has_text="No connection to GAS; trying again.")
    with page.expect_response("**/live"):
        page.goto(path.format(job))
    expect(said).to_have_count(0)
    page.route("**/live", lambda route: route.abort() if broken == "no answer" else route.fulfill(status=503))
    expect(said).to_be_visible(timeout=20_000)
    page.unroute("**/live")
    expect(said).to_have_count(0, timeout=20_000)
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [NARROW, {"width": 1280, "height": 900}], ids=["narrow", "wide"])
def test_no_page_is_wider_than_its_window(visit: Visit, scheme: Any, size: Any) -> None:
    page = visit("/jobs/new", viewport=size, color_scheme=scheme)
    assert overflow(page) == 0
    page.get_by_role("button", name="Try with example data").click()
    expect_done(page)
    assert overflow(page) == 0
    for path in ("/", "/jobs", "/account"):
        page.goto(path)
        assert overflow(page) == 0, path


@pytest.mark.parametrize("width", [360, 390])
def test_the_table_of_the_home_page_fits_a_telephone(visit: Visit, width: int) -> None:
    page = visit("/", signed_in=False, viewport={"width": width, "height": 740})
    assert page.locator(".sample .table-scroll").evaluate("box => box.scrollWidth - box.clientWidth") == 0


def test_the_email_in_the_mailbox_leads_to_the_job(visit: Visit, gas: Gas) -> None:
    page = visit("/jobs/new")
    page.get_by_role("button", name="Try with example data").click()
    expect_done(page)
    job = page.url.rpartition("/")[2]
    wait_for("the e-mail", lambda: [mail for mail in gas.mails() if job in mail["text"]])
    page.goto(f"{gas.cloud_url}/mailbox")
    page.get_by_role("link", name="is annotated").first.click()
    expect(page.get_by_text(f"/jobs/{job}").first).to_be_visible()
