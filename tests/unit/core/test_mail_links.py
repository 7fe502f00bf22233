"""The link by which somebody wants no more e-mails of a kind."""

from __future__ import annotations

import re

import pytest

from shared.core.mail_links import UNSUBSCRIBE_PATH, read, unsubscribe_link, unsubscribe_token

SECRETS = ("a key for tests of no use elsewhere",)


def test_says_whom_and_what_it_is_about() -> None:
    assert read(unsubscribe_token("alice", "archive", SECRETS), SECRETS) == ("alice", "archive")


def test_fits_into_a_path_and_a_header() -> None:
    token = unsubscribe_token("4f3c2b1a" * 4, "completed", SECRETS)
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,200}", token)
    link = unsubscribe_link("https://gas.example.org", "4f3c2b1a" * 4, "completed", SECRETS)
    assert link == f"https://gas.example.org{UNSUBSCRIBE_PATH}{token}"


@pytest.mark.parametrize("spoilt", ["{}x", "x{}", "{}{}", "é", "", "."])
def test_nothing_that_was_changed_is_believed(spoilt: str) -> None:
    token = unsubscribe_token("alice", "archive", SECRETS)
    assert read(spoilt.format(token, token), SECRETS) is None


def test_another_key_signs_nothing() -> None:
    assert read(unsubscribe_token("alice", "archive", (SECRETS[0][::-1],)), SECRETS) is None


def test_a_kind_that_cannot_be_turned_off_is_none() -> None:
    token = unsubscribe_token("alice", "payment-failed", SECRETS)  # type: ignore[arg-type]  # signed, and yet nonsense
    assert read(token, SECRETS) is None


def test_a_link_of_yesterdays_key_is_believed_today() -> None:
    yesterdays = unsubscribe_token("alice", "archive", SECRETS)
    assert read(yesterdays, ("a new key", *SECRETS)) == ("alice", "archive")


def test_the_first_key_signs() -> None:
    todays = unsubscribe_token("alice", "archive", ("a new key", *SECRETS))
    assert read(todays, ("a new key",)) == ("alice", "archive")
    assert read(todays, SECRETS) is None
