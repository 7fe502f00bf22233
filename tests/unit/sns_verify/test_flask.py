"""The request's body is read within bounds, and each error has its answer."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from flask import Flask, request
from flask.testing import FlaskClient

from shared.sns_verify import MAX_BODY, Malformed, Refused, TooLarge, Undecided, VerificationError
from shared.sns_verify.flask import answer, read_push
from tests.sns_sender import body, headers
from tests.unit.sns_verify.endpoint import Endpoint


class Drip(io.RawIOBase):
    """A body that comes in small pieces and counts them."""

    def __init__(self, size: int, piece: int = 1000) -> None:
        self.left, self.piece, self.given = size, piece, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # what a raw stream has
        count = min(len(buffer), self.left, self.piece)
        buffer[:count] = b" " * count
        self.left -= count
        self.given += count
        return count


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


@pytest.fixture
def app(endpoint: Endpoint) -> Flask:
    app = Flask(__name__)
    app.register_error_handler(VerificationError, answer)

    @app.post("/hook")
    def hook() -> str:
        return read_push(request, endpoint.verifier).message_id

    return app


@pytest.fixture
def client(app: Flask) -> Iterator[FlaskClient]:
    with app.test_client() as client:
        yield client


@pytest.mark.parametrize(
    "content_type", ["text/plain; charset=UTF-8", "application/json", "application/x-www-form-urlencoded", ""]
)
def test_a_push_is_read_whatever_its_content_type(client: FlaskClient, endpoint: Endpoint, content_type: str) -> None:
    envelope = endpoint.sender.notification("ä")
    response = client.post("/hook", data=body(envelope), headers=headers(envelope) | {"Content-Type": content_type})
    assert (response.status_code, response.text) == (200, envelope["MessageId"])


def test_the_headers_are_compared(client: FlaskClient, endpoint: Endpoint) -> None:
    envelope = endpoint.sender.notification()
    said = headers(envelope) | {"X-Amz-Sns-Topic-Arn": "arn:aws:sns:us-east-1:999999999999:x"}
    del said["x-amz-sns-topic-arn"]
    assert client.post("/hook", data=body(envelope), headers=said).status_code == 403


def test_a_raw_delivery_is_answered_400(client: FlaskClient) -> None:
    response = client.post("/hook", data=b"Hello", headers={"x-amz-sns-rawdelivery": "true"})
    assert (response.status_code, response.text) == (400, "A raw delivery carries no signature.\n")


def test_an_announced_length_over_the_cap_is_answered_413_without_reading(client: FlaskClient) -> None:
    drip = Drip(10 * MAX_BODY)
    response = client.post("/hook", environ_overrides={"wsgi.input": drip, "CONTENT_LENGTH": str(10 * MAX_BODY)})
    assert response.status_code == 413
    assert drip.given == 0


def test_a_body_of_unknown_length_is_read_up_to_the_cap_only(client: FlaskClient) -> None:
    drip = Drip(10 * MAX_BODY)
    response = client.post(
        "/hook",
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input": drip, "wsgi.input_terminated": True},
    )
    assert response.status_code == 413
    assert drip.given <= MAX_BODY + 1


def test_a_body_in_chunks_is_read_whole(client: FlaskClient, endpoint: Endpoint) -> None:
    envelope = endpoint.sender.notification("x" * 200_000)
    response = client.post(
        "/hook",
        input_stream=io.BytesIO(body(envelope)),
        headers=headers(envelope) | {"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert response.status_code == 200


def test_the_smaller_bound_of_an_application_counts(client: FlaskClient, app: Flask, endpoint: Endpoint) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 100
    response = client.post("/hook", data=body(endpoint.sender.notification()))
    assert (response.status_code, response.text) == (413, "The body has more bytes than this application takes.\n")


@pytest.mark.parametrize("terminated", [False, True])
def test_a_body_that_is_cut_short_is_answered_503_since_the_network_may_be_at_fault(
    client: FlaskClient, endpoint: Endpoint, terminated: bool
) -> None:
    """``terminated``: whether the server ends the stream by itself, as gunicorn does."""
    raw = body(endpoint.sender.notification())
    response = client.post(
        "/hook",
        environ_overrides={
            "wsgi.input": io.BytesIO(raw[:-10]),
            "CONTENT_LENGTH": str(len(raw)),
            "wsgi.input_terminated": terminated,
        },
    )
    assert (response.status_code, response.text) == (503, "The body ended before its announced length.\n")


@pytest.mark.parametrize("length", ["-1", "x", ""])
def test_a_senseless_length_is_answered_400(client: FlaskClient, length: str) -> None:
    response = client.post("/hook", data=b"", environ_overrides={"CONTENT_LENGTH": length})
    assert response.status_code == 400


@pytest.mark.parametrize(("kind", "status"), [(Malformed, 400), (Refused, 403), (TooLarge, 413), (Undecided, 503)])
def test_each_error_is_answered_by_its_status_and_its_sentence(kind: type[VerificationError], status: int) -> None:
    response = answer(kind("slug", "One sentence."))
    assert (response.status_code, response.get_data()) == (status, b"One sentence.\n")
    assert response.mimetype == "text/plain"
    assert ("Retry-After" in response.headers) == (status == 503)
