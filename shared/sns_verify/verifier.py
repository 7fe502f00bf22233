"""The verifier: from a request to a message that SNS sent, to this endpoint, just now."""

from __future__ import annotations

import binascii
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from shared.sns_verify.certificates import SigningCertificate
from shared.sns_verify.errors import Malformed, Refused
from shared.sns_verify.message import Claim, Message, read
from shared.sns_verify.store import CertificateStore, utc_now
from shared.sns_verify.topics import Topic

_PADDING = padding.PKCS1v15()
_ALGORITHMS: Mapping[str, tuple[int, hashes.HashAlgorithm]] = {
    "1": (1, hashes.SHA1()),  # noqa: S303 - SNS's default; refused unless the policy allows version 1
    "2": (2, hashes.SHA256()),
}
_NO_HEADERS: Mapping[str, str] = {}


class Verifier:
    """Verifies the messages of some topics. Safe to share between threads.

    Without topics it refuses everything. Raises `ValueError` when one of ``topic_arns`` is no topic's ARN, or
    ``minimum_version`` is neither 1 nor 2.

    ``max_age`` is 75 minutes by default since SNS tries again for an hour; ``max_ahead`` allows for a clock that is slow.
    """

    def __init__(
        self,
        *,
        topic_arns: Iterable[str],
        certificates: CertificateStore,
        now: Callable[[], datetime] = utc_now,
        minimum_version: int = 2,
        max_age: timedelta = timedelta(minutes=75),
        max_ahead: timedelta = timedelta(minutes=15),
    ) -> None:
        if isinstance(topic_arns, str):
            raise ValueError("topic_arns is a collection of ARNs, not one.")  # noqa: TRY004 - as every wrong value here
        if minimum_version not in (1, 2):
            raise ValueError("minimum_version is 1 or 2.")
        self._topics = {arn: Topic.from_arn(arn) for arn in topic_arns}
        self._certificates = certificates
        self._now = now
        self._minimum_version = minimum_version
        self._max_age = max_age
        self._max_ahead = max_ahead

    def verify(self, body: bytes, headers: Mapping[str, str] = _NO_HEADERS, *, check_age: bool = True) -> Message:
        """The message in a request's body, if it is true. Raises `VerificationError` and nothing else.

        ``headers`` are the request's; they prove nothing, and must not contradict the body. ``check_age`` is False where a
        message is replayed that was kept since it arrived: everything else is checked all the same, the certificate's
        validity at the message's own time.

        What costs nothing is checked first: no certificate is fetched for a message that would be refused anyway.
        """
        # every header of a name counts, however it is written
        said = [(lower, value) for name, value in headers.items() if (lower := name.lower()).startswith("x-amz-sns-")]
        _refuse_raw(said)
        claim = read(body)
        message = claim.message
        _check_headers(said, claim)
        topic = self._topics.get(message.topic_arn)
        if topic is None:
            raise Refused("topic", "The message is from a topic that is not expected here.")
        version, algorithm = _ALGORITHMS.get(claim.signature_version, (0, None))
        if algorithm is None:
            raise Refused("signature-version", "SignatureVersion is neither 1 nor 2.")
        if version < self._minimum_version:
            raise Refused("signature-version", f"SignatureVersion {self._minimum_version} is required.")
        if check_age:
            age = self._now() - message.timestamp
            if age > self._max_age:
                raise Refused("too-old", "The message is too old to be a push.")
            if -age > self._max_ahead:
                raise Refused("from-the-future", "The message is from the future.")
        signature = _decode_signature(claim.signature)
        certificate = self._certificates.get(claim.certificate_url, topic)
        _check_certificate(certificate, topic, message.timestamp)
        try:
            certificate.public_key.verify(signature, claim.signed, _PADDING, algorithm)
        except InvalidSignature:
            raise Refused("signature", "Signature is wrong.") from None
        self._certificates.proven(claim.certificate_url)
        return message


def _refuse_raw(headers: list[tuple[str, str]]) -> None:
    """Raw delivery sends the bare message, without a signature; its body could even look like an envelope."""
    for name, value in headers:
        if name == "x-amz-sns-rawdelivery" and value.strip().lower() != "false":
            raise Malformed("raw-delivery", "A raw delivery carries no signature.")


def _check_headers(headers: list[tuple[str, str]], claim: Claim) -> None:
    for name, value in headers:
        match name:
            case "x-amz-sns-message-type":
                expected = claim.kind
            case "x-amz-sns-message-id":
                expected = claim.message.message_id
            case "x-amz-sns-topic-arn":
                expected = claim.message.topic_arn
            case _:
                continue
        if value != expected:
            raise Refused("header", f"The header {name} and the body contradict each other.")


def _decode_signature(text: str) -> bytes:
    """Base64 has many spellings of the same bytes; SNS writes one of them, and only that is taken."""
    try:
        signature = binascii.a2b_base64(text)
    except ValueError:
        raise Refused("signature", "Signature is not base64.") from None
    if not signature or binascii.b2a_base64(signature, newline=False) != text.encode():
        raise Refused("signature", "Signature is not base64 as SNS writes it.")
    return signature


def _check_certificate(certificate: SigningCertificate, topic: Topic, moment: datetime) -> None:
    if topic.certificate_name not in certificate.names:
        raise Refused("certificate-name", "The certificate is not issued for SNS in the topic's region.")
    if not certificate.not_before <= moment <= certificate.not_after:
        raise Refused("certificate-validity", "The certificate was not valid when the message was sent.")
