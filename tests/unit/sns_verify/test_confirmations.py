"""Family 4: confirmations are verified as strictly as notifications, and nothing is ever done because of one."""

from __future__ import annotations

from typing import Any

import pytest

from shared.sns_verify import SubscriptionConfirmation, UnsubscribeConfirmation
from tests.sns_sender import NOON, TOKEN, TOPIC_ARN, SnsSender
from tests.unit.sns_verify.endpoint import Endpoint

KINDS = ["subscription_confirmation", "unsubscribe_confirmation"]


def confirmation(sender: SnsSender, kind: str, **changes: object) -> dict[str, Any]:
    return dict(getattr(sender, kind)(**changes))


def test_a_subscription_confirmation_hands_out_its_token() -> None:
    endpoint = Endpoint()
    message = endpoint.push(endpoint.sender.subscription_confirmation())
    assert isinstance(message, SubscriptionConfirmation)
    assert (message.topic_arn, message.token, message.timestamp) == (TOPIC_ARN, TOKEN, NOON)


def test_an_unsubscribe_confirmation_hands_out_nothing_to_confirm_with() -> None:
    endpoint = Endpoint()
    message = endpoint.push(endpoint.sender.unsubscribe_confirmation())
    assert isinstance(message, UnsubscribeConfirmation)
    assert not hasattr(message, "token")
    assert not hasattr(message, "subscribe_url")


@pytest.mark.parametrize("kind", KINDS)
def test_a_confirmation_of_an_unexpected_topic_is_refused(kind: str) -> None:
    sender = SnsSender("arn:aws:sns:us-east-1:999999999999:job-requests")
    assert Endpoint(sender).reason(confirmation(sender, kind)) == (403, "topic")
    assert sender.fetches == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "token",
    [
        None,
        "",
        "a",
        TOKEN[:63],
        "0" * 1025,
        TOKEN + "\n",
        "\n" + TOKEN,
        TOKEN[:100] + "\n" + TOKEN[100:],
        TOKEN + " ",
        TOKEN + "&Action=DeleteTopic",
        TOKEN[:-1] + "g",
        TOKEN[:-1] + "٣",
        TOKEN[:-1] + "\x00",
        "../" * 30,
        12345,
        [TOKEN],
        {"Token": TOKEN},
        True,
    ],
)
def test_a_token_of_the_wrong_shape_is_malformed(kind: str, token: object) -> None:
    endpoint = Endpoint()
    assert endpoint.reason(confirmation(endpoint.sender, kind, Token=token)) == (400, "token")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "//evil.example",
        "https://",
        "https://a b",
        "https://a\nTimestamp\nx",
        "https://a\r",
        "https://a\x00",
        "https://ä.example",
        "https://" + "a" * 5000,
        7,
        ["https://a"],
    ],
)
def test_a_subscribe_url_that_is_no_address_is_malformed(kind: str, url: object) -> None:
    endpoint = Endpoint()
    assert endpoint.reason(confirmation(endpoint.sender, kind, SubscribeURL=url)) == (400, "subscribe-url")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "url",
    ["https://evil.example/", "http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:8003/?Action=Confirm"],
)
def test_whatever_address_is_signed_there_only_the_certificate_is_fetched(kind: str, url: str) -> None:
    endpoint = Endpoint()
    message = endpoint.push(confirmation(endpoint.sender, kind, SubscribeURL=url))
    assert endpoint.sender.fetches == [endpoint.sender.certificate_url]
    assert url not in [getattr(message, name) for name in dir(message)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("key", "value"),
    [("Token", TOKEN[::-1]), ("SubscribeURL", "https://evil.example/"), ("Message", "x")],
)
def test_an_exchanged_value_is_refused(kind: str, key: str, value: str) -> None:
    endpoint = Endpoint()
    assert endpoint.reason(confirmation(endpoint.sender, kind) | {key: value}) == (403, "signature")


@pytest.mark.parametrize(("mine", "other"), [KINDS, KINDS[::-1]])
def test_one_kind_of_confirmation_cannot_be_passed_off_as_the_other(mine: str, other: str) -> None:
    endpoint = Endpoint()
    envelope = confirmation(endpoint.sender, mine) | {"Type": confirmation(endpoint.sender, other)["Type"]}
    assert endpoint.reason(envelope) == (403, "signature")


@pytest.mark.parametrize("kind", KINDS)
def test_a_confirmation_can_be_too_old_too(kind: str) -> None:
    endpoint = Endpoint()
    envelope = confirmation(endpoint.sender, kind)
    endpoint.wait(minutes=76)
    assert endpoint.reason(envelope) == (403, "too-old")


@pytest.mark.parametrize("kind", KINDS)
def test_a_subject_is_not_signed_in_a_confirmation_and_must_not_be_there(kind: str) -> None:
    endpoint = Endpoint()
    assert endpoint.reason(confirmation(endpoint.sender, kind) | {"Subject": "x"}) == (400, "unsigned-key")
    assert endpoint.believes(confirmation(endpoint.sender, kind) | {"Subject": None})


@pytest.mark.parametrize("key", ["Token", "SubscribeURL"])
def test_what_confirms_is_not_signed_in_a_notification_and_must_not_be_there(key: str) -> None:
    endpoint = Endpoint()
    assert endpoint.reason(endpoint.sender.notification() | {key: TOKEN}) == (400, "unsigned-key")
