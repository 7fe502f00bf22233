"""Who sees operators' pages: operators, and nobody else so much as a hint of them."""

from __future__ import annotations

import pytest

from tests.client import Browser
from tests.unit.frontend_operators.world import OperatorsWorld, message_path

PATHS = [
    "/operators",
    "/operators/live",
    "/operators/messages",
    "/operators/dead-letters",
    "/operators/subscriptions",
    "/operators/look-up",
    "/operators/packs",
    "/operators/audit",
    "/operators/nothing-here",
]


@pytest.mark.parametrize("path", PATHS)
def test_others_find_what_they_find_where_there_is_nothing(world: OperatorsWorld, path: str) -> None:
    for browser in (world.browser(), world.browser(world.bob)):
        nothing, found = browser.get("/no-such-page"), browser.get(path)
        assert found.status == nothing.status == 404
        assert found.h1 == nothing.h1


@pytest.mark.parametrize(
    "path",
    ["/operators/dead-letters/act", "/operators/dead-letters/check", "/operators/subscriptions/daily/pause"],
)
def test_a_form_without_a_token_and_a_wrong_method_tell_others_nothing(world: OperatorsWorld, path: str) -> None:
    bob = world.browser(world.bob)
    assert bob.post(path, {}).status == 404
    assert bob.get(path).status == 404
    assert bob.get(f"{path}/").status == 404


def test_a_form_without_a_token_is_refused_to_operators_too(world: OperatorsWorld, operator: Browser) -> None:
    entry = world.dead(world.push(), "No.")
    assert operator.post(f"{message_path(entry)}/retry", {"why": "because"}).status == 400
    assert world.inbox.entries[entry.entry_id] == entry


def test_the_way_there_is_shown_to_operators_alone(world: OperatorsWorld, operator: Browser) -> None:
    assert "Operations" in operator.get("/jobs").words
    assert "Operations" not in world.browser(world.bob).get("/jobs").words


def test_whoever_is_no_operator_any_more_is_out_at_once(world: OperatorsWorld, operator: Browser) -> None:
    assert operator.get("/operators").status == 200
    world.change(world.operator, role="user")
    assert operator.get("/operators").status == 404
