"""What is posted: the keys, headers and signatures that Amazon SNS documents, checked with `cryptography` alone."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from deploy.local.sns.envelope import Envelopes, Push, Target
from deploy.local.sns.signing import Signer
from shared.sns_verify import CertificateStore, Notification, SubscriptionConfirmation, Verifier

TOPIC = "arn:aws:sns:us-east-1:123456789012:gas-job-requests"
ORIGIN = "http://127.0.0.1:8003"
NOW = datetime(2026, 3, 6, 19, 31, 32, 895_123, tzinfo=UTC)
SIGNER = Signer(now=NOW)
ENVELOPES = Envelopes(SIGNER, ORIGIN)
MESSAGE_ID = "c1f4a3b0-1111-4222-8333-123456789abc"
TOKEN = "ab" * 144


def target(version: str = "2", *, raw: bool = False, content_type: str = "text/plain; charset=UTF-8") -> Target:
    return Target(
        url="http://127.0.0.1:8001/hooks/job-requests",
        topic_arn=TOPIC,
        subscription_arn=f"{TOPIC}:c9135db0-26c4-47ec-8998-413945fb5a96",
        signature_version=version,
        content_type=content_type,
        raw=raw,
    )


def notification(target: Target, message: str = "Hello", subject: str | None = None, attributes: Any = None) -> Push:
    return ENVELOPES.notification(
        target, message_id=MESSAGE_ID, message=message, subject=subject, attributes=attributes, at=NOW
    )


def check(push: Push, signed: list[str]) -> None:
    """Raises `InvalidSignature` unless these keys, in this order, are what is signed."""
    envelope = json.loads(push.body)
    text = "".join(f"{key}\n{envelope[key]}\n" for key in signed)
    key = x509.load_pem_x509_certificate(SIGNER.pem).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    digest = hashes.SHA1() if envelope["SignatureVersion"] == "1" else hashes.SHA256()  # noqa: S303 - version 1 is SHA-1
    key.verify(base64.b64decode(envelope["Signature"]), text.encode(), padding.PKCS1v15(), digest)


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_notification_is_signed_by_the_topics_version(version: str) -> None:
    push = notification(target(version), "Grüße\nzwei Zeilen")
    assert json.loads(push.body)["SignatureVersion"] == version
    check(push, ["Message", "MessageId", "Timestamp", "TopicArn", "Type"])


def test_a_subject_is_signed_where_there_is_one() -> None:
    push = notification(target(), subject="A subject")
    check(push, ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"])
    with pytest.raises(InvalidSignature):
        check(push, ["Message", "MessageId", "Timestamp", "TopicArn", "Type"])


def test_a_confirmation_is_signed_with_its_token_and_link() -> None:
    push = ENVELOPES.subscription_confirmation(target(), message_id=MESSAGE_ID, token=TOKEN, at=NOW)
    check(push, ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"])


def test_a_notification_has_the_keys_of_the_developer_guide() -> None:
    envelope = json.loads(notification(target(), subject="S").body)
    assert list(envelope) == [
        "Type",
        "MessageId",
        "TopicArn",
        "Subject",
        "Message",
        "Timestamp",
        "SignatureVersion",
        "Signature",
        "SigningCertURL",
        "UnsubscribeURL",
    ]
    assert envelope["Timestamp"] == "2026-03-06T19:31:32.895Z"
    assert envelope["SigningCertURL"] == ORIGIN + SIGNER.certificate_path
    assert envelope["UnsubscribeURL"] == f"{ORIGIN}/?Action=Unsubscribe&SubscriptionArn={target().subscription_arn}"


def test_without_a_subject_the_key_is_absent() -> None:
    assert "Subject" not in json.loads(notification(target()).body)


def test_message_attributes_are_passed_on() -> None:
    attributes = {"kind": {"Type": "String", "Value": "x"}}
    assert json.loads(notification(target(), attributes=attributes).body)["MessageAttributes"] == attributes


def test_a_notification_has_the_headers_of_the_developer_guide() -> None:
    assert dict(notification(target()).headers) == {
        "x-amz-sns-message-type": "Notification",
        "x-amz-sns-message-id": MESSAGE_ID,
        "x-amz-sns-topic-arn": TOPIC,
        "x-amz-sns-subscription-arn": target().subscription_arn,
        "Content-Type": "text/plain; charset=UTF-8",
        "User-Agent": "Amazon Simple Notification Service Agent",
    }


def test_a_confirmation_names_no_subscription_in_its_headers() -> None:
    push = ENVELOPES.subscription_confirmation(target(), message_id=MESSAGE_ID, token=TOKEN, at=NOW)
    assert push.headers["x-amz-sns-message-type"] == "SubscriptionConfirmation"
    assert "x-amz-sns-subscription-arn" not in push.headers


def test_raw_delivery_is_the_message_alone_and_says_so() -> None:
    push = notification(target(raw=True), '{"job_id": "j1"}')
    assert push.body == '{"job_id": "j1"}'
    assert push.headers["x-amz-sns-rawdelivery"] == "true"


def test_the_policys_content_type_is_used() -> None:
    assert notification(target(content_type="application/json")).headers["Content-Type"] == "application/json"


def test_the_certificate_is_a_leaf_for_sns_signed_by_another_key() -> None:
    certificate = x509.load_pem_x509_certificate(SIGNER.pem)
    key = certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size == 2048
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["sns.amazonaws.com"]
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert certificate.issuer != certificate.subject
    assert certificate.not_valid_before_utc < NOW < NOW + timedelta(days=300) < certificate.not_valid_after_utc
    with pytest.raises(InvalidSignature):
        key.verify(certificate.signature, certificate.tbs_certificate_bytes, padding.PKCS1v15(), hashes.SHA256())


class TestOurVerifier:
    """What the servers verify with accepts it."""

    @pytest.fixture
    def verifier(self) -> Verifier:
        def fetch(url: str) -> bytes:
            assert url == ORIGIN + SIGNER.certificate_path
            return SIGNER.pem

        store = CertificateStore(fetch=fetch, now=lambda: NOW, extra_origin=ORIGIN)
        return Verifier(topic_arns={TOPIC}, certificates=store, now=lambda: NOW, minimum_version=2)

    @pytest.mark.parametrize("subject", [None, "A subject"])
    def test_accepts_a_notification(self, verifier: Verifier, subject: str | None) -> None:
        push = notification(target(), 'Grüße "x"\n\u2028', subject)
        message = verifier.verify(push.body.encode(), push.headers)
        assert isinstance(message, Notification)
        assert message.message == 'Grüße "x"\n\u2028'

    def test_accepts_a_confirmation(self, verifier: Verifier) -> None:
        push = ENVELOPES.subscription_confirmation(target(), message_id=MESSAGE_ID, token=TOKEN, at=NOW)
        message = verifier.verify(push.body.encode(), push.headers)
        assert isinstance(message, SubscriptionConfirmation)
        assert message.token == TOKEN
