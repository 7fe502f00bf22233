"""`gas users`: who somebody is, and who is an operator."""

from __future__ import annotations

from typing import Any

import pytest

from shared.core.errors import Unavailable
from shared.core.users import User
from tests.factories import NOON, a_user
from tests.unit.cli import operator_terminal

WHY = ("--why", "She watches at night.")


class Terminal(operator_terminal.Terminal):
    """With alice's account."""

    def __init__(self) -> None:
        super().__init__("users")

    def account(self, **fields: Any) -> User:
        user = a_user(user_id="alice", email="alice@example.org", **{"verified_at": NOON, **fields})
        self.world.users.create(user)
        return user

    def deeds(self) -> list[tuple[str, str, str]]:
        return [(line.who, line.what, line.why) for line in self.world.audit.of("user#alice", limit=9)]


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


@pytest.mark.parametrize("person", ["alice", "alice@example.org", " Alice@Example.ORG "])
def test_somebody_is_shown_by_id_and_by_address(terminal: Terminal, person: str) -> None:
    terminal.account()
    shown = terminal.answers("show", person)
    assert (shown["user_id"], shown["email"], shown["role"]) == ("alice", "alice@example.org", "user")
    assert "alice@example.org" in terminal.run("show", person).stdout


@pytest.mark.parametrize("person", ["charlie", "charlie@example.org"])
def test_of_who_has_no_account_that_is_said(terminal: Terminal, person: str) -> None:
    for command in (["show", person], ["role", person, "operator", *WHY]):
        assert "account" in terminal.answers(*command, code=1)["error"]


def test_somebody_is_made_an_operator_and_it_is_on_record(terminal: Terminal) -> None:
    terminal.account()
    assert terminal.answers("role", "alice@example.org", "operator", *WHY)["role"] == "operator"
    assert terminal.world.users.get("alice").role == "operator"
    assert terminal.deeds() == [("olga", "Made alice@example.org an operator.", "She watches at night.")]


def test_somebody_is_no_operator_any_more(terminal: Terminal) -> None:
    terminal.account(role="operator")
    assert "no operator" in terminal.run("role", "alice", "user", *WHY).stdout
    assert terminal.world.users.get("alice").role == "user"
    assert [what for _, what, _ in terminal.deeds()] == ["Made alice@example.org no operator any more."]


def test_a_role_that_somebody_has_already_is_no_deed(terminal: Terminal) -> None:
    terminal.account()
    assert terminal.answers("role", "alice", "user", *WHY)["role"] == "user"
    assert terminal.deeds() == []


def test_nobody_becomes_an_operator_whose_address_is_not_known_to_be_theirs(terminal: Terminal) -> None:
    terminal.account(verified_at=None)
    assert "has not followed the link" in terminal.answers("role", "alice", "operator", *WHY, code=1)["error"]
    assert terminal.world.users.get("alice").role == "user"


@pytest.mark.parametrize("why", [(), ("--why", ""), ("--why", "  ")])
def test_a_role_asks_for_a_reason(terminal: Terminal, why: tuple[str, ...]) -> None:
    terminal.account()
    result = terminal.run("role", "alice", "operator", *why)
    assert result.exit_code == 2
    assert "--why" in result.stderr
    assert terminal.world.users.get("alice").role == "user"


def test_nothing_is_done_that_the_audit_log_cannot_know_of(terminal: Terminal) -> None:
    terminal.account()
    terminal.world.audit.fail_with = Unavailable("DynamoDB is away.")
    assert terminal.answers("role", "alice", "operator", *WHY, code=1) == {"error": "DynamoDB is away."}
    assert terminal.world.users.get("alice").role == "user"
