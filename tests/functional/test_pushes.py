"""The hook endpoints of the running servers: what they answer to whom, and what lands among the dead letters."""

from __future__ import annotations

import json
import socket

import pytest
import requests

from tests.whole import Gas, wait_for


@pytest.fixture
def endpoint(gas: Gas) -> str:
    return f"http://127.0.0.1:{gas.ports['UTIL']}/hooks/job-results"


def test_a_forged_push_is_refused(gas: Gas, endpoint: str) -> None:
    forged = {
        "Type": "Notification",
        "MessageId": "11111111-2222-3333-4444-555555555555",
        "TopicArn": gas.stack_outputs()["JobResultsTopic"],
        "Message": "{}",
        "Timestamp": "2026-03-06T19:31:32.895Z",
        "SignatureVersion": "2",
        "Signature": "bm8=",
        "SigningCertURL": f"{gas.cloud_url}/SimpleNotificationService-{'0' * 32}.pem",
    }
    assert requests.post(endpoint, json=forged, timeout=10).status_code == 403


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"Type": "Notification"}', b"\xff\xfe"])
def test_what_is_no_sns_message_is_a_bad_request(endpoint: str, body: bytes) -> None:
    assert requests.post(endpoint, data=body, timeout=10).status_code == 400


def test_a_body_over_the_bound_is_too_large(endpoint: str) -> None:
    assert requests.post(endpoint, data=b" " * 3_000_000, timeout=10).status_code == 413


def test_an_endpoint_answers_posts_alone(endpoint: str) -> None:
    assert requests.get(endpoint, timeout=10).status_code == 405


def test_an_unknown_endpoint_is_not_found(gas: Gas) -> None:
    url = f"http://127.0.0.1:{gas.ports['UTIL']}/hooks/no-such-topic"
    assert requests.post(url, data=b"{}", timeout=10).status_code == 404


@pytest.mark.parametrize("topic", ["JobRequests", "JobResults"])
def test_a_message_that_cannot_be_handled_waits_among_the_dead_letters_with_its_reason(gas: Gas, topic: str) -> None:
    outputs = gas.stack_outputs()
    text = json.dumps({"nonsense": topic})
    message_id = gas.aws("sns").publish(TopicArn=outputs[f"{topic}Topic"], Message=text)["MessageId"]
    sqs = gas.aws("sqs")

    def dead_letter() -> dict[str, object] | None:
        received = sqs.receive_message(
            QueueUrl=outputs[f"{topic}DeadLetters"], MessageAttributeNames=["All"], VisibilityTimeout=0
        )
        found = [item for item in received.get("Messages", []) if json.loads(item["Body"])["MessageId"] == message_id]
        return found[0] if found else None

    letter = wait_for("the dead letter", dead_letter)
    assert json.loads(str(letter["Body"]))["Message"] == text
    assert "job_id" in json.dumps(letter["MessageAttributes"])


def test_the_subscriptions_are_confirmed_with_their_policies(gas: Gas) -> None:
    sns = gas.aws("sns")
    for subscription in sns.list_subscriptions()["Subscriptions"]:
        attributes = sns.get_subscription_attributes(SubscriptionArn=subscription["SubscriptionArn"])["Attributes"]
        assert attributes["PendingConfirmation"] == "false"
        assert attributes["ConfirmationWasAuthenticated"] == "true"
        assert "deadLetterTargetArn" in attributes["RedrivePolicy"]
        if subscription["Protocol"] != "lambda":  # Lambda keeps what it was handed, and retries by itself
            assert "healthyRetryPolicy" in attributes["DeliveryPolicy"]


def test_connections_on_which_nothing_is_said_keep_nobody_out(gas: Gas) -> None:
    address = ("127.0.0.1", gas.ports["UTIL"])
    silent = [socket.create_connection(address) for _ in range(150)]
    try:
        assert requests.get(f"http://127.0.0.1:{address[1]}/healthz", timeout=3).status_code == 200
    finally:
        for connection in silent:
            connection.close()
