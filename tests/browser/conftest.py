"""Chromium, driven by Playwright, against the running GAS. Without a browser these tests are skipped, and say so."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, sync_playwright

from tests import calls
from tests.whole import DEMO, Gas, running_gas

CANDIDATES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]


def executable() -> str | None:
    """The browser to use: ``GAS_TEST_BROWSER`` or what is on the path."""
    return os.environ.get("GAS_TEST_BROWSER") or next(
        (found for name in CANDIDATES if (found := shutil.which(name))), None
    )


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = executable()
    if path is None:
        pytest.skip("NO BROWSER: install chromium (Debian: apt install chromium) to run the browser tests")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def gas(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Gas]:
    with running_gas(tmp_path_factory.mktemp("gas")) as running:
        yield running
        calls.check(running)


@pytest.fixture(scope="session")
def demo_cookies(gas: Gas, browser: Browser) -> StorageState:
    """The demo account's session."""
    context = browser.new_context(base_url=gas.base_url)
    page = context.new_page()
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill(DEMO[0])
    page.get_by_label("Password").fill(DEMO[1])
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign out").wait_for()
    state = context.storage_state()
    context.close()
    return state


Visit = Callable[..., Page]


@pytest.fixture
def visit(gas: Gas, browser: Browser, demo_cookies: StorageState) -> Iterator[Visit]:
    """Opens a page as somebody new: ``visit(path, signed_in=True, **context options)``.

    A complaint on the console (a script that failed, something that the CSP refused) or a request to anywhere but this
    machine fails the test.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(path: str = "/", *, signed_in: bool = True, **options: Any) -> Page:
        state = demo_cookies if signed_in else None
        context = browser.new_context(base_url=gas.base_url, storage_state=state, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: (
                complaints.append(request.url)
                if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:"))
                else None
            ),
        )
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
