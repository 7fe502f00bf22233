"""A biologist explores the variants of a job, in a real browser."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.test_main_job import NARROW, overflow

WIDE = {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def explored(gas: Any, browser: Any, demo_cookies: Any) -> str:
    """The path of a job on the example, done."""
    context = browser.new_context(base_url=gas.base_url, storage_state=demo_cookies)
    page = context.new_page()
    page.goto("/jobs/new")
    page.get_by_role("button", name="Try with example data").click()
    page.get_by_role("link", name="Explore all variants").wait_for(timeout=30_000)
    path: str = page.url.removeprefix(gas.base_url)
    context.close()
    return path


def found(page: Page) -> Any:
    return page.locator(".variants tbody tr")


def test_a_bar_of_the_summary_leads_to_the_variants_that_it_counts(visit: Visit, explored: str) -> None:
    page = visit(explored)
    tile = page.locator(".tile-high")
    counted = int(tile.locator(".tile-number").inner_text())
    tile.click()
    page.wait_for_url(re.compile("/variants\\?impact=HIGH$"))
    expect(found(page)).to_have_count(counted)
    expect(page.get_by_role("link", name="Remove the filter Impact: HIGH")).to_be_visible()


def test_what_is_typed_filters_at_once_and_stands_in_the_address(visit: Visit, explored: str) -> None:
    page = visit(f"{explored}/variants")
    everything = found(page).count()
    page.get_by_label("Gene", exact=True).press_sequentially("MT-ND4")
    expect(page.locator(".found-number")).to_contain_text(f"4 of {everything}")
    expect(found(page)).to_have_count(4)
    page.wait_for_url("**/variants?gene=MT-ND4")
    expect(page.locator("#n-impact-0")).to_have_text("0")
    expect(page.get_by_label("Gene", exact=True)).to_be_focused()
    page.get_by_label("MODERATE").check()
    expect(found(page)).to_have_count(1)
    page.wait_for_url("**/variants?gene=MT-ND4&impact=MODERATE")
    page.go_back()
    expect(found(page)).to_have_count(4)
    expect(page.get_by_label("MODERATE")).not_to_be_checked()
    page.get_by_role("link", name="Remove the filter Gene: MT-ND4").click()
    expect(found(page)).to_have_count(everything)


def test_nonsense_is_told_beside_its_field_while_the_rest_stays(visit: Visit, explored: str) -> None:
    page = visit(f"{explored}/variants?impact=HIGH")
    high = found(page).count()
    page.get_by_label("Region").fill("MT:900-100")
    expect(page.locator("#problem-region")).to_contain_text("ends before it begins")
    expect(found(page)).to_have_count(high)
    page.get_by_label("Region").fill("MT:1-16569")
    expect(page.locator("#problem-region")).to_be_empty()


def test_columns_are_sorted_and_chosen_in_place(visit: Visit, explored: str) -> None:
    page = visit(f"{explored}/variants")
    page.get_by_role("columnheader", name="Impact").get_by_role("link").click()
    expect(found(page).first).to_contain_text("HIGH")
    page.get_by_role("columnheader", name="Impact").get_by_role("link").click()
    expect(found(page).first).to_contain_text("MODIFIER")
    page.wait_for_url("**sort=-impact")
    page.get_by_text("Columns", exact=True).press("Enter")
    page.get_by_label("QUAL From the file").press("Space")
    expect(page.get_by_role("columnheader", name="QUAL")).to_be_visible()
    expect(page).to_have_url(re.compile("sort=-impact&columns=.*qual"))
    expect(page.get_by_label("QUAL From the file")).to_be_focused()
    page.get_by_label("Line In the uploaded file").check()
    expect(page.get_by_role("columnheader", name="Line")).to_be_visible()


@pytest.mark.parametrize("script", [True, False])
def test_the_choice_of_columns_is_at_the_table(visit: Visit, explored: str, script: bool) -> None:
    page = visit(f"{explored}/variants?impact=HIGH", viewport=WIDE, java_script_enabled=script)
    choice = page.get_by_text("Columns", exact=True)
    expect(choice).to_be_in_viewport()
    choice.click()
    page.get_by_label("QUAL From the file").check()
    if not script:
        page.get_by_role("button", name="Show these columns").click()
    page.wait_for_url("**/variants?impact=HIGH&columns=*qual")
    expect(page.get_by_role("columnheader", name="QUAL")).to_be_visible()


def test_a_change_of_usual_length_is_not_broken_in_two(visit: Visit, explored: str) -> None:
    change = visit(explored, viewport=WIDE).locator(".highlights").get_by_text("p.Phe94_Phe98del", exact=True)
    lines = change.evaluate("code => code.offsetHeight / parseFloat(getComputedStyle(code).lineHeight)")
    assert round(lines) == 1


@pytest.mark.parametrize("more", ["", "?columns=variant,gene,consequence,impact,hgvsc,hgvsp,clinvar,af,zygosity"])
def test_the_table_fits_a_laptop_with_nothing_cut_off(visit: Visit, explored: str, more: str) -> None:
    page = visit(f"{explored}/variants{more}", viewport=WIDE)
    cut = page.locator(".found-table").evaluate(
        """box => [box, ...box.querySelectorAll(".badge")].filter((item) => item.scrollWidth > item.clientWidth).length"""
    )
    assert cut == 0
    expect(page.get_by_text("Pathogenic/Likely pathogenic").first).to_be_visible()


def test_a_variants_page_leads_on_within_the_filter(visit: Visit, explored: str) -> None:
    page = visit(f"{explored}/variants?gene=MT-ND4")
    found(page).first.get_by_role("link").first.click()
    expect(page.get_by_text("1 of 4 in the filter")).to_be_visible()
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("2 of 4 in the filter")).to_be_visible()
    page.get_by_role("link", name="Back to the table").click()
    expect(found(page)).to_have_count(4)


def test_hgvs_is_copied_with_a_click(visit: Visit, explored: str) -> None:
    page = visit(f"{explored}/variants?q=p.Arg340His", permissions=["clipboard-read", "clipboard-write"])
    row = found(page).first
    row.hover()
    row.get_by_role("button", name=re.compile("^Copy .*:p.Arg340His")).click()
    assert re.fullmatch(r"[\w.-]+:p\.Arg340His", page.evaluate("navigator.clipboard.readText()"))


def test_rows_are_walked_through_by_keyboard(visit: Visit, explored: str) -> None:
    page = visit(f"{explored}/variants")
    found(page).first.get_by_role("link").first.focus()
    page.keyboard.press("ArrowDown")
    expect(found(page).nth(1).get_by_role("link").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 of 41")).to_be_visible()


def test_the_filter_works_without_javascript(visit: Visit, explored: str) -> None:
    page = visit(f"{explored}/variants", java_script_enabled=False)
    page.get_by_label("Gene", exact=True).fill("MT-ND4")
    page.get_by_label("MODERATE").check()
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url("**/variants?gene=MT-ND4&impact=MODERATE")
    expect(found(page)).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [NARROW, {"width": 390, "height": 844}, WIDE], ids=["360", "390", "1280"])
def test_no_page_is_wider_than_its_window(visit: Visit, explored: str, scheme: Any, size: Any) -> None:
    page = visit(explored, viewport=size, color_scheme=scheme)
    assert overflow(page) == 0
    for path in ("/variants", "/variants?impact=HIGH&gene=NOPE", "/variants/7", "/genome"):
        page.goto(explored + path)
        assert overflow(page) == 0, path


def test_the_genome_is_drawn_from_the_jobs_own_files_alone(visit: Visit, explored: str) -> None:
    page = visit(f"{explored}/genome?locus=MT:3000-4000")
    expect(page.get_by_title("Variants", exact=True)).to_be_visible()
    expect(page.get_by_title("Genes with variants", exact=True)).to_be_visible()
    expect(page.locator("#genome-state")).to_have_count(0)
    # the track's canvas is no longer of one colour when the variants were read and drawn
    page.wait_for_function(
        """() => [...document.getElementById("genome").shadowRoot.querySelectorAll("canvas")].filter((canvas) => {
             const data = canvas.width && canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
             return data && new Set(new Uint32Array(data.buffer)).size > 2;
           }).length >= 2"""
    )


def test_the_genome_view_goes_on_reading_however_long_it_is_open(visit: Visit, explored: str) -> None:
    assert "X-Amz-" not in visit(f"{explored}/genome").content(), "an address that runs out is in the page"


def test_words_in_the_genome_view_can_be_read_in_a_dark_window(visit: Visit, explored: str) -> None:
    page = visit(f"{explored}/genome", color_scheme="dark")
    label = page.get_by_title("Variants", exact=True)
    expect(label).to_have_css("background-color", "rgb(255, 255, 255)")
    expect(label).to_have_css("color", "rgb(0, 0, 0)")


@pytest.mark.parametrize("width", [360, 390, 760, 1280])
def test_everything_in_the_genome_views_bar_is_in_sight(visit: Visit, explored: str, width: int) -> None:
    page = visit(f"{explored}/genome", viewport={"width": width, "height": 844})
    bar = page.locator(".igv-navbar")
    expect(page.locator("#genome-state")).to_have_count(0)
    assert bar.locator("svg:visible").count() >= 3, "the magnifier, closer and farther"
    outside = bar.evaluate(
        """bar => [...bar.querySelectorAll("svg, input")].filter((item) => {
             const [its, whole] = [item.getBoundingClientRect(), bar.getBoundingClientRect()];
             return its.width && (its.left < whole.left || its.right > whole.right || its.bottom > whole.bottom);
           }).length"""
    )
    assert outside == 0
