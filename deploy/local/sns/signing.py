"""The key that signs what the local SNS pushes, its certificate, and the string that is signed.

The certificate is what AWS's is: RSA 2048, named sns.amazonaws.com, issued by another key. It is issued anew at each
start; the key and the certificate's address outlive the process, and with them what was signed.
Source of the string to sign: "Verifying the signatures of Amazon SNS messages", Amazon SNS Developer Guide.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_NAME = "sns.amazonaws.com"
_SIGNED_KEYS = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_DIGESTS: dict[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303 - version 1 is SHA-1


@dataclass(frozen=True)
class SigningKey:
    """What is kept of a signer."""

    pem: bytes
    certificate_path: str
    made_at: datetime


class Signer:
    """Signs envelopes; `pem` lies at `certificate_path` of the local cloud."""

    def __init__(self, *, now: datetime | None = None) -> None:
        self._made_at = now or datetime.now(UTC)
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.pem = _certificate(self._key, self._made_at, self._made_at)
        self.certificate_path = f"/SimpleNotificationService-{secrets.token_hex(16)}.pem"

    def dump(self) -> SigningKey:
        """The key, unencrypted."""
        pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return SigningKey(pem, self.certificate_path, self._made_at)

    def load(self, kept: SigningKey) -> None:
        """Signs with that key from now on. The certificate is valid for whatever was ever signed with it."""
        key = serialization.load_pem_private_key(kept.pem, password=None)
        assert isinstance(key, rsa.RSAPrivateKey)  # noqa: S101 - it was made as one
        self._key, self._made_at, self.certificate_path = key, kept.made_at, kept.certificate_path
        self.pem = _certificate(key, kept.made_at, datetime.now(UTC))

    def sign(self, envelope: Mapping[str, str]) -> str:
        """The Signature of the envelope, by the version that it names."""
        digest = _DIGESTS[envelope["SignatureVersion"]]
        return base64.b64encode(self._key.sign(string_to_sign(envelope), padding.PKCS1v15(), digest)).decode()


def string_to_sign(envelope: Mapping[str, str]) -> bytes:
    """Every signed key that is there and its value, each followed by a newline."""
    return "".join(f"{key}\n{envelope[key]}\n" for key in _SIGNED_KEYS if key in envelope).encode()


def _certificate(key: rsa.RSAPrivateKey, since: datetime, now: datetime) -> bytes:
    authority = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "GAS local cloud")]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since - timedelta(days=1))
        .not_valid_after(now + timedelta(days=335))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(_NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(authority, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
