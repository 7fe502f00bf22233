"""What browsers are told not to do, and what forms must prove."""

from __future__ import annotations

import re

import pytest

from frontend.assets import STATIC
from tests.frontend_world import PASSWORD, FrontendWorld, frontend_settings

HTTPS = "https://gas.example.org"


def directives(policy: str) -> dict[str, list[str]]:
    return {words[0]: words[1:] for words in (part.split() for part in policy.split("; "))}


@pytest.mark.parametrize("path", ["/", "/sign-in", "/no-such-page", "/healthz", "/static/gas.css"])
def test_every_answer_carries_the_policy(world: FrontendWorld, path: str) -> None:
    headers = world.browser().get(path).headers
    policy = directives(headers["Content-Security-Policy"])
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == ["'none'"]
    assert policy["script-src"] == policy["style-src"] == ["'self'"]
    assert policy["form-action"] == ["'self'", "https://checkout.stripe.com", "https://billing.stripe.com"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


def test_uploads_may_go_to_the_bucket_on_aws() -> None:
    policy = FrontendWorld(region="eu-west-1").browser().get("/").headers["Content-Security-Policy"]
    assert "https://inputs.s3.eu-west-1.amazonaws.com" in directives(policy)["connect-src"]


def test_uploads_may_go_to_the_local_cloud_on_one_machine() -> None:
    policy = FrontendWorld(endpoint_url="http://127.0.0.1:8003").browser().get("/").headers["Content-Security-Policy"]
    assert directives(policy)["connect-src"] == ["'self'", "http://127.0.0.1:8003"]


def test_payers_may_be_led_to_the_local_stripe_on_one_machine() -> None:
    policy = FrontendWorld(stripe_api="http://127.0.0.1:8003/stripe").browser().get("/").headers
    assert directives(policy["Content-Security-Policy"])["form-action"] == ["'self'", "http://127.0.0.1:8003"]


def test_over_https_browsers_are_told_to_insist_and_cookies_are_secure() -> None:
    world = FrontendWorld(public_url=HTTPS)
    page = world.browser().get("/sign-in")
    assert page.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    cookie = page.headers["Set-Cookie"]
    assert cookie.startswith("__Host-gas=")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))


def test_over_http_cookies_work_and_are_out_of_reach_of_scripts(world: FrontendWorld) -> None:
    page = world.browser().get("/sign-in")
    assert "Strict-Transport-Security" not in page.headers
    parts = set(page.headers["Set-Cookie"].split("; "))
    assert "Secure" not in parts
    assert {"HttpOnly", "SameSite=Lax"} <= parts


def test_a_visitor_who_only_reads_gets_no_cookie(world: FrontendWorld) -> None:
    assert "Set-Cookie" not in world.browser().get("/").headers


def test_pages_are_kept_by_no_cache(world: FrontendWorld) -> None:
    assert world.browser(world.alice).get("/account").headers["Cache-Control"] == "no-store"


def test_static_files_are_kept_for_good_under_the_hash_of_their_content(world: FrontendWorld) -> None:
    browser = world.browser()
    [link] = browser.get("/").all("link", rel="stylesheet")
    href = str(link.get("href"))
    assert re.fullmatch(r"/static/gas\.css\?v=[0-9a-f]{12}", href)
    assert browser.get(href).headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("path", ["/static/gas.css", "/static/gas.css?v=000000000000"])
def test_static_files_are_asked_for_again_under_any_other_address(world: FrontendWorld, path: str) -> None:
    assert world.browser().get(path).headers["Cache-Control"] == "no-cache"


def test_a_missing_static_file_is_not_kept(world: FrontendWorld) -> None:
    page = world.browser().get("/static/no-such.css?v=1")
    assert (page.status, page.headers["Cache-Control"]) == (404, "no-store")


def test_no_script_or_style_of_ours_needs_eval_or_another_origin() -> None:
    for path in [*STATIC.glob("*.js"), *STATIC.glob("*.css")]:
        text = path.read_text()
        assert not re.search(r"\beval\(|new Function|@import|url\(|https?://(?!www\.w3\.org)", text), path.name


@pytest.mark.parametrize(
    "path",
    ["/sign-in", "/sign-up", "/forgot-password", "/confirm-address", "/sign-out", "/account/sign-out-everywhere"],
)
def test_a_form_without_its_token_is_refused_kindly(world: FrontendWorld, path: str) -> None:
    browser = world.browser(world.alice)
    page = browser.post(path, {"email": world.alice.email, "password": PASSWORD, "name": "Alice"})
    assert page.status == 400
    assert page.h1 == "This form is too old"
    assert browser.get("/account").status == 200


def test_a_token_of_somebody_elses_session_is_refused(world: FrontendWorld) -> None:
    form = world.browser(world.bob).get("/account").form("Sign out everywhere")
    token = next(item.get("value") for item in form.iter("input"))
    browser = world.browser(world.alice)
    browser.get("/account")
    assert browser.post("/account/sign-out-everywhere", {"csrf_token": token}).status == 400
    assert browser.get("/account").status == 200


def test_a_script_sends_the_token_of_the_page_as_a_header(world: FrontendWorld) -> None:
    browser = world.browser(world.alice)
    [meta] = browser.get("/account").all("meta", name="csrf-token")
    assert browser.post("/sign-out", headers={"X-CSRFToken": str(meta.get("content"))}).status == 303


def test_a_form_still_works_after_a_day_on_an_open_page(world: FrontendWorld) -> None:
    browser = world.browser(world.alice)
    page = browser.get("/account")
    world.later(days=1)
    assert browser.submit(page, "Sign out").status == 303


def test_a_forwarded_address_is_believed_from_as_many_proxies_as_there_are() -> None:
    world = FrontendWorld(trusted_proxies=1)
    form = world.browser().get("/sign-in")
    browser = world.browser()
    browser.get("/sign-in")
    token = next(item.get("value") for item in form.form("Sign in").iter("input"))
    browser.client.set_cookie("gas", str(form.headers["Set-Cookie"]).split(";")[0].removeprefix("gas="))
    data = {"csrf_token": token, "email": "nobody@example.org", "password": "x"}
    browser.post("/sign-in", data, headers={"X-Forwarded-For": "203.0.113.66, 198.51.100.7"})
    assert [key for key, *_ in world.limits.counts if "network" in key] == ["sign-in#network#198.51.100.7"]


def test_a_forwarded_address_is_not_believed_without_a_proxy(world: FrontendWorld) -> None:
    browser = world.browser()
    browser.client.environ_base["HTTP_X_FORWARDED_FOR"] = "203.0.113.66"
    browser.sign_in("nobody@example.org", "x")
    assert [key for key, *_ in world.limits.counts if "network" in key] == ["sign-in#network#192.0.2.1"]


def test_settings_name_the_secret_that_is_too_short() -> None:
    with pytest.raises(ValueError, match="secret_key"):
        frontend_settings(secret_key="short")


def test_the_secret_is_not_shown() -> None:
    assert "a key for tests" not in repr(frontend_settings())
