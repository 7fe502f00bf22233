"""What verifying one Notification costs beyond the inevitable: the bare RSA-2048 check and parsing the JSON.

Both run on the same signed Notification, with a warm certificate, in turns of short rounds, so that whatever else the
machine does meets both alike. The medians of the rounds count.
"""

from __future__ import annotations

import base64
import json
import statistics
import time
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from shared.sns_verify import CertificateStore, Verifier
from tests.sns_sender import NOON, TOPIC_ARN, SnsSender, body, headers, string_to_sign

ROUNDS = 41
CALLS = 500
"""In a round; it lasts about twenty milliseconds."""


def measure() -> dict[str, float]:
    """``verify_per_s`` and ``bare_per_s`` (calls a second on one core), ``ratio`` of the two (1 would be free)."""
    sender = SnsSender()
    envelope = sender.notification(json.dumps({"job_id": "0" * 32, "run": 1, "requested_at": "2026-03-06T12:00:00Z"}))
    request = (body(envelope), headers(envelope))
    verifier = Verifier(
        topic_arns={TOPIC_ARN},
        certificates=CertificateStore(fetch=sender.fetch, now=lambda: NOON),
        now=lambda: NOON,
    )
    key = sender.key.public_key()
    signature, signed = base64.b64decode(envelope["Signature"]), string_to_sign(envelope)
    scheme, algorithm = padding.PKCS1v15(), hashes.SHA256()

    def bare() -> None:
        json.loads(request[0])
        key.verify(signature, signed, scheme, algorithm)

    def verify() -> None:
        verifier.verify(*request)

    rounds: list[tuple[float, float]] = []
    _seconds(verify), _seconds(bare)  # warm
    for number in range(ROUNDS):
        if number % 2:
            with_library, without = _seconds(verify), _seconds(bare)
        else:
            without, with_library = _seconds(bare), _seconds(verify)
        rounds.append((with_library, without))
    return {
        "verify_per_s": CALLS / statistics.median(mine for mine, _ in rounds),
        "bare_per_s": CALLS / statistics.median(theirs for _, theirs in rounds),
        "ratio": statistics.median(theirs / mine for mine, theirs in rounds),
    }


def _seconds(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    for _ in range(CALLS):
        call()
    return time.perf_counter() - start
