"""An operator at three in the morning, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, StorageState, expect

from tests.browser.conftest import Visit
from tests.browser.test_main_job import overflow
from tests.whole import Gas

OPERATOR = ("operator@example.org", "powerhouse-of-the-cell")
WHY = "Somebody published what is no job."
PATHS = (
    "",
    "?period=7d",
    "/messages",
    "/dead-letters",
    "/subscriptions",
    "/look-up",
    "/look-up?q=demo@example.org",
    "/packs",
    "/audit?by=everybody",
)


@pytest.fixture(scope="session")
def operator_cookies(gas: Gas, browser: Browser) -> StorageState:
    """The operator account's session."""
    context = browser.new_context(base_url=gas.base_url)
    page = context.new_page()
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill(OPERATOR[0])
    page.get_by_label("Password").fill(OPERATOR[1])
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Operations").wait_for()
    state = context.storage_state()
    context.close()
    return state


def as_operator(visit: Visit, cookies: StorageState, path: str = "", **options: Any) -> Page:
    """A page of the operator's."""
    page = visit(signed_in=False, **options)
    page.context.add_cookies(cookies["cookies"])  # type: ignore[arg-type]  # what a context gave, a context takes
    page.goto(f"/operators{path}")
    return page


def test_what_failed_is_seen_replayed_and_discarded(visit: Visit, gas: Gas, operator_cookies: StorageState) -> None:
    page = as_operator(visit, operator_cookies)
    page.clock.install()
    page.reload()
    gas.aws("sns").publish(TopicArn=gas.stack_outputs()["JobRequestsTopic"], Message="no job at all")

    # The page hears of it by itself.
    link = page.locator("#overview").get_by_role("link", name="Look at them").first
    for _ in range(20):
        page.clock.run_for(10_000)
        page.wait_for_timeout(500)
        if link.is_visible():
            break
    expect(page.locator(".op-troubles")).to_contain_text("job-requests: 1 dead letter")
    link.click()

    row = page.locator(".op-letters tbody tr")
    expect(row).to_contain_text("This is not a JobRequested message")
    expect(row).to_contain_text("13 d 23 h")
    wide = page.viewport_size
    page.set_viewport_size({"width": 360, "height": 740})  # its heading goes, the box stays
    page.get_by_label("Choose all shown").check()
    if wide:
        page.set_viewport_size(wide)
    expect(page.locator("#picked-number")).to_have_text("(1)")
    page.get_by_role("button", name="Replay …").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Replay this letter?")
    expect(page.get_by_role("main")).to_contain_text("1 Would fail at once")
    page.get_by_label("Reason").fill(WHY)
    page.get_by_role("button", name="Replay it now").click()
    expect(page.get_by_role("main")).to_contain_text("1 Replayed")

    # It fails again, and is thrown away.
    page.get_by_role("link", name="See what becomes of them").click()
    message = page.locator(".op-table tbody tr").filter(has_text="job-requests").first
    for _ in range(40):
        if "Dead" in message.inner_text():
            break
        page.wait_for_timeout(250)
        page.reload()
    message.get_by_role("link").first.click()
    expect(page.locator(".op-trail")).to_contain_text("Attempt 2: failed for good")
    page.goto("/operators/dead-letters?queue=job-requests")
    page.get_by_label("all that fit, shown here or not").check()
    page.get_by_role("button", name="Discard …").click()
    page.get_by_label("Reason").fill(WHY)
    page.get_by_role("button", name="Discard it now").click()
    expect(page.get_by_role("main")).to_contain_text("Nothing is left in this queue")
    page.goto("/operators/audit")
    for what in ("Replayed the dead letter.", "Discarded the dead letter."):
        expect(page.locator(".op-audit tr").filter(has_text=what).first).to_contain_text(WHY)


def test_pushes_are_paused_and_resumed_without_javascript(visit: Visit, operator_cookies: StorageState) -> None:
    page = as_operator(visit, operator_cookies, "/subscriptions", java_script_enabled=False)
    daily = page.locator("#daily")
    daily.get_by_text("Pause the pushes").click()
    daily.get_by_label("Reason").fill("A look at how it is done.")
    daily.get_by_role("button", name="Pause daily").click()
    expect(daily).to_contain_text("Paused by operator@example.org")
    page.goto("/operators")
    expect(page.locator(".op-troubles")).to_contain_text("daily was paused by operator@example.org")
    page.goto("/operators/subscriptions")
    daily.get_by_text("Resume the pushes").click()
    daily.get_by_label("Reason").fill("It was only a look.")
    daily.get_by_role("button", name="Resume daily").click()
    expect(daily).not_to_contain_text("Paused by")


@pytest.mark.parametrize(
    ("scheme", "size"), [("light", {"width": 390, "height": 800}), ("dark", {"width": 1280, "height": 900})]
)
def test_no_page_is_wider_than_its_window(visit: Visit, operator_cookies: StorageState, scheme: Any, size: Any) -> None:
    page = as_operator(visit, operator_cookies, viewport=size, color_scheme=scheme)
    for path in PATHS:
        answer = page.goto(f"/operators{path}")
        assert answer is not None
        assert answer.ok, path
        assert overflow(page) == 0, path


def test_an_ordinary_user_finds_nothing_there(visit: Visit) -> None:
    page = visit("/jobs")
    answer = page.request.get("/operators")
    assert answer.status == 404
    assert "Nothing here" in answer.text()
    expect(page.get_by_role("link", name="Operations")).to_have_count(0)
