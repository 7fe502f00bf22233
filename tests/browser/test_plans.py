"""Free, archived, upgraded, restored, cancelled: the whole way through real pages, pushes and the local Stripe."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.person import Person
from tests.whole import Gas, running_gas, wait_for

QUICK = {
    "GAS_LOCAL_RETENTION_SECONDS": "6",
    "GAS_LOCAL_ARCHIVE_NOTICE_SECONDS": "3",
    "GAS_LOCAL_RESTORE_SECONDS": "1",
}
NARROW = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Gas]:
    """A GAS that archives after seconds."""
    with running_gas(tmp_path_factory.mktemp("hasty"), QUICK) as running:
        yield running


@pytest.fixture
def page(hasty: Gas, browser: Browser) -> Iterator[Page]:
    """The demo account's first page; complaints of the console fail the test, but for answers that say no."""
    context = browser.new_context(base_url=hasty.base_url, viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(30_000)
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on(
        "console",
        lambda message: (
            complaints.append(message.text)
            if message.type == "error" and "Failed to load resource" not in message.text
            else None
        ),
    )
    opened.goto("/sign-in")
    opened.get_by_label("E-mail").fill("demo@example.org")
    opened.get_by_label("Password").fill("mitochondria")
    opened.get_by_role("main").get_by_role("button", name="Sign in").click()
    opened.get_by_role("button", name="Sign out").wait_for()
    yield opened
    context.close()
    assert complaints == []


def pay_with(page: Page, number: str) -> None:
    page.get_by_label("Card number").fill(number)
    page.get_by_label("Expiration").fill("12/34")
    page.get_by_label("Security code").fill("123")
    page.get_by_role("button", name="Subscribe").click()


def files_of(gas: Gas, job_id: str) -> str:
    item = gas.aws("dynamodb").get_item(
        TableName=gas.stack_outputs()["JobsTable"], Key={"job_id": {"S": job_id}}, ConsistentRead=True
    )["Item"]
    return str(item["files"]["S"])


def advance_stripe(gas: Gas, days: int) -> None:
    answer = requests.post(f"{gas.cloud_url}/stripe/clock", data={"days": days}, timeout=60)
    assert answer.ok, answer.text[:500]


def subjects(gas: Gas) -> list[str]:
    return [mail["subject"] for mail in gas.mails("demo@example.org")]


@pytest.mark.timeout(300)
def test_files_are_archived_come_back_with_an_upgrade_and_go_again_after_the_end_of_the_subscription(
    hasty: Gas, page: Page
) -> None:
    person = Person(hasty).sign_in()
    job_id = person.start_example()
    person.wait_until_final(job_id)
    job = f"/jobs/{job_id}"

    # Free: the page counts down, then says that the files are archived; the summary stays.
    page.goto(job)
    expect(page.get_by_role("heading", name="Its files are archived")).to_be_visible(timeout=30_000)
    expect(page.get_by_role("heading", name="upgrade to restore them")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Het/hom")).to_be_visible()
    page.goto(f"{job}/files/vcf")
    expect(page.get_by_role("heading", name="This needs the job’s files")).to_be_visible()
    wait_for("the e-mail about the archive", lambda: any("archive" in subject for subject in subjects(hasty)))

    # The upgrade: a card that is declined, one that needs authentication, refused and then given.
    page.get_by_role("link", name="Upgrade to premium").click()
    page.get_by_role("button", name="Upgrade to premium").click()
    pay_with(page, "4000 0000 0000 0002")
    expect(page.get_by_role("alert")).to_contain_text("declined")
    pay_with(page, "4000 0025 0000 3155")
    page.get_by_role("button", name="Fail authentication").click()
    expect(page.get_by_role("alert")).to_be_visible()
    pay_with(page, "4000 0025 0000 3155")
    page.get_by_role("button", name="Complete authentication").click()
    expect(page.get_by_text("Welcome to premium")).to_be_visible()
    expect(page.get_by_text("Next invoice")).to_be_visible()

    # The files come back by themselves, one e-mail says so, and they can be downloaded.
    wait_for("the files to come back", lambda: files_of(hasty, job_id) == "AVAILABLE")
    wait_for("the e-mail about the restoration", lambda: any("back" in subject for subject in subjects(hasty)))
    assert person.download(job_id, "vcf")[:2] == b"\x1f\x8b"
    page.goto(job)
    expect(page.get_by_role("heading", name="archived")).to_have_count(0)

    # Cancelled at the period's end: premium until then, free afterwards, and the files are archived again.
    page.goto("/account")
    page.get_by_role("button", name="Payment, invoices, cancelling").click()
    page.get_by_role("button", name="Cancel at the end of the period").click()
    page.get_by_role("link", name="Return to GAS").click()
    expect(page.get_by_text("Cancelled: it ends")).to_be_visible()
    assert files_of(hasty, job_id) == "AVAILABLE"
    advance_stripe(hasty, 32)
    wait_for("the free plan", lambda: "Upgrade to premium" in person.page("/account"))
    wait_for("the archive", lambda: files_of(hasty, job_id) == "ARCHIVED")
    assert sum("back" in subject for subject in subjects(hasty)) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_account_page_fits_a_narrow_window(hasty: Gas, page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]  # a mapping of exactly this
    page.goto("/account")
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
