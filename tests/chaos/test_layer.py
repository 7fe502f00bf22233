"""The fault-injecting layer itself: each fault is what it says, and looks to the servers as AWS makes it look."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from shared.aws.errors import translated
from shared.aws.session import Service, client
from shared.core.errors import Unavailable
from shared.core.settings import Settings
from tests.chaos.faults import CERTIFICATE, ERRORS, PUSH, Fate, Fault, Storm, Weather
from tests.chaos.layer import Layer
from tests.chaos.shapes import service_of
from tests.whole import wait_for

ARN = "arn:aws:sns:us-east-1:123456789012:topic"
QUEUE = "http://127.0.0.1/123456789012/queue"
CALLS: dict[Service, Callable[[Any], Any]] = {
    "dynamodb": lambda aws: aws.get_item(TableName="table", Key={"id": {"S": "x"}}),
    "s3": lambda aws: aws.get_object(Bucket="bucket", Key="key"),
    "sns": lambda aws: aws.publish(TopicArn=ARN, Message="text"),
    "sqs": lambda aws: aws.send_message(QueueUrl=QUEUE, MessageBody="text"),
    "sesv2": lambda aws: aws.send_email(Content={"Simple": {"Subject": {"Data": "s"}, "Body": {}}}),
    "stepfunctions": lambda aws: aws.start_execution(stateMachineArn=ARN),
}


class Always(Storm):
    """Every call meets the same fault."""

    def __init__(self, fault: Fault, seconds: float = 0.0) -> None:
        super().__init__(Weather(), 0)
        self.always = Fate(fault, seconds)
        self.services: list[str] = []

    def fate(self, service: str, *, topic: str = "", message_id: str = "") -> Fate:
        self.services.append(service)
        return self.always


class Upstream(ThreadingHTTPServer):
    """The cloud and a server at once."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.got: list[tuple[str, bytes]] = []
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Upstream

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, body))
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"whole")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Nothing."""


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    upstream = Upstream()
    yield upstream
    upstream.shutdown()
    upstream.server_close()


@pytest.fixture
def layer(upstream: Upstream) -> Iterator[Layer]:
    layer = Layer()
    layer.cloud, layer.servers = upstream.url, {"util_hook": upstream.url}
    yield layer
    layer.close()


def push(layer: Layer) -> requests.Response:
    headers = {"x-amz-sns-message-id": "m1", "x-amz-sns-message-type": "Notification", "Connection": "close"}
    return requests.post(f"{layer.url}/util_hook/hooks/job-results", data=b"body", headers=headers, timeout=10)


@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.THROTTLED])
@pytest.mark.parametrize("service", CALLS)
def test_each_service_says_in_its_own_words_that_it_cannot(
    layer: Layer, monkeypatch: pytest.MonkeyPatch, service: Service, fault: Fault
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    storm = layer.storm = Always(fault)
    aws = client(Settings(endpoint_url=layer.url, public_url=""), service)
    with pytest.raises(Unavailable), translated(service):
        CALLS[service](aws)
    assert len(storm.services) == (1 if service == "sesv2" else 4 if service == "s3" else 3)
    assert set(storm.services) == {aws.meta.service_model.signing_name}
    assert set(storm.services) <= set(ERRORS)


@pytest.mark.parametrize(
    ("path", "authorization", "service"),
    [
        ("/SimpleNotificationService-0a.pem", "", CERTIFICATE),
        ("/bucket/key?X-Amz-Credential=k%2F20260306%2Fus-east-1%2Fs3%2Faws4_request&x=y", "", "s3"),
        ("/bucket", "", "s3"),
        ("/mailbox.json", "", ""),
        ("/stripe/v1/prices", "Bearer sk_test", ""),
    ],
)
def test_calls_that_no_sdk_signed_are_known_by_their_address(path: str, authorization: str, service: str) -> None:
    assert service_of(path, authorization) == service


def test_what_is_not_disturbed_goes_to_whom_it_is_for(layer: Layer, upstream: Upstream) -> None:
    assert push(layer).text == "whole"
    assert requests.post(f"{layer.url}/bucket", data=b"file", timeout=10).text == "whole"
    assert upstream.got == [("/hooks/job-results", b"body"), ("/bucket", b"file")]


@pytest.mark.parametrize("fault", [Fault.UNANSWERED, Fault.CUT_SHORT, Fault.BELATED])
def test_an_answer_that_is_lost_leaves_the_call_done(layer: Layer, upstream: Upstream, fault: Fault) -> None:
    layer.storm = Always(fault, 0.1)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        push(layer)
    assert upstream.got == [("/hooks/job-results", b"body")]


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.HANGS])
def test_a_call_that_does_not_arrive_is_not_done(layer: Layer, upstream: Upstream, fault: Fault) -> None:
    layer.storm = Always(fault, 0.1)
    with pytest.raises(requests.ConnectionError):
        push(layer)
    assert upstream.got == []


def test_a_push_may_come_twice(layer: Layer, upstream: Upstream) -> None:
    layer.storm = Always(Fault.TWICE, 0.1)
    assert push(layer).ok
    wait_for("the second time", lambda: upstream.got == [("/hooks/job-results", b"body")] * 2)


def test_what_is_turned_away_never_arrives(layer: Layer, upstream: Upstream) -> None:
    layer.storm = Always(Fault.TURNED_AWAY)
    assert push(layer).status_code == 403
    assert upstream.got == []


def test_a_confirmation_is_never_disturbed(layer: Layer) -> None:
    layer.storm = Always(Fault.RESET)
    headers = {"x-amz-sns-message-type": "SubscriptionConfirmation"}
    assert requests.post(f"{layer.url}/util_hook/hooks/daily", data=b"body", headers=headers, timeout=10).ok


def fates(storm: Storm) -> list[Fate]:
    return [storm.fate(service, message_id=str(n)) for n in range(1000) for service in ("dynamodb", PUSH)]


def test_the_same_seed_brings_the_same_faults() -> None:
    one, same, other = (fates(Storm(Weather(), seed, clock=lambda: 0.0)) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_as_many_calls_as_the_weather_says_meet_an_error() -> None:
    storm = Storm(Weather(errors=0.3, turned_away=0.0), 1, clock=lambda: 0.0)
    fates(storm)
    assert storm.errors == pytest.approx(0.3, abs=0.03)


def test_a_service_that_is_out_answers_nobody() -> None:
    now = 0.0
    storm = Storm(Weather(errors=0.0, outage_every=10.0, outage=3.0), 1, clock=lambda: now)
    now = 11.0
    out = [
        service for service in ERRORS if all(storm.fate(service).fault in {Fault.ERROR, Fault.RESET} for _ in range(20))
    ]
    assert len(out) == 1


def test_after_the_storm_nothing_is_disturbed() -> None:
    storm = Storm(Weather(errors=1.0), 1)
    storm.end()
    assert {fate.fault for fate in fates(storm)} == {Fault.NONE}


def test_what_was_turned_away_stays_so_and_reports_about_mail_never_are() -> None:
    storm = Storm(Weather(errors=0.0, late=0.0, twice=0.0, turned_away=1.0, outage=0.0), 1)
    assert storm.fate(PUSH, topic="job-results", message_id="m1").fault is Fault.TURNED_AWAY
    assert storm.turned_away == {"m1"}
    assert storm.fate(PUSH, topic="mail-feedback", message_id="m2").fault is Fault.NONE
