"""What reaches a running server besides pushes: other methods, odd bodies, broken HTTP, and clients that dawdle."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import requests

from tests.sns_sender import headers
from tests.whole import HOST, Gas, wait_for

MANY = 120
"""Connections; a server has 64 threads."""
SOONER = 15.0
"""Seconds within which others are served beside slow clients, who may take 20 s each where there is room."""


@pytest.fixture(scope="module")
def endpoint(gas: Gas) -> str:
    return f"http://{HOST}:{gas.ports['UTIL']}/hooks/mail-feedback"


@pytest.fixture(scope="module")
def genuine(gas: Gas) -> bytes:
    """A push as SNS signed it, accepted already."""
    outputs = gas.stack_outputs()
    event = json.dumps({"eventType": "Delivery", "mail": {"messageId": "bad-pushes", "destination": []}})
    published = gas.aws("sns").publish(TopicArn=outputs["MailFeedbackTopic"], Message=event)
    key = {"entry_id": {"S": f"mail-feedback#{published['MessageId']}"}}
    table = gas.aws("dynamodb")

    def envelope() -> str | None:
        item = table.get_item(TableName=outputs["InboxTable"], Key=key).get("Item")
        return item["envelope"]["S"] if item and item["state"]["S"] == "DONE" else None

    return wait_for("the push", envelope).encode()


def in_pieces(body: bytes, size: int = 1000) -> Iterator[bytes]:
    """A body that `requests` sends chunked."""
    yield from (body[at : at + size] for at in range(0, len(body), size))


def said(raw: bytes) -> dict[str, str]:
    envelope: dict[str, Any] = json.loads(raw)
    return {name: value for name, value in headers(envelope).items() if name != "Content-Type"}


def talk(gas: Gas, raw: bytes, *, hang_up: bool = False) -> bytes:
    """All that the server says to these bytes until it closes; ``hang_up``: nothing more comes from us."""
    with socket.create_connection((HOST, gas.ports["UTIL"]), timeout=SOONER) as line:
        line.sendall(raw)
        if hang_up:
            line.shutdown(socket.SHUT_WR)
        answer = b""
        while part := line.recv(65536):
            answer += part
    return answer


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_other_methods_are_told_that_there_are_posts_alone(endpoint: str, genuine: bytes, method: str) -> None:
    answer = requests.request(method, endpoint, data=genuine, headers=said(genuine), timeout=10)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "content_type",
    ["text/plain; charset=UTF-8", "application/json", "multipart/form-data", "application/x-www-form-urlencoded", ""],
)
def test_a_genuine_push_is_known_whatever_its_content_type(endpoint: str, genuine: bytes, content_type: str) -> None:
    answer = requests.post(endpoint, genuine, headers={**said(genuine), "Content-Type": content_type}, timeout=10)
    assert (answer.status_code, answer.text) == (200, "duplicate\n")


def test_a_genuine_push_in_chunks_is_known(endpoint: str, genuine: bytes) -> None:
    answer = requests.post(endpoint, in_pieces(genuine), headers=said(genuine), timeout=10)
    assert (answer.status_code, answer.text) == (200, "duplicate\n")


def test_chunks_without_end_are_too_large(endpoint: str) -> None:
    """The server stops reading: it answers, or hangs up while we still send."""
    try:
        answer = requests.post(endpoint, in_pieces(b" " * 8_000_000, 65536), timeout=10)
    except requests.ConnectionError:
        return
    assert answer.status_code == 413


@pytest.mark.parametrize("body", [b"{}", b'"x"', b"[" * 100_000, b'{"Type": "Notification"}' * 2, bytes(1000)])
def test_other_bodies_in_chunks_are_bad_requests(endpoint: str, body: bytes) -> None:
    assert requests.post(endpoint, in_pieces(body), timeout=10).status_code == 400


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS where there is none
        b"nonsense\r\n\r\n",
        b"POST /hooks/mail-feedback HTTP/9.9\r\nHost: x\r\n\r\n",
        b"POST /hooks/mail-feedback HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /hooks/mail-feedback HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"POST /hooks/mail-feedback HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /hooks/mail-feedback HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, x\r\n\r\n",
        b"POST /" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /hooks/mail-feedback HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"POST /hooks/mail-feedback HTTP/1.1\r\n" + b"X: a\r\n" * 1000 + b"\r\n",
    ],
    ids=[
        "TLS",
        "nonsense",
        "version",
        "negative",
        "two lengths",
        "smuggling",
        "encoding",
        "long line",
        "long header",
        "many",
    ],
)
def test_broken_http_is_refused_and_the_connection_closed(gas: Gas, raw: bytes) -> None:
    answer = talk(gas, raw, hang_up=True)
    assert answer == b"" or answer.split()[1][:1] in {b"4", b"5"}
    assert answer.count(b"HTTP/1.1 ") <= 1


@pytest.mark.parametrize("chunked", [False, True])
def test_a_push_that_is_cut_short_may_come_again(gas: Gas, genuine: bytes, chunked: bool) -> None:
    lines = ["POST /hooks/mail-feedback HTTP/1.1", "Host: x"]
    lines += [f"{name}: {value}" for name, value in said(genuine).items()]
    lines.append("Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(genuine)}")
    size = f"{len(genuine):x}\r\n".encode() if chunked else b""
    answer = talk(gas, "\r\n".join([*lines, "", ""]).encode() + size + genuine[:-10], hang_up=True)
    assert answer == b"" or answer.split()[1] == b"503"


@pytest.mark.parametrize(
    "beginning",
    [
        b"POST /hooks/mail-feedback HTTP/1.1\r\nHost: x\r\n",
        b"POST /hooks/mail-feedback HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
    ],
    ids=["headers", "body"],
)
def test_many_who_dawdle_do_not_keep_a_push_out(gas: Gas, endpoint: str, genuine: bytes, beginning: bytes) -> None:
    with ExitStack() as lines:
        for _ in range(MANY):
            line = lines.enter_context(socket.create_connection((HOST, gas.ports["UTIL"]), timeout=SOONER))
            line.sendall(beginning)
        assert requests.post(endpoint, genuine, headers=said(genuine), timeout=SOONER).status_code == 200
