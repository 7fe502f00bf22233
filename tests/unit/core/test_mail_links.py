"""The link by which somebody wants no more e-mails of a kind."""

from __future__ import annotations

import re

import pytest

from shared.core.mail_links import UNSUBSCRIBE_PATH, read, unsubscribe_link, unsubscribe_token

SECRET = "a key for tests, of no use elsewhere"


def test_says_whom_and_what_it_is_about() -> None:
    assert read(unsubscribe_token("alice", "archive", SECRET), SECRET) == ("alice", "archive")


def test_fits_into_a_path_and_a_header() -> None:
    token = unsubscribe_token("4f3c2b1a" * 4, "completed", SECRET)
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,200}", token)
    link = unsubscribe_link("https://gas.example.org", "4f3c2b1a" * 4, "completed", SECRET)
    assert link == f"https://gas.example.org{UNSUBSCRIBE_PATH}{token}"


@pytest.mark.parametrize("spoilt", ["{}x", "x{}", "{}{}", "é", "", "."])
def test_nothing_that_was_changed_is_believed(spoilt: str) -> None:
    token = unsubscribe_token("alice", "archive", SECRET)
    assert read(spoilt.format(token, token), SECRET) is None


def test_another_key_signs_nothing() -> None:
    assert read(unsubscribe_token("alice", "archive", SECRET[::-1]), SECRET) is None


def test_a_kind_that_cannot_be_turned_off_is_none() -> None:
    token = unsubscribe_token("alice", "payment-failed", SECRET)  # type: ignore[arg-type]  # signed, and yet nonsense
    assert read(token, SECRET) is None
