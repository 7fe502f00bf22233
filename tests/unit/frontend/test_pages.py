"""The home page, the layout, health."""

from __future__ import annotations

import threading

import pytest

from shared.core.errors import Unavailable
from tests.client import text_of
from tests.frontend_world import FrontendWorld


def test_a_visitor_reads_what_gas_does_and_how_to_begin(world: FrontendWorld) -> None:
    page = world.browser().get("/")
    for words in ("VCF", "rCRS", "ClinVar", "up to 50 MiB", "seen by nobody but you", "Create an account", "Sign in"):
        assert words in page.words


def test_who_is_signed_in_starts_at_their_jobs(world: FrontendWorld) -> None:
    assert world.browser(world.alice).get("/").location == "/jobs"


def test_the_navigation_of_a_visitor_leads_to_accounts(world: FrontendWorld) -> None:
    [nav] = world.browser().get("/").all("nav")
    assert [text_of(link) for link in nav.iter("a")] == ["Sign in", "Sign up"]


def test_the_navigation_says_where_one_is(world: FrontendWorld) -> None:
    [nav] = world.browser(world.alice).get("/account").all("nav")
    assert [text_of(link) for link in nav.iter("a")] == ["Jobs", "New job", "Account"]
    assert [text_of(link) for link in nav.iter("a") if link.get("aria-current") == "page"] == ["Account"]


def test_the_keyboard_reaches_the_content_first(world: FrontendWorld) -> None:
    page = world.browser().get("/sign-in")
    first = page.all("a")[0]
    assert (first.get("href"), text_of(first)) == ("#main", "Skip to the content")


@pytest.mark.parametrize("url", [None, "http://127.0.0.1:8003/mailbox"])
def test_the_mailbox_is_linked_where_there_is_one(url: str | None) -> None:
    page = FrontendWorld(mailbox_url=url).browser().get("/")
    links = [link.get("href") for link in page.all("a") if text_of(link) == "Mailbox of this machine"]
    assert links == ([url] if url else [])


def test_the_server_is_healthy_while_it_answers(world: FrontendWorld) -> None:
    world.users.fail_with = Unavailable("DynamoDB is away.")
    assert world.browser().get("/healthz").status == 200


def test_a_server_that_is_about_to_stop_still_answers(world: FrontendWorld) -> None:
    world.app.extensions["gas"].drain()
    assert world.browser().get("/").status == 200


def test_the_server_is_unhealthy_once_nobody_announces_jobs_any_more(world: FrontendWorld) -> None:
    announcer = world.app.extensions["gas"].announcer
    announcer._thread = threading.Thread(target=lambda: None)
    announcer._thread.start()
    announcer._thread.join()
    assert world.browser().get("/healthz").status == 500


def test_health_is_told_to_whoever_asks_without_a_cookie(world: FrontendWorld) -> None:
    assert "Set-Cookie" not in world.browser().get("/readyz").headers


@pytest.mark.parametrize("reason", ["bounce", "complaint"])
def test_the_account_page_says_why_no_mail_comes(world: FrontendWorld, reason: str) -> None:
    world.change(world.alice, mail_blocked=reason)
    assert "We do not write to your address any more" in world.browser(world.alice).get("/account").words
