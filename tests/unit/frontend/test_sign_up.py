"""Sign up, and confirm the address."""

from __future__ import annotations

import pytest

from shared.core.errors import Permanent, Unavailable
from tests.client import Browser, Page
from tests.frontend_world import PASSWORD, FrontendWorld

CHARLIE = "charlie@example.org"


def sign_up(browser: Browser, **changes: str) -> Page:
    fields = {"name": "Charlie", "email": CHARLIE, "password": PASSWORD, **changes}
    return browser.submit(browser.get("/sign-up"), "Create account", **fields)


def test_charlie_signs_up_confirms_the_address_and_is_signed_in(world: FrontendWorld) -> None:
    browser = world.browser()
    assert "We have written to charlie@example.org" in sign_up(browser).words
    page = browser.submit(browser.get(world.link_to(CHARLIE)), "Confirm and sign in", password=PASSWORD)
    assert page.status == 303
    assert "charlie@example.org" in browser.get("/account").words


def test_the_mail_has_the_same_link_as_text_and_as_html(world: FrontendWorld) -> None:
    sign_up(world.browser())
    mail = world.mail_to(CHARLIE)
    assert world.link_to(CHARLIE) in mail.html
    assert mail.tags == {"kind": "account-verify"}


def test_nobody_signs_in_before_the_address_is_confirmed(world: FrontendWorld) -> None:
    browser = world.browser()
    sign_up(browser)
    page = browser.sign_in(CHARLIE, PASSWORD)
    assert page.status == 403
    assert "not confirmed yet" in page.words
    assert browser.get("/account").status == 302


def test_signing_in_unconfirmed_sends_the_link_again(world: FrontendWorld) -> None:
    browser = world.browser()
    sign_up(browser)
    browser.sign_in(CHARLIE, PASSWORD)
    assert [mail.tags["kind"] for mail in world.mailer.sent] == ["account-verify"] * 2


def test_the_link_alone_without_the_password_confirms_nothing(world: FrontendWorld) -> None:
    browser = world.browser()
    sign_up(browser)
    link = world.link_to(CHARLIE)
    browser.get(link)
    page = browser.submit(browser.get(link), "Confirm and sign in", password="what a stranger guesses")
    assert page.status == 422
    user = world.users.by_email(CHARLIE)
    assert user is not None
    assert user.verified_at is None


def test_guessing_the_password_behind_a_link_is_limited(world: FrontendWorld) -> None:
    browser = world.browser()
    sign_up(browser)
    form = browser.get(world.link_to(CHARLIE))
    answers = [browser.submit(form, "Confirm and sign in", password=f"guess number {n}").status for n in range(11)]
    assert answers == [422] * 10 + [429]


def test_a_link_can_be_followed_again_and_leads_to_sign_in(world: FrontendWorld) -> None:
    browser = world.browser()
    sign_up(browser)
    link = world.link_to(CHARLIE)
    browser.submit(browser.get(link), "Confirm and sign in", password=PASSWORD)
    assert world.browser().get(link).location == "/sign-in"


def test_a_link_is_dead_after_three_days(world: FrontendWorld) -> None:
    browser = world.browser()
    sign_up(browser)
    world.later(days=3)
    page = browser.get(world.link_to(CHARLIE))
    assert page.status == 410
    assert "does not work any more" in page.h1


@pytest.mark.parametrize("change", [lambda link: link[:-1], lambda link: link + "x", lambda _: "/confirm-address/x"])
def test_a_link_that_is_not_ours_is_refused(world: FrontendWorld, change: object) -> None:
    browser = world.browser()
    sign_up(browser)
    assert callable(change)
    assert browser.get(change(world.link_to(CHARLIE))).status == 410


def test_a_link_to_reset_confirms_nothing_under_the_other_address(world: FrontendWorld) -> None:
    browser = world.browser()
    browser.submit(browser.get("/forgot-password"), "Send the link", email=world.alice.email)
    token = world.link_to(world.alice.email).rsplit("/", 1)[1]
    assert browser.get(f"/confirm-address/{token}").status == 410


def test_the_page_does_not_tell_whether_an_address_has_an_account(world: FrontendWorld) -> None:
    new = sign_up(world.browser())
    taken = sign_up(world.browser(), email=world.alice.email)
    assert taken.status == new.status
    assert taken.words == new.words.replace(CHARLIE, world.alice.email)


def test_who_has_an_account_is_told_by_mail_that_somebody_signed_up(world: FrontendWorld) -> None:
    sign_up(world.browser(), email=world.alice.email, password="a stranger's password")
    assert world.mail_to(world.alice.email).subject == "You have an account at GAS"
    assert world.browser().sign_in(world.alice.email, "a stranger's password").status == 422
    assert world.users.get(world.alice.user_id).name == "Alice"


def test_a_mail_to_an_unconfirmed_address_repeats_no_text_of_the_one_who_signed_up(world: FrontendWorld) -> None:
    sign_up(world.browser(), name="Buy at evil.example")
    assert "evil.example" not in world.mail_to(CHARLIE).text + world.mail_to(CHARLIE).html


def test_addresses_are_one_account_whatever_the_case(world: FrontendWorld) -> None:
    sign_up(world.browser(), email="  ALICE@Example.ORG ")
    assert len(world.users.users) == 2


def test_when_mail_cannot_be_sent_the_person_is_told_and_can_try_again(world: FrontendWorld) -> None:
    browser = world.browser()
    world.mailer.fail_with = Unavailable("SES is away.")
    page = sign_up(browser)
    assert page.status == 503
    assert "could not send the e-mail" in page.words
    world.mailer.fail_with = None
    assert "We have written to" in browser.submit(page, "Try again").words
    assert world.link_to(CHARLIE)


def test_an_address_that_is_refused_for_good_is_said_to_be(world: FrontendWorld) -> None:
    world.mailer.fail_with = Permanent("SES refuses this address.")
    page = sign_up(world.browser())
    assert page.status == 422
    assert "cannot write to this address" in page.h1


def test_an_address_that_bounced_is_not_written_to(world: FrontendWorld) -> None:
    world.change(world.alice, mail_blocked="bounce")
    sign_up(world.browser(), email=world.alice.email)
    assert world.mailer.sent == []


def test_sending_again_writes_to_whoever_it_is_and_tells_nothing(world: FrontendWorld) -> None:
    browser = world.browser()
    page = sign_up(browser)
    again = browser.submit(page, "Send it again")
    stranger = browser.submit(page, "Send it again", email="dora@example.org")
    assert again.words == stranger.words.replace("dora@example.org", CHARLIE)
    assert world.mail_to("dora@example.org").subject == "Your address has no account at GAS"


def test_nobody_can_have_an_address_flooded_with_mail(world: FrontendWorld) -> None:
    statuses = [sign_up(world.browser(address=f"192.0.2.{n}")).status for n in range(6)]
    assert statuses == [200] * 5 + [429]
    assert len(world.mailer.sent) == 5


def test_one_client_cannot_have_many_addresses_written_to(world: FrontendWorld) -> None:
    browser = world.browser()
    statuses = [sign_up(browser, email=f"dora{n}@example.org").status for n in range(31)]
    assert statuses == [200] * 30 + [429]


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("name", "", "Your name is missing."),
        ("name", "x" * 81, "At most 80 characters"),
        ("name", "Char\u202elie", "Only letters"),
        ("email", "", "Your e-mail address is missing."),
        ("email", "charlie", "not an e-mail address"),
        ("email", "charlie@example", "not an e-mail address"),
        ("email", "a@example.org\nBcc: b@example.org", "not an e-mail address"),
        ("email", "a b@example.org", "not an e-mail address"),
        ("email", "x" * 65 + "@example.org", "not an e-mail address"),
        ("password", "", "A password is missing."),
        ("password", "123456789", "at least 10 characters"),
        ("password", "x" * 201, "at most 200 characters"),
    ],
)
def test_what_is_wrong_with_a_field_is_said_beside_it(
    world: FrontendWorld, field: str, value: str, complaint: str
) -> None:
    page = sign_up(world.browser(), **{field: value})
    assert page.status == 422
    assert complaint in page.words
    [wrong] = page.all("input", **{"aria-invalid": "true"})
    assert wrong.get("name") == field
    assert world.mailer.sent == []


def test_what_was_typed_is_kept_but_for_the_password(world: FrontendWorld) -> None:
    page = sign_up(world.browser(), password="short")
    values = {item.get("name"): item.get("value", "") for item in page.all("input")}
    assert (values["name"], values["email"], values["password"]) == ("Charlie", CHARLIE, "")


def test_a_name_is_shown_and_never_run(world: FrontendWorld) -> None:
    dora = world.account("dora")
    world.change(dora, name="<script>alert(1)</script>")
    page = world.browser(dora).get("/account")
    assert "<script>alert(1)</script>" in page.words


def test_passwords_are_stored_as_argon2id_alone(world: FrontendWorld) -> None:
    sign_up(world.browser())
    user = world.users.by_email(CHARLIE)
    assert user is not None
    assert user.password_hash.startswith("$argon2id$")
    assert PASSWORD not in str(user)
