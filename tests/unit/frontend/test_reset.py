"""A new password, by a link that works once."""

from __future__ import annotations

import pytest

from frontend.accounts.mails import write_reset
from shared.core.errors import Permanent, Unavailable
from tests.client import Browser, Page
from tests.frontend_world import PASSWORD, FrontendWorld

NEW = "a brand new password"


def ask(browser: Browser, email: str) -> Page:
    return browser.submit(browser.get("/forgot-password"), "Send the link", email=email)


def choose(browser: Browser, link: str, password: str = NEW) -> Page:
    return browser.submit(browser.get(link), "Set the password", password=password)


def test_alice_chooses_a_new_password_and_is_signed_in(world: FrontendWorld) -> None:
    browser = world.browser()
    ask(browser, world.alice.email)
    page = choose(browser, world.link_to(world.alice.email))
    assert page.status == 303
    assert "Your new password is set" in browser.get("/account").words
    assert world.browser().sign_in(world.alice.email, NEW).status == 303
    assert world.browser().sign_in(world.alice.email, PASSWORD).status == 422


def test_a_reset_ends_every_session_of_the_old_password(world: FrontendWorld) -> None:
    thief = world.browser(world.alice)
    browser = world.browser()
    ask(browser, world.alice.email)
    choose(browser, world.link_to(world.alice.email))
    assert thief.get("/account").status == 302


def test_a_link_works_once(world: FrontendWorld) -> None:
    browser = world.browser()
    ask(browser, world.alice.email)
    link = world.link_to(world.alice.email)
    choose(browser, link)
    assert world.browser().get(link).status == 410


def test_of_two_tabs_with_one_link_one_wins(world: FrontendWorld) -> None:
    browser = world.browser()
    ask(browser, world.alice.email)
    first, second = (world.browser() for _ in range(2))
    pages = [each.get(world.link_to(world.alice.email)) for each in (first, second)]
    assert first.submit(pages[0], "Set the password", password=NEW).status == 303
    assert second.submit(pages[1], "Set the password", password="another new password").status == 410
    assert world.browser().sign_in(world.alice.email, NEW).status == 303


def test_earlier_links_die_with_the_one_that_was_used(world: FrontendWorld) -> None:
    browser = world.browser()
    ask(browser, world.alice.email)
    earlier = world.link_to(world.alice.email)
    world.later(minutes=1)
    ask(browser, world.alice.email)
    choose(browser, world.link_to(world.alice.email))
    assert browser.get(earlier).status == 410


def test_a_link_is_dead_after_an_hour(world: FrontendWorld) -> None:
    browser = world.browser()
    ask(browser, world.alice.email)
    link = world.link_to(world.alice.email)
    world.later(minutes=59)
    assert browser.get(link).status == 200
    world.later(minutes=1)
    assert browser.get(link).status == 410


def test_a_link_to_confirm_an_address_sets_no_password(world: FrontendWorld) -> None:
    dora = world.account("dora", verified_at=None)
    world.browser().sign_in(dora.email, PASSWORD)
    token = world.link_to(dora.email).rsplit("/", 1)[1]
    assert world.browser().get(f"/reset-password/{token}").status == 410


def test_a_reset_confirms_the_address_too(world: FrontendWorld) -> None:
    dora = world.account("dora", verified_at=None)
    browser = world.browser()
    ask(browser, dora.email)
    choose(browser, world.link_to(dora.email))
    assert browser.get("/account").status == 200


def test_a_reset_lets_in_whom_guessers_have_shut_out(world: FrontendWorld) -> None:
    for _ in range(11):
        world.browser().sign_in(world.alice.email, "a guess that is wrong")
    browser = world.browser()
    ask(browser, world.alice.email)
    choose(browser, world.link_to(world.alice.email))
    assert browser.get("/account").status == 200


def test_the_page_does_not_tell_whether_an_address_has_an_account(world: FrontendWorld) -> None:
    known = ask(world.browser(), world.alice.email)
    unknown = ask(world.browser(), "nobody@example.org")
    assert known.status == unknown.status == 200
    assert known.words == unknown.words.replace("nobody@example.org", world.alice.email)


def test_an_address_without_an_account_is_told_so_by_mail(world: FrontendWorld) -> None:
    ask(world.browser(), "nobody@example.org")
    assert world.mail_to("nobody@example.org").tags == {"kind": "account-unknown"}


def test_asking_alone_changes_nothing(world: FrontendWorld) -> None:
    session = world.browser(world.alice)
    ask(world.browser(), world.alice.email)
    assert session.get("/account").status == 200
    assert world.browser().sign_in(world.alice.email, PASSWORD).status == 303


def test_a_short_password_is_refused_and_the_link_lives_on(world: FrontendWorld) -> None:
    browser = world.browser()
    ask(browser, world.alice.email)
    page = choose(browser, world.link_to(world.alice.email), "too short")
    assert page.status == 422
    assert "at least 10 characters" in page.words
    assert choose(browser, world.link_to(world.alice.email)).status == 303


@pytest.mark.parametrize(("failure", "status"), [(Unavailable("SES is away."), 503), (Permanent("Refused."), 422)])
def test_when_the_mail_cannot_be_sent_the_person_is_told(
    world: FrontendWorld, failure: Unavailable | Permanent, status: int
) -> None:
    world.mailer.fail_with = failure
    known, unknown = ask(world.browser(), world.alice.email), ask(world.browser(), "nobody@example.org")
    assert known.status == unknown.status == status
    assert len(known.all("div", role="alert")) == 1


def test_the_page_that_changes_the_password_sends_the_link(world: FrontendWorld) -> None:
    browser = world.browser(world.alice)
    browser.submit(browser.get("/account/password"), "Send me the link")
    assert world.link_to(world.alice.email).startswith("/reset-password/")


def test_links_lead_to_the_public_address_whatever_host_was_asked(world: FrontendWorld) -> None:
    with world.app.test_request_context(base_url="http://evil.example"):
        write_reset(world.alice.email)
    assert "evil.example" not in world.mail_to(world.alice.email).text
    assert world.link_to(world.alice.email).startswith("/reset-password/")
