"""What SNS would push, for tests: a signing key, its certificate, and envelopes signed with it.

Written from the Amazon SNS Developer Guide ("Verifying the signatures of Amazon SNS messages"), not from
`shared.sns_verify`, so that the two check each other.
"""

from __future__ import annotations

import base64
import functools
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import NameOID

Envelope = dict[str, Any]
"""A push's JSON object."""

TOPIC_ARN = "arn:aws:sns:us-east-1:123456789012:job-requests"
NOON = datetime(2026, 3, 6, 12, 0, tzinfo=UTC)
TOKEN = "2336412f37fb687f5d51e6e2425dacbb" * 8
"""Made-up, in the shape of SNS's: hexadecimal digits, 256 of them."""

SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
"""The signed keys of each type, in the order in which they are signed."""


@functools.cache
def rsa_key(name: str = "sns", bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key of its own for each name; made once a process, since making one takes a tenth of a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def certificate(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | None = None,
    *,
    common_name: str | None = "sns.amazonaws.com",
    names: Sequence[str] | None = ("sns.amazonaws.com",),
    issuer: str | None = "Amazon RSA 2048 M01",
    issuer_key: rsa.RSAPrivateKey | None = None,
    not_before: datetime = NOON - timedelta(days=100),
    not_after: datetime = NOON + timedelta(days=230),
    is_ca: bool | None = False,
) -> bytes:
    """A PEM certificate for ``key`` (the sender's by default), issued by a made-up authority.

    ``names`` None leaves the SubjectAlternativeName out, ``is_ca`` None the BasicConstraints; ``issuer`` None makes it
    name itself as its issuer (and sign itself, where ``issuer_key`` is not given).
    """
    key = key or rsa_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else [])
    issuer_name = subject if issuer is None else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )
    if is_ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    if names is not None:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(alternatives, critical=False)
    signer = issuer_key or (key if issuer is None else rsa_key("authority"))
    algorithm = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(signer, algorithm).public_bytes(serialization.Encoding.PEM)


def string_to_sign(envelope: Mapping[str, Any]) -> bytes:
    """What SNS signs of the envelope: each signed key and its value, each followed by a newline."""
    keys = [key for key in SIGNED[envelope["Type"]] if envelope.get(key) is not None]
    return "".join(f"{key}\n{envelope[key]}\n" for key in keys).encode("utf-8", "surrogatepass")


def timestamp(moment: datetime) -> str:
    """A moment as SNS writes it: ``2026-03-06T19:31:32.895Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def body(envelope: Envelope) -> bytes:
    """The request's body."""
    return json.dumps(envelope, indent=2, ensure_ascii=False).encode()


def headers(envelope: Mapping[str, Any]) -> dict[str, str]:
    """The request's headers, as SNS sends them with this envelope."""
    found = {
        "Content-Type": "text/plain; charset=UTF-8",
        "User-Agent": "Amazon Simple Notification Service Agent",
        "x-amz-sns-message-type": envelope["Type"],
        "x-amz-sns-message-id": envelope["MessageId"],
        "x-amz-sns-topic-arn": envelope["TopicArn"],
    }
    if envelope["Type"] != "SubscriptionConfirmation":
        found["x-amz-sns-subscription-arn"] = envelope["TopicArn"] + ":c9135db0-26c4-47ec-8998-413945fb5a96"
    return found


@dataclass
class SnsSender:
    """One topic and the key that signs for it.

    ``clock`` is the moment of the envelopes that name none; ``fetches`` the URLs that `fetch` was asked for.
    """

    topic_arn: str = TOPIC_ARN
    clock: datetime = NOON
    key: rsa.RSAPrivateKey = field(default_factory=rsa_key)
    pem: bytes = b""
    """The certificate that `fetch` answers; one made for ``key`` where none is given."""
    certificate_url: str = ""
    """Where it lies: the address that the topic's region implies, where none is given."""
    fetches: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        region = self.topic_arn.split(":")[3]
        self.pem = self.pem or certificate(self.key)
        self.certificate_url = self.certificate_url or (
            f"https://sns.{region}.amazonaws.com/SimpleNotificationService-{'0123456789abcdef' * 2}.pem"
        )

    def fetch(self, url: str) -> bytes:
        """The fetcher to hand to a `CertificateStore`."""
        self.fetches.append(url)
        if url != self.certificate_url:
            raise LookupError(f"No certificate lies at {url}.")
        return self.pem

    def sign(self, envelope: Envelope) -> Envelope:
        """The envelope with the signature that its present values and its SignatureVersion ask for."""
        algorithm = hashes.SHA1() if envelope.get("SignatureVersion") == "1" else hashes.SHA256()  # noqa: S303 - as SNS signs in version 1
        signature = self.key.sign(string_to_sign(envelope), padding.PKCS1v15(), algorithm)
        return {**envelope, "Signature": base64.b64encode(signature).decode()}

    def notification(
        self,
        message: str = "Hello",
        *,
        subject: str | None = None,
        version: str = "2",
        message_id: str | None = None,
        at: datetime | None = None,
        **changes: object,
    ) -> Envelope:
        """A signed Notification; ``changes`` are further or other keys, there before it is signed."""
        envelope: Envelope = {
            "Type": "Notification",
            "MessageId": message_id or str(uuid.uuid4()),
            "TopicArn": self.topic_arn,
            "Message": message,
            "Timestamp": timestamp(at or self.clock),
            "SignatureVersion": version,
            "SigningCertURL": self.certificate_url,
            "UnsubscribeURL": self._api(
                f"Unsubscribe&SubscriptionArn={self.topic_arn}:c9135db0-26c4-47ec-8998-413945fb5a96"
            ),
        }
        if subject is not None:
            envelope["Subject"] = subject
        return self.sign({**envelope, **changes})

    def subscription_confirmation(self, **changes: object) -> Envelope:
        """A signed SubscriptionConfirmation."""
        return self._confirmation("SubscriptionConfirmation", "You have chosen to subscribe to the topic", changes)

    def unsubscribe_confirmation(self, **changes: object) -> Envelope:
        """A signed UnsubscribeConfirmation."""
        return self._confirmation("UnsubscribeConfirmation", "You have chosen to deactivate subscription", changes)

    def _confirmation(self, kind: str, words: str, changes: Mapping[str, object]) -> Envelope:
        envelope: Envelope = {
            "Type": kind,
            "MessageId": str(uuid.uuid4()),
            "Token": TOKEN,
            "TopicArn": self.topic_arn,
            "Message": f"{words} {self.topic_arn}.\nTo confirm, visit the SubscribeURL included in this message.",
            "SubscribeURL": self._api(f"ConfirmSubscription&TopicArn={self.topic_arn}&Token={TOKEN}"),
            "Timestamp": timestamp(self.clock),
            "SignatureVersion": "2",
            "SigningCertURL": self.certificate_url,
        }
        return self.sign({**envelope, **changes})

    def _api(self, query: str) -> str:
        return f"https://sns.{self.topic_arn.split(':')[3]}.amazonaws.com/?Action={query}"
