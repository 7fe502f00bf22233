"""An endpoint that verifies what an `SnsSender` pushes, with a clock that the test turns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import pytest

from shared.sns_verify import CertificateStore, Message, VerificationError, Verifier
from tests.sns_sender import NOON, TOPIC_ARN, Envelope, SnsSender, body, headers


class Endpoint:
    """Its parts can be looked at and replaced."""

    def __init__(
        self,
        sender: SnsSender | None = None,
        *,
        topic_arns: Iterable[str] = (TOPIC_ARN,),
        fetch: Callable[[str], bytes] | None = None,
        extra_origin: str | None = None,
        patience: float = 5.0,
        minimum_version: int = 2,
        is_bounded: bool = True,
    ) -> None:
        self.time = NOON
        self.sender = sender or SnsSender()
        self.store = CertificateStore(
            fetch=fetch or self.sender.fetch,
            now=self.now,
            extra_origin=extra_origin,
            patience=patience,
            is_bounded=is_bounded,
        )
        self.verifier = Verifier(
            topic_arns=topic_arns, certificates=self.store, now=self.now, minimum_version=minimum_version
        )

    def now(self) -> datetime:
        return self.time

    def wait(self, **duration: float) -> None:
        self.time += timedelta(**duration)

    def push(self, envelope: Envelope | bytes, **more: str) -> Message:
        """What comes of a push with the headers that belong to it, changed by ``more`` (underscores for hyphens)."""
        if isinstance(envelope, bytes):
            return self.verifier.verify(envelope)
        said = headers(envelope) | {name.replace("_", "-"): value for name, value in more.items()}
        return self.verifier.verify(body(envelope), said)

    def believes(self, envelope: Envelope | bytes, **more: str) -> bool:
        """True, or the error that says why not."""
        self.push(envelope, **more)
        return True

    def error(self, envelope: Envelope | bytes, **more: str) -> VerificationError:
        """Why it is not believed."""
        with pytest.raises(VerificationError) as caught:
            self.push(envelope, **more)
        return caught.value

    def reason(self, envelope: Envelope | bytes, **more: str) -> tuple[int, str]:
        """The status and the reason why it is not believed."""
        error = self.error(envelope, **more)
        return error.status, error.reason
