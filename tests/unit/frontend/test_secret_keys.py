"""A new key signs from now on; what an older one signed is believed as long as it is named."""

from __future__ import annotations

import pytest

from frontend.app import create_app
from tests.client import Browser
from tests.frontend_world import FrontendWorld, frontend_settings
from tests.unit.frontend.test_reset import NEW, ask, choose

OLD, YOUNG = "the key of yesterday of 32 letters", "the key of today of as many letters"


@pytest.fixture
def world() -> FrontendWorld:
    return FrontendWorld(secret_key=OLD)


def restarted(world: FrontendWorld, browser: Browser, secret_key: str) -> Browser:
    """The same browser, as a frontend with these keys sees it."""
    app = create_app(frontend_settings(secret_key=secret_key), world.services)
    after = Browser(app)
    cookie = browser.client.get_cookie("gas")
    assert cookie is not None
    after.client.set_cookie("gas", cookie.value)
    return after


def test_alice_stays_signed_in_when_the_key_is_replaced(world: FrontendWorld) -> None:
    after = restarted(world, world.browser(world.alice), f"{YOUNG},{OLD}")
    assert after.get("/account").status == 200


def test_alice_has_to_sign_in_when_the_old_key_is_forgotten(world: FrontendWorld) -> None:
    after = restarted(world, world.browser(world.alice), YOUNG)
    assert after.get("/account").status == 302


def test_a_form_that_was_open_when_the_key_was_replaced_can_be_sent(world: FrontendWorld) -> None:
    before = world.browser(world.alice)
    page = before.get("/account")
    after = restarted(world, before, f"{YOUNG}, {OLD}")
    assert after.submit(page, "Save").status == 303


def test_a_link_that_was_mailed_before_works_after(world: FrontendWorld) -> None:
    before = world.browser()
    ask(before, world.alice.email)
    after = Browser(create_app(frontend_settings(secret_key=f"{YOUNG},{OLD}"), world.services))
    assert choose(after, world.link_to(world.alice.email)).status == 303
    assert world.browser().sign_in(world.alice.email, NEW).status == 303


def test_the_first_key_signs(world: FrontendWorld) -> None:
    both = FrontendWorld(secret_key=f"{YOUNG},{OLD}")
    signed_in = both.browser(both.alice)
    assert restarted(both, signed_in, YOUNG).get("/account").status == 200
    assert restarted(both, signed_in, OLD).get("/account").status == 302


@pytest.mark.parametrize("keys", ["", ",", f"{YOUNG},short", "short"])
def test_no_key_may_be_short(keys: str) -> None:
    with pytest.raises(ValueError, match="32 characters"):
        frontend_settings(secret_key=keys)
