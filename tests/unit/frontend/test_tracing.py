"""Every request has an id and one log line."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import structlog

from frontend.tracing import request_id
from tests.frontend_world import FrontendWorld


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    found = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    return [line for line in found if line["event"] == "request"]


def test_every_answer_has_an_id_of_its_own(world: FrontendWorld) -> None:
    browser = world.browser()
    ids = {browser.get(path).headers["X-Request-Id"] for path in ("/", "/", "/no-such-page", "/static/gas.css")}
    assert len(ids) == 4
    assert all(len(each) == 32 for each in ids)


def test_an_id_that_a_client_sends_is_not_believed(world: FrontendWorld) -> None:
    page = world.browser().get("/", headers={"X-Request-Id": "mine"})
    assert page.headers["X-Request-Id"] != "mine"


def test_a_view_sees_the_id_of_its_answer(world: FrontendWorld) -> None:
    world.app.add_url_rule("/id", view_func=lambda: (request_id(), {"Content-Type": "text/plain"}))
    page = world.browser().get("/id")
    assert page.text == page.headers["X-Request-Id"]


def test_a_request_is_one_line_with_its_time_and_outcome(
    world: FrontendWorld, caplog: pytest.LogCaptureFixture
) -> None:
    browser = world.browser(world.alice)
    page = browser.get("/account")
    [line] = lines(caplog)
    assert line["request_id"] == page.headers["X-Request-Id"]
    assert (line["method"], line["route"], line["status"], line["outcome"]) == ("GET", "/account", 200, "done")
    assert line["user_id"] == world.alice.user_id
    assert 0 < line["ms"] < 10_000


@pytest.mark.parametrize(("path", "outcome"), [("/no-such-page", "refused"), ("/fails", "failed")])
def test_a_line_says_whose_fault_it_was(
    world: FrontendWorld, caplog: pytest.LogCaptureFixture, path: str, outcome: str
) -> None:
    world.app.add_url_rule("/fails", view_func=lambda: str(1 / 0))
    world.browser().get(path)
    assert [line["outcome"] for line in lines(caplog)] == [outcome]


@pytest.mark.parametrize("path", ["/reset-password/", "/confirm-address/"])
def test_the_secret_of_a_link_is_not_logged(world: FrontendWorld, caplog: pytest.LogCaptureFixture, path: str) -> None:
    world.browser().get(path + "the-secret")
    assert lines(caplog)
    assert "the-secret" not in str([record.msg for record in caplog.records])


def test_passwords_and_addresses_are_not_logged(world: FrontendWorld, caplog: pytest.LogCaptureFixture) -> None:
    world.browser().sign_in("nobody@example.org", "hunter2 hunter2")
    logged = str([record.msg for record in caplog.records])
    assert "hunter2" not in logged
    assert "nobody@" not in logged


def test_health_checks_are_not_logged_while_all_is_well(world: FrontendWorld, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world.browser().get("/healthz")
    assert lines(caplog) == []


def test_what_one_request_says_of_itself_does_not_leak_into_the_next(
    world: FrontendWorld, caplog: pytest.LogCaptureFixture
) -> None:
    def binding() -> str:
        structlog.contextvars.bind_contextvars(colour="green")
        return ""

    world.app.add_url_rule("/binds", view_func=binding)
    browser = world.browser()
    browser.get("/binds")
    browser.get("/sign-in")
    assert ["colour" in line for line in lines(caplog)] == [True, False]
