"""Why a push is not believed, and whether sending it again can help.

The four kinds are the four answers that a server gives. ``status`` is the HTTP status, ``reason`` a stable slug for logs
and metrics, ``str(error)`` one sentence for a person. None of them repeats what the sender wrote.
"""

from __future__ import annotations

from typing import ClassVar


class VerificationError(Exception):
    """The only exception that any input can cause."""

    status: ClassVar[int] = 403

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason

    @property
    def is_final(self) -> bool:
        """Sending the same again cannot help."""
        return self.status < 500


class Malformed(VerificationError):
    """This is not a message of SNS."""

    status = 400


class Refused(VerificationError):
    """It has the shape of a message of SNS and must not be believed."""

    status = 403


class TooLarge(VerificationError):
    """No message of SNS is that large."""

    status = 413


class Undecided(VerificationError):
    """Whether to believe it cannot be told now: SNS should send it again."""

    status = 503
