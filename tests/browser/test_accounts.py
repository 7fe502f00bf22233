"""Charlie gets an account, loses the password, and gets in again: in a real browser, by real (local) e-mail."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.whole import Gas, wait_for

FIRST, SECOND = "the first long password", "another long password"


def mailed_link(gas: Gas, to: str, subject: str) -> str:
    """The link in the e-mail of that subject, once it has arrived."""

    def text() -> str | None:
        return next((mail["text"] for mail in gas.mails(to) if mail["subject"] == subject), None)

    found = re.search(r"https?://\S+", wait_for(f"an e-mail {subject!r}", text, seconds=10))
    assert found is not None
    return found.group()


def press(page: Page, button: str) -> None:
    page.get_by_role("main").get_by_role("button", name=button).click()


def test_charlie_signs_up_confirms_the_address_and_later_chooses_another_password(visit: Visit, gas: Gas) -> None:
    email = "charlie@example.org"
    page = visit("/", signed_in=False)
    page.get_by_role("main").get_by_role("link", name="Create an account").click()
    page.get_by_label("Name").fill("Charlie")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(FIRST)
    press(page, "Create account")
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your mail")

    page.goto(mailed_link(gas, email, "Confirm your address for GAS"))
    page.get_by_label("Password").fill(FIRST)
    press(page, "Confirm and sign in")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_contain_text("You are signed out.")

    page.goto("/sign-in")
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("E-mail").fill(email)
    press(page, "Send the link")
    page.goto(mailed_link(gas, email, "Choose a new password for GAS"))
    page.get_by_label("New password").fill(SECOND)
    press(page, "Set the password")
    expect(page.get_by_role("status")).to_contain_text("Your new password is set.")


@pytest.mark.parametrize("path", ["/", "/sign-in", "/sign-up", "/forgot-password"])
def test_pages_for_visitors_fit_a_narrow_window(visit: Visit, path: str) -> None:
    page = visit(path, signed_in=False, viewport={"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_the_account_page_fits_a_narrow_window(visit: Visit) -> None:
    page = visit("/account", viewport={"width": 360, "height": 740})
    expect(page.get_by_role("heading", level=1)).to_have_text("Account")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
