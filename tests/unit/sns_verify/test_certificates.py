"""Family 2: the certificate is SNS's for this region, an RSA signer's, and was valid at the message's time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from shared.sns_verify.topics import Topic
from tests.sns_sender import NOON, SnsSender, certificate, rsa_key
from tests.unit.sns_verify.endpoint import Endpoint


def reason(pem: bytes) -> tuple[int, str]:
    endpoint = Endpoint(SnsSender(pem=pem))
    return endpoint.reason(endpoint.sender.notification())


@pytest.mark.parametrize(
    "name",
    [
        "sns.example.org",
        "amazonaws.com",
        "*.amazonaws.com",
        "sns.amazonaws.com.evil.example",
        "evil-sns.amazonaws.com",
        "sns.us-east-1.amazonaws.com",
        "sns-signing.us-east-1.amazonaws.com",
        "sns-us-gov-west-1.amazonaws.com",
        "sns.amazonaws.com.cn",
        "sns.amazonaws.com\x00.evil.example",
    ],
)
def test_a_certificate_for_another_name_is_refused(name: str) -> None:
    assert reason(certificate(common_name=name, names=[name])) == (403, "certificate-name")


def test_the_common_name_does_not_count_where_there_are_alternative_names() -> None:
    assert reason(certificate(common_name="sns.amazonaws.com", names=["evil.example"])) == (403, "certificate-name")


def test_the_common_name_counts_where_there_are_none() -> None:
    endpoint = Endpoint(SnsSender(pem=certificate(names=None)))
    assert endpoint.believes(endpoint.sender.notification())


def test_one_of_several_alternative_names_is_enough_in_any_case_of_letters() -> None:
    names = ["sns.us-east-1.amazonaws.com", "SNS.amazonaws.com"]
    endpoint = Endpoint(SnsSender(pem=certificate(common_name="x", names=names)))
    assert endpoint.believes(endpoint.sender.notification())


def test_a_certificate_without_any_name_is_refused() -> None:
    assert reason(certificate(common_name=None, names=None)) == (403, "certificate-name")


REGIONS = {
    "arn:aws:sns:eu-west-1:123456789012:t": ("https://sns.eu-west-1.amazonaws.com", "sns.amazonaws.com"),
    "arn:aws:sns:ap-northeast-3:123456789012:t": ("https://sns.ap-northeast-3.amazonaws.com", "sns.amazonaws.com"),
    "arn:aws:sns:af-south-1:123456789012:t": (
        "https://sns.af-south-1.amazonaws.com",
        "sns-signing.af-south-1.amazonaws.com",
    ),
    "arn:aws:sns:me-south-1:123456789012:t": (
        "https://sns.me-south-1.amazonaws.com",
        "sns-signing.me-south-1.amazonaws.com",
    ),
    "arn:aws:sns:ap-southeast-7:123456789012:t": (
        "https://sns.ap-southeast-7.amazonaws.com",
        "sns-signing.ap-southeast-7.amazonaws.com",
    ),
    "arn:aws-us-gov:sns:us-gov-west-1:123456789012:t": (
        "https://sns.us-gov-west-1.amazonaws.com",
        "sns-us-gov-west-1.amazonaws.com",
    ),
    "arn:aws-us-gov:sns:us-gov-east-1:123456789012:t": (
        "https://sns.us-gov-east-1.amazonaws.com",
        "sns-us-gov-west-1.amazonaws.com",
    ),
    "arn:aws-cn:sns:cn-north-1:123456789012:t": (
        "https://sns.cn-north-1.amazonaws.com.cn",
        "sns-cn-north-1.amazonaws.com.cn",
    ),
    "arn:aws-cn:sns:cn-northwest-1:123456789012:t": (
        "https://sns.cn-northwest-1.amazonaws.com.cn",
        "sns-cn-northwest-1.amazonaws.com.cn",
    ),
    "arn:aws-iso:sns:us-iso-east-1:123456789012:t": (
        "https://sns.us-iso-east-1.c2s.ic.gov",
        "sns-us-iso-east-1.c2s.ic.gov",
    ),
    "arn:aws-eusc:sns:eusc-de-east-1:123456789012:t": (
        "https://sns.eusc-de-east-1.amazonaws.eu",
        "sns-signing.eusc-de-east-1.amazonaws.eu",
    ),
}


@pytest.mark.parametrize(("arn", "implied"), REGIONS.items())
def test_each_region_has_its_host_and_its_name(arn: str, implied: tuple[str, str]) -> None:
    origin, name = implied
    sender = SnsSender(
        arn,
        pem=certificate(common_name=name, names=[name]),
        certificate_url=f"{origin}/SimpleNotificationService-0123456789abcdef.pem",
    )
    assert Endpoint(sender, topic_arns={arn}).believes(sender.notification())
    topic = Topic.from_arn(arn)
    assert (topic.certificate_origin, topic.certificate_name) == implied


@pytest.mark.parametrize(("arn", "implied"), REGIONS.items())
def test_the_name_of_another_region_is_refused(arn: str, implied: tuple[str, str]) -> None:
    origin, name = implied
    other = "sns-signing.il-central-1.amazonaws.com" if name == "sns.amazonaws.com" else "sns.amazonaws.com"
    sender = SnsSender(
        arn,
        pem=certificate(common_name=other, names=[other]),
        certificate_url=f"{origin}/SimpleNotificationService-0123456789abcdef.pem",
    )
    assert Endpoint(sender, topic_arns={arn}).reason(sender.notification()) == (403, "certificate-name")


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "job-requests",
        "arn:aws:sns:us-east-1:123456789012:",
        "arn:aws:sns:us-east-1:123456789012:a:b",
        "arn:aws:sns:us-east-1:123456789012:a\n",
        "arn:aws:sns:us-east-1:12345678901:a",
        "arn:aws:sns:us-east-1:１２３４５６７８９０１２:a",
        "arn:aws:sns::123456789012:a",
        "arn:aws:sns:evil.example/:123456789012:a",
        "arn:aws:sns:us-east-1.evil.example:123456789012:a",
        "arn:aws:sns:us-evil.example-1:123456789012:a",
        "arn:aws:sqs:us-east-1:123456789012:a",
        "arn:aws-evil:sns:us-east-1:123456789012:a",
        "arn:aws:sns:cn-north-1:123456789012:a",
        "arn:aws-cn:sns:us-east-1:123456789012:a",
        "arn:aws:sns:us-gov-west-1:123456789012:a",
        f"arn:aws:sns:us-east-1:123456789012:{'a' * 257}",
        "*",
    ],
)
def test_what_is_not_the_arn_of_a_topic_stops_the_start(arn: str) -> None:
    with pytest.raises(ValueError, match=r"ARN|region"):
        Endpoint(topic_arns=[arn])


def test_a_certificate_that_had_expired_at_the_message_time_is_refused() -> None:
    assert reason(certificate(not_after=NOON - timedelta(seconds=1))) == (403, "certificate-validity")


def test_a_certificate_that_was_not_yet_valid_at_the_message_time_is_refused() -> None:
    assert reason(certificate(not_before=NOON + timedelta(seconds=1))) == (403, "certificate-validity")


def test_the_message_time_counts_and_not_the_present() -> None:
    endpoint = Endpoint(SnsSender(pem=certificate(not_after=NOON + timedelta(minutes=5))))
    envelope = endpoint.sender.notification()
    endpoint.wait(minutes=30)
    assert endpoint.believes(envelope)


def test_a_kept_certificate_is_judged_anew_for_each_message() -> None:
    endpoint = Endpoint(SnsSender(pem=certificate(not_after=NOON + timedelta(minutes=5))))
    endpoint.push(endpoint.sender.notification())
    endpoint.wait(minutes=6)
    assert endpoint.reason(endpoint.sender.notification(at=endpoint.time)) == (403, "certificate-validity")


def test_a_self_signed_certificate_is_refused() -> None:
    assert reason(certificate(issuer=None)) == (403, "certificate-self-signed")


def test_a_certificate_that_names_itself_as_its_issuer_is_refused_whoever_signed_it() -> None:
    assert reason(certificate(issuer=None, issuer_key=rsa_key("authority"))) == (403, "certificate-self-signed")


def test_a_certificate_that_signed_itself_is_refused_whatever_issuer_it_names() -> None:
    assert reason(certificate(issuer="Amazon RSA 2048 M01", issuer_key=rsa_key())) == (403, "certificate-self-signed")


def test_an_authority_is_refused() -> None:
    assert reason(certificate(is_ca=True)) == (403, "certificate-authority")


def test_a_certificate_without_basic_constraints_is_not_an_authority() -> None:
    endpoint = Endpoint(SnsSender(pem=certificate(is_ca=None)))
    assert endpoint.believes(endpoint.sender.notification())


def test_a_key_that_may_sign_certificates_is_an_authority() -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    usage = {
        "digital_signature": True,
        "content_commitment": False,
        "key_encipherment": False,
        "data_encipherment": False,
        "key_agreement": False,
        "crl_sign": False,
        "encipher_only": False,
        "decipher_only": False,
    }
    pem = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Amazon")]))
        .public_key(rsa_key().public_key())
        .serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2027, 1, 1, tzinfo=UTC))
        .add_extension(x509.KeyUsage(key_cert_sign=True, **usage), critical=True)
        .sign(rsa_key("authority"), hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    assert reason(pem) == (403, "certificate-authority")


Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


@pytest.mark.parametrize(
    "make_key",
    [
        lambda: ec.generate_private_key(ec.SECP256R1()),
        ed25519.Ed25519PrivateKey.generate,
        lambda: rsa_key("short", 1024),
    ],
    ids=["elliptic curve", "ed25519", "rsa-1024"],
)
def test_a_key_other_than_rsa_of_2048_bits_or_more_is_refused(make_key: Callable[[], Key]) -> None:
    assert reason(certificate(make_key())) == (403, "certificate-key")


def test_an_rsa_key_of_more_bits_is_taken() -> None:
    key = rsa_key("long", 3072)
    endpoint = Endpoint(SnsSender(key=key))
    assert endpoint.believes(endpoint.sender.notification())


def test_a_message_signed_by_another_key_than_the_certificates_is_refused() -> None:
    endpoint = Endpoint(SnsSender(key=rsa_key("mallory"), pem=certificate(rsa_key())))
    assert endpoint.reason(endpoint.sender.notification()) == (403, "signature")
