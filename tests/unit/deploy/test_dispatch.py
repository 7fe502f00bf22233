"""Requests reach moto one at a time a service: its dictionaries know no conditional write that is atomic."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from deploy.local.dispatch import Dispatcher
from deploy.local.gate import Gate


def overlap(services: tuple[str, str], monkeypatch: pytest.MonkeyPatch, *, patience: float) -> bool:
    """Whether two requests at once, one for each service, are inside moto together."""
    both = threading.Barrier(2)
    met: list[bool] = []

    class App(SimpleNamespace):
        def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
            try:
                both.wait(patience)
                met.append(True)
            except threading.BrokenBarrierError:
                met.append(False)
            return [b""]

    dispatcher = Dispatcher(Gate())
    monkeypatch.setattr(dispatcher, "get_application", lambda environ: App(service=environ["service"]))
    threads = [threading.Thread(target=dispatcher, args=({"service": service, "REQUEST_METHOD": "POST"}, None)) for service in services]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return met == [True, True]


@pytest.mark.parametrize("service", ["dynamodb", "sns", "sesv2", "s3"])
def test_two_requests_of_a_service_never_overlap(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not overlap((service, service), monkeypatch, patience=0.1)


def test_requests_of_different_services_may(monkeypatch: pytest.MonkeyPatch) -> None:
    assert overlap(("dynamodb", "sns"), monkeypatch, patience=10)


def test_a_receiver_that_waits_for_messages_keeps_no_sender_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert overlap(("sqs", "sqs"), monkeypatch, patience=10)


@pytest.mark.parametrize(
    ("query", "host"),
    [
        ("Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:1:t&Token=x", "sns.eu-west-1.amazonaws.com"),
        ("Action=Unsubscribe&SubscriptionArn=arn:aws:sns:us-east-1:1:t:s", "sns.us-east-1.amazonaws.com"),
        ("Action=Publish&TopicArn=arn:aws:sns:us-east-1:1:t", None),
        ("", None),
    ],
)
def test_only_the_links_in_sns_messages_are_sns_without_credentials(query: str, host: str | None) -> None:
    environ = {"REQUEST_METHOD": "GET", "QUERY_STRING": query, "PATH_INFO": "/"}
    assert Dispatcher(Gate()).infer_service_region_host(environ, "/") == host
