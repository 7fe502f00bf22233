"""The certificates that SNS signs with: what each must be.

SNS publishes each as a lone leaf, so no chain can be built from it. Trust comes from having fetched it over verified TLS
from exactly the host that the topic's region implies (`shared.sns_verify.store`); what the certificate itself says is
checked on top.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from shared.sns_verify.errors import Refused
from shared.sns_verify.fetch import MAX_CERTIFICATE

_PEM = re.compile(
    rb"\s*-----BEGIN CERTIFICATE-----\r?\n((?:[A-Za-z0-9+/=]+\r?\n)+)-----END CERTIFICATE-----\s*"
).fullmatch
_KEY_BITS = range(2048, 8192 + 1)


@dataclass(frozen=True, slots=True)
class SigningCertificate:
    """What is needed of a certificate to check signatures with it."""

    public_key: rsa.RSAPublicKey
    names: frozenset[str]
    """The DNS names that it is issued for, in lower case."""
    not_before: datetime
    not_after: datetime

    @classmethod
    def from_pem(cls, pem: bytes) -> SigningCertificate:
        """Raises `Refused` unless ``pem`` is one certificate and nothing else, of an RSA key, that is neither an
        authority's nor issued by itself."""
        if len(pem) > MAX_CERTIFICATE:
            raise Refused("certificate-body", f"The certificate's address answers more than {MAX_CERTIFICATE} bytes.")
        found = _PEM(pem)
        if found is None:
            raise Refused("certificate-body", "The certificate's address does not answer one PEM certificate alone.")
        try:
            return cls._from_der(base64.b64decode(b"".join(found[1].split()), validate=True))
        except _UNREADABLE:
            raise Refused("certificate-body", "The certificate cannot be read.") from None

    @classmethod
    def _from_der(cls, der: bytes) -> SigningCertificate:
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey) or key.key_size not in _KEY_BITS:
            raise Refused("certificate-key", "The certificate's key is not RSA of 2,048 to 8,192 bits.")
        if _is_authority(certificate):
            raise Refused("certificate-authority", "The certificate is an authority's, not a signer's.")
        if certificate.issuer == certificate.subject or _signed_itself(certificate, key):
            raise Refused("certificate-self-signed", "The certificate was issued by itself.")
        return cls(
            public_key=key,
            names=_names(certificate),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
        )


_UNREADABLE = (
    ValueError,  # also binascii.Error
    TypeError,
    Warning,  # where the application makes errors of warnings: cryptography warns of what RFC 5280 forbids
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


def _names(certificate: x509.Certificate) -> frozenset[str]:
    """The SubjectAlternativeName counts; the subject's common name only where there is none (RFC 6125, 6.4.4)."""
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        found = [str(common[0].value)] if len(common) == 1 else []
    else:
        found = alternatives.get_values_for_type(x509.DNSName)
    return frozenset(name.lower() for name in found)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        if certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return True
    except x509.ExtensionNotFound:
        pass
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        return False


def _signed_itself(certificate: x509.Certificate, key: rsa.RSAPublicKey) -> bool:
    """Whatever it says about its issuer."""
    scheme = certificate.signature_algorithm_parameters
    algorithm = certificate.signature_hash_algorithm
    if algorithm is None or not isinstance(scheme, padding.PKCS1v15 | padding.PSS):
        return False  # not an RSA signature
    try:
        key.verify(certificate.signature, certificate.tbs_certificate_bytes, scheme, algorithm)
    except (InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
