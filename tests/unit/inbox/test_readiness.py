"""What a server that is not ready says, in a sentence."""

from __future__ import annotations

from typing import Any
from unittest.mock import MagicMock

import pytest
import requests

from shared.core.health import Check, report
from shared.inbox.readiness import HttpReadiness, ServerState
from tests.unit.inbox.running import Running

ENDPOINT = "https://annotator.example.org/hooks/job-requests?x=1#y"


def asked(monkeypatch: pytest.MonkeyPatch, status: int, body: bytes) -> ServerState:
    answer = MagicMock(status_code=status)
    answer.__enter__.return_value = answer
    answer.raw.read.return_value = body
    get = MagicMock(return_value=answer)
    monkeypatch.setattr(requests, "get", get)
    found = HttpReadiness().ask(ENDPOINT)
    assert get.call_args.args == ("https://annotator.example.org/hooks/job-requests/readyz",)
    assert get.call_args.kwargs["allow_redirects"] is False
    return found


def said(monkeypatch: pytest.MonkeyPatch, status: int, body: bytes) -> str:
    return asked(monkeypatch, status, body).complaint


def test_a_server_that_is_ready_has_no_complaint(monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(monkeypatch, 200, b"{}") == ""


def test_the_checks_that_failed_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = {
        "database": Check(ok=False, detail="DynamoDB does not answer."),
        "workers": Check(ok=True),
        "draining": Check(ok=False),
    }
    text, _ = report(checks, good="ready", bad="not ready")
    assert said(monkeypatch, 503, text.encode()) == (
        "https://annotator.example.org/hooks/job-requests/readyz answers 503 (database: DynamoDB does not answer; draining)."
    )


def test_a_server_that_is_ready_says_how_much_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    text, _ = report(Running().engine.readiness, good="ready", bad="not ready")
    assert asked(monkeypatch, 200, text.encode()) == ServerState(unfinished=0, bound=10_000)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b'{"checks": {"backlog": {"ok": true}}}', b'{"checks": {"backlog": {"unfinished": "x"}}}'],
)
def test_one_that_does_not_say_it_is_ready_all_the_same(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    assert asked(monkeypatch, 200, body) == ServerState()


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"checks": []}', b'{"checks": {"a": 1}}', b"\xff", b"[" * 9999]
)
@pytest.mark.parametrize("status", [302, 404, 503])
def test_any_other_answer_is_told_by_its_status(monkeypatch: pytest.MonkeyPatch, status: int, body: bytes) -> None:
    assert (
        said(monkeypatch, status, body) == f"https://annotator.example.org/hooks/job-requests/readyz answers {status}."
    )


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (requests.ConnectTimeout(), "does not answer within 3 s"),
        (requests.ConnectionError(), "cannot be reached (ConnectionError)"),
        (requests.exceptions.InvalidURL(), "cannot be reached (InvalidURL)"),
        (OSError(), "cannot be reached (OSError)"),
    ],
)
def test_no_answer_is_a_complaint_and_no_error(monkeypatch: pytest.MonkeyPatch, error: Exception, words: str) -> None:
    get: Any = MagicMock(side_effect=error)
    monkeypatch.setattr(requests, "get", get)
    assert words in HttpReadiness().of(ENDPOINT)
