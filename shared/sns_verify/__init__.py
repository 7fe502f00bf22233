"""Verifies that a request is a message of Amazon SNS, from an expected topic, and recent. See README.md beside this file.

Knows nothing of the application around it; `shared.sns_verify.flask` alone knows Flask.
"""

from shared.sns_verify.errors import Malformed, Refused, TooLarge, Undecided, VerificationError
from shared.sns_verify.fetch import fetch_certificate
from shared.sns_verify.message import (
    MAX_BODY,
    Message,
    Notification,
    SubscriptionConfirmation,
    UnsubscribeConfirmation,
    read,
)
from shared.sns_verify.store import CertificateStore
from shared.sns_verify.verifier import Verifier

__all__ = [
    "MAX_BODY",
    "CertificateStore",
    "Malformed",
    "Message",
    "Notification",
    "Refused",
    "SubscriptionConfirmation",
    "TooLarge",
    "Undecided",
    "UnsubscribeConfirmation",
    "VerificationError",
    "Verifier",
    "fetch_certificate",
    "read",
]
