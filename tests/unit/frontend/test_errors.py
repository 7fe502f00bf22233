"""Every failure becomes a kind page, a fragment for htmx, or JSON for a script."""

from __future__ import annotations

import logging

import pytest
from flask import abort

from shared.core.errors import ConfigurationError, Conflict, GasError, NotFound, Permanent, TooLarge, Unavailable
from tests.frontend_world import FrontendWorld


def failing(world: FrontendWorld, failure: Exception | int) -> str:
    """The path of a page that fails so."""

    def fail() -> str:
        if isinstance(failure, int):
            abort(failure)
        raise failure

    world.app.add_url_rule("/fails", view_func=fail, methods=["GET", "POST"])
    return "/fails"


ONE_OF_EACH = [
    (400, 400, "That did not work"),
    (401, 401, "Please sign in"),
    (403, 403, "Not yours to see"),
    (404, 404, "Nothing here"),
    (405, 405, "That is not possible here"),
    (409, 409, "Somebody was quicker"),
    (413, 413, "That is too large"),
    (415, 415, "That did not work"),
    (429, 429, "A little slower, please"),
    (500, 500, "This is our fault"),
    (503, 503, "Not available just now"),
    (Unavailable("DynamoDB is away."), 503, "Not available just now"),
    (NotFound("There is no job 7."), 404, "Nothing here"),
    (Conflict("The job is running already."), 409, "Somebody was quicker"),
    (TooLarge("The text is larger than 1 MiB."), 413, "That is too large"),
    (Permanent("This is no page of your list."), 400, "That did not work"),
    (ConfigurationError("GAS_X is missing."), 500, "This is our fault"),
    (RuntimeError("a bug"), 500, "This is our fault"),
]


@pytest.mark.parametrize(("failure", "status", "title"), ONE_OF_EACH)
@pytest.mark.parametrize("signed_in", [False, True])
def test_a_failure_becomes_a_page_with_a_way_out_and_an_id(
    world: FrontendWorld, failure: Exception | int, status: int, title: str, signed_in: bool
) -> None:
    browser = world.browser(world.alice if signed_in else None)
    page = browser.get(failing(world, failure))
    assert (page.status, page.h1) == (status, title)
    assert page.title == f"{title} · GAS"
    assert page.headers["X-Request-Id"] in page.words
    assert ("To your jobs" if signed_in else "To the start page") in page.words


@pytest.mark.parametrize("failure", [RuntimeError("secret"), ConfigurationError("secret"), Unavailable("secret")])
def test_what_is_no_persons_business_is_not_on_the_page(world: FrontendWorld, failure: Exception) -> None:
    assert "secret" not in world.browser().get(failing(world, failure)).text


@pytest.mark.parametrize("failure", [Conflict("The job is running."), TooLarge("Over 1 MiB."), Permanent("No page.")])
def test_what_explains_itself_is_on_the_page(world: FrontendWorld, failure: GasError) -> None:
    assert str(failure) in world.browser().get(failing(world, failure)).words


@pytest.mark.parametrize(("failure", "status", "title"), ONE_OF_EACH)
def test_htmx_gets_a_fragment(world: FrontendWorld, failure: Exception | int, status: int, title: str) -> None:
    page = world.browser().get(failing(world, failure), headers={"HX-Request": "true"})
    assert page.status == status
    assert not page.is_whole
    assert title in page.words
    assert page.headers["X-Request-Id"] in page.words


def test_a_script_gets_json(world: FrontendWorld) -> None:
    response = world.browser().get(failing(world, TooLarge("Over 1 MiB.")), headers={"Accept": "application/json"})
    assert response.status == 413
    body = response.response.get_json()
    assert body["error"] == "Over 1 MiB."
    assert body["request_id"] == response.headers["X-Request-Id"]
    assert body["hint"]


def test_while_the_users_table_is_away_the_error_page_still_comes(world: FrontendWorld) -> None:
    browser = world.browser(world.alice)
    world.users.fail_with = Unavailable("DynamoDB is away.")
    page = browser.get("/no-such-page")
    assert (page.status, page.h1) == (404, "Nothing here")


def test_an_address_that_nobody_answers_gets_the_kind_page(world: FrontendWorld) -> None:
    assert world.browser().get("/no/such/page").h1 == "Nothing here"


def test_a_wrong_method_is_told_the_right_ones(world: FrontendWorld) -> None:
    page = world.browser().get("/sign-out")
    assert page.status == 405
    assert "POST" in page.headers["Allow"]


def test_what_may_work_in_a_moment_says_when_to_come_back(world: FrontendWorld) -> None:
    page = world.browser().get(failing(world, Unavailable("away")))
    assert int(page.headers["Retry-After"]) > 0
    assert [text for text in ("Try again",) if text in page.words]


def test_a_body_that_is_too_large_is_refused(world: FrontendWorld) -> None:
    page = world.browser().post("/sign-in", {"email": "x" * (2 * 1024 * 1024 + 1)})
    assert (page.status, page.h1) == (413, "That is too large")


def test_a_bug_is_logged_with_its_traceback_and_the_id_on_the_page(
    world: FrontendWorld, caplog: pytest.LogCaptureFixture
) -> None:
    page = world.browser().get(failing(world, RuntimeError("a bug")))
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert isinstance(record.msg, dict)
    assert record.msg["request_id"] == page.headers["X-Request-Id"]
    assert str(record.msg["exc_info"]) == "a bug"


def test_htmx_is_sent_to_sign_in_as_a_whole_page(world: FrontendWorld) -> None:
    page = world.browser().get("/account", headers={"HX-Request": "true"})
    assert (page.status, page.headers["HX-Redirect"]) == (401, "/sign-in")


def test_a_script_is_told_to_sign_in(world: FrontendWorld) -> None:
    page = world.browser().get("/account", headers={"Accept": "application/json"})
    assert (page.status, page.response.get_json()["hint"]) == (401, "Sign in and come back.")
