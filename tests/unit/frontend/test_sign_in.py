"""Sign in, sessions, sign out."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from frontend.accounts import passwords
from shared.core.errors import Unavailable
from tests.client import Browser
from tests.frontend_world import PASSWORD, FrontendWorld


def is_signed_in(browser: Browser) -> bool:
    return browser.get("/account").status == 200


def test_alice_signs_in_with_her_password(world: FrontendWorld) -> None:
    browser = world.browser()
    page = browser.sign_in(world.alice.email, PASSWORD)
    assert (page.status, page.location) == (303, "/")
    assert "alice@example.org" in browser.get("/account").words


def test_an_address_may_be_typed_in_any_case(world: FrontendWorld) -> None:
    assert world.browser().sign_in(" Alice@EXAMPLE.org ", PASSWORD).status == 303


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(world: FrontendWorld) -> None:
    wrong = world.browser().sign_in(world.alice.email, "not her password")
    unknown = world.browser().sign_in("nobody@example.org", "not her password")
    assert wrong.status == unknown.status == 422
    assert wrong.words == unknown.words
    assert "address or the password is wrong" in wrong.words


def test_an_unknown_address_costs_the_same_hashing(world: FrontendWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []
    real = passwords._hasher
    monkeypatch.setattr(passwords, "_hasher", _Watched(checked, real))
    world.browser().sign_in("nobody@example.org", PASSWORD)
    assert len(checked) == 1


class _Watched:
    def __init__(self, checked: list[str], real: PasswordHasher) -> None:
        self.checked, self.real = checked, real

    def verify(self, password_hash: str, password: str) -> bool:
        self.checked.append(password_hash)
        return self.real.verify(password_hash, password)


def test_composed_and_decomposed_letters_are_one_password(world: FrontendWorld) -> None:
    world.change(world.alice, password_hash=passwords.hash_password("cafe\u0301 au lait"))
    assert world.browser().sign_in(world.alice.email, "caf\u00e9 au lait").status == 303


def test_a_hash_of_old_parameters_is_made_anew(world: FrontendWorld) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    world.change(world.alice, password_hash=old)
    browser = world.browser()
    browser.sign_in(world.alice.email, PASSWORD)
    stored = world.users.get(world.alice.user_id).password_hash
    assert stored != old
    assert not passwords.is_outdated(stored)
    assert is_signed_in(browser)
    assert world.browser().sign_in(world.alice.email, PASSWORD).status == 303


def test_guessing_is_answered_by_a_page_that_says_when_to_try_again(world: FrontendWorld) -> None:
    world.later(minutes=3, seconds=30)
    browser = world.browser()
    for _ in range(10):
        assert browser.sign_in(world.alice.email, "a guess that is wrong").status == 422
    page = browser.sign_in(world.alice.email, "a guess that is wrong")
    assert page.status == 429
    assert "Try again in 7 minutes." in page.words
    assert page.headers["Retry-After"] == "390"


def test_guessing_from_many_networks_is_limited_by_the_address(world: FrontendWorld) -> None:
    for n in range(10):
        world.browser(address=f"192.0.2.{n}").sign_in(world.alice.email, "a guess that is wrong")
    assert world.browser(address="192.0.2.99").sign_in(world.alice.email, PASSWORD).status == 429


def test_trying_many_addresses_is_limited_by_the_network(world: FrontendWorld) -> None:
    browser = world.browser(address="2001:db8::1")
    form = browser.get("/sign-in")
    for n in range(60):
        browser.submit(form, "Sign in", email=f"nobody{n}@example.org", password="x")
    neighbour = world.browser(address="2001:db8::beef")
    assert neighbour.sign_in(world.alice.email, PASSWORD).status == 429
    assert world.browser(address="2001:db8:0:1::1").sign_in(world.alice.email, PASSWORD).status == 303


def test_the_right_password_is_never_too_many(world: FrontendWorld) -> None:
    for _ in range(12):
        assert world.browser().sign_in(world.alice.email, PASSWORD).status == 303


def test_nobody_is_shut_out_for_long(world: FrontendWorld) -> None:
    for _ in range(11):
        world.browser().sign_in(world.alice.email, "a guess that is wrong")
    world.later(minutes=10)
    assert world.browser().sign_in(world.alice.email, PASSWORD).status == 303


def test_a_guesser_does_not_hinder_others(world: FrontendWorld) -> None:
    for _ in range(11):
        world.browser().sign_in(world.alice.email, "a guess that is wrong")
    assert world.browser().sign_in(world.bob.email, PASSWORD).status == 303


def test_sign_in_leads_back_to_where_one_wanted_to_be(world: FrontendWorld) -> None:
    browser = world.browser()
    page = browser.follow(browser.get("/account"))
    page = browser.submit(page, "Sign in", email=world.alice.email, password=PASSWORD)
    assert page.location == "/account"


def test_where_one_wanted_to_be_survives_a_wrong_password(world: FrontendWorld) -> None:
    browser = world.browser()
    page = browser.follow(browser.get("/account?tab=1"))
    page = browser.submit(page, "Sign in", email=world.alice.email, password="not her password")
    page = browser.submit(page, "Sign in", email=world.alice.email, password=PASSWORD)
    assert page.location == "/account?tab=1"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "/\t/evil.example/",
        "\\\\evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/jobs\r\nSet-Cookie: a=b",
        "/" + "x" * 2001,
        "",
    ],
)
def test_sign_in_never_leads_to_another_site(world: FrontendWorld, target: str) -> None:
    browser = world.browser()
    with world.app.test_request_context():
        path = world.app.url_for("accounts.sign_in", next=target)
    page = browser.submit(browser.get(path), "Sign in", email=world.alice.email, password=PASSWORD)
    assert page.location == "/"


def test_who_is_signed_in_need_not_sign_in(world: FrontendWorld) -> None:
    browser = world.browser(world.alice)
    assert browser.get("/sign-in").location == "/"
    assert browser.get("/sign-up").location == "/"


def test_signing_out_ends_the_session(world: FrontendWorld) -> None:
    browser = world.browser(world.alice)
    page = browser.submit(browser.get("/account"), "Sign out")
    assert page.status == 303
    assert not is_signed_in(browser)


def test_signing_out_cannot_be_done_to_somebody_by_a_link(world: FrontendWorld) -> None:
    browser = world.browser(world.alice)
    assert browser.get("/sign-out").status == 405
    assert browser.post("/sign-out").status == 400
    assert is_signed_in(browser)


def test_signing_out_everywhere_ends_every_session(world: FrontendWorld) -> None:
    here, there = world.browser(world.alice), world.browser(world.alice)
    page = here.submit(here.get("/account"), "Sign out everywhere")
    assert "signed out on all devices" in here.follow(page).words
    assert not is_signed_in(here)
    assert not is_signed_in(there)
    assert world.browser().sign_in(world.alice.email, PASSWORD).status == 303


def test_signing_out_everywhere_leaves_others_alone(world: FrontendWorld) -> None:
    alice, bob = world.browser(world.alice), world.browser(world.bob)
    alice.submit(alice.get("/account"), "Sign out everywhere")
    assert is_signed_in(bob)


def test_a_session_ends_after_two_days_without_a_request(world: FrontendWorld) -> None:
    browser = world.browser(world.alice)
    world.later(days=2, seconds=1)
    assert not is_signed_in(browser)


def test_a_session_goes_on_while_it_is_used_but_no_longer_than_two_weeks(world: FrontendWorld) -> None:
    browser = world.browser(world.alice)
    for _ in range(14):
        world.later(days=1)
        assert is_signed_in(browser)
    world.later(seconds=1)
    assert not is_signed_in(browser)


def test_a_session_of_a_deleted_account_is_void(world: FrontendWorld) -> None:
    browser = world.browser(world.alice)
    del world.users.users[world.alice.user_id]
    assert not is_signed_in(browser)


def test_signing_in_leaves_nothing_of_the_session_before(world: FrontendWorld) -> None:
    browser = world.browser()
    browser.get("/sign-in")
    with browser.client.session_transaction() as session:
        session["planted"] = "by somebody else"
        before = session["csrf_token"]
    browser.sign_in(world.alice.email, PASSWORD)
    browser.get("/account")
    with browser.client.session_transaction() as session:
        assert "planted" not in session
        assert session["csrf_token"] != before


def test_a_forged_session_is_void(world: FrontendWorld) -> None:
    browser = world.browser(world.alice)
    cookie = browser.client.get_cookie("gas")
    assert cookie is not None
    other = "A" if cookie.value[10] != "A" else "B"
    browser.client.set_cookie("gas", cookie.value[:10] + other + cookie.value[11:])
    assert not is_signed_in(browser)


def test_while_the_users_table_is_away_a_page_says_so(world: FrontendWorld) -> None:
    browser = world.browser(world.alice)
    world.users.fail_with = Unavailable("DynamoDB is away.")
    page = browser.get("/account")
    assert page.status == 503
    assert "Try again in a minute" in page.words
    assert "DynamoDB" not in page.words
