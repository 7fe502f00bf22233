"""Family 3: the message is from a topic that this endpoint expects, and nothing beside it says otherwise."""

from __future__ import annotations

import pytest

from shared.sns_verify import CertificateStore, Verifier
from tests.sns_sender import TOPIC_ARN, SnsSender, body, headers
from tests.unit.sns_verify.endpoint import Endpoint

MALLORYS = "arn:aws:sns:us-east-1:999999999999:job-requests"


@pytest.mark.parametrize(
    "arn",
    [
        MALLORYS,
        "arn:aws:sns:us-east-1:123456789012:job-results",
        "arn:aws:sns:us-east-1:123456789012:job-requests2",
        "arn:aws:sns:us-east-1:123456789012:job-request",
        "arn:aws:sns:us-east-1:123456789012:Job-requests",
        "arn:aws:sns:us-east-2:123456789012:job-requests",
        "arn:aws:sns:us-east-1:123456789012:job-requests.fifo",
    ],
)
def test_a_valid_signature_from_another_topic_is_refused_before_anything_is_fetched(arn: str) -> None:
    sender = SnsSender(arn)
    assert Endpoint(sender).reason(sender.notification()) == (403, "topic")
    assert sender.fetches == []


def test_an_expected_topic_in_the_header_does_not_excuse_another_in_the_body() -> None:
    sender = SnsSender(MALLORYS)
    status, _ = Endpoint(sender).reason(sender.notification(), x_amz_sns_topic_arn=TOPIC_ARN)
    assert status == 403
    assert sender.fetches == []


def test_a_message_of_one_endpoints_topic_is_refused_at_the_other_endpoint() -> None:
    results = "arn:aws:sns:us-east-1:123456789012:job-results"
    sender = SnsSender()
    assert Endpoint(sender, topic_arns=[TOPIC_ARN]).believes(sender.notification())
    assert Endpoint(sender, topic_arns=[results]).reason(sender.notification()) == (403, "topic")


def test_a_body_whose_topic_was_exchanged_is_refused() -> None:
    endpoint = Endpoint(topic_arns=[TOPIC_ARN, MALLORYS])
    envelope = SnsSender(MALLORYS).notification() | {"TopicArn": TOPIC_ARN}
    assert endpoint.reason(envelope) == (403, "signature")


def test_without_expected_topics_everything_is_refused() -> None:
    endpoint = Endpoint(topic_arns=[])
    for envelope in (endpoint.sender.notification(), endpoint.sender.subscription_confirmation()):
        assert endpoint.reason(envelope) == (403, "topic")
    assert endpoint.sender.fetches == []


def test_one_arn_where_a_collection_is_asked_for_stops_the_start() -> None:
    with pytest.raises(ValueError, match="collection"):
        Verifier(topic_arns=TOPIC_ARN, certificates=CertificateStore())


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("x-amz-sns-message-type", "SubscriptionConfirmation"),
        ("x-amz-sns-message-type", "notification"),
        ("x-amz-sns-message-type", ""),
        ("x-amz-sns-message-id", "00000000-0000-4000-8000-000000000000"),
        ("x-amz-sns-message-id", ""),
        ("x-amz-sns-topic-arn", MALLORYS),
        ("x-amz-sns-topic-arn", f"{TOPIC_ARN},{TOPIC_ARN}"),
        ("x-amz-sns-topic-arn", ""),
        ("X-AMZ-SNS-TOPIC-ARN", MALLORYS),
        ("X-Amz-Sns-Message-Type", "UnsubscribeConfirmation"),
    ],
)
def test_a_header_that_contradicts_the_body_is_refused(header: str, value: str) -> None:
    endpoint = Endpoint()
    assert endpoint.reason(endpoint.sender.notification(), **{header: value}) == (403, "header")
    assert endpoint.sender.fetches == []


def test_headers_are_not_needed() -> None:
    endpoint = Endpoint()
    assert endpoint.believes(body(endpoint.sender.notification()))


def test_other_headers_do_not_count() -> None:
    endpoint = Endpoint()
    assert endpoint.believes(
        endpoint.sender.notification(), host="evil.example", x_amz_sns_subscription_arn="PendingConfirmation"
    )


@pytest.mark.parametrize("value", ["true", "True", "TRUE", " true", "1", "yes", ""])
def test_a_raw_delivery_is_not_taken_even_when_its_body_looks_like_an_envelope(value: str) -> None:
    endpoint = Endpoint()
    assert endpoint.reason(endpoint.sender.notification(), x_amz_sns_rawdelivery=value) == (400, "raw-delivery")


def test_the_bare_message_of_a_raw_delivery_is_malformed() -> None:
    endpoint = Endpoint()
    with pytest.raises(Exception, match="raw delivery"):
        endpoint.verifier.verify(b"Hello", {"X-Amz-Sns-Rawdelivery": "true"})


def test_what_is_not_signed_may_change_and_is_not_handed_out() -> None:
    endpoint = Endpoint()
    envelope = endpoint.sender.notification() | {
        "UnsubscribeURL": "https://evil.example/",
        "MessageAttributes": {"admin": {"Type": "String", "Value": "true"}},
        "SomethingNew": {"deep": [1, 2.5, None, True]},
    }
    message = endpoint.push(envelope)
    handed_out = {name for name in dir(message) if not name.startswith("_")}
    assert handed_out == {"envelope", "message", "message_id", "subject", "timestamp", "topic_arn"}
    assert headers(envelope)["x-amz-sns-message-id"] == message.message_id
