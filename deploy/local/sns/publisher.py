"""How the other services of the local cloud publish."""

from __future__ import annotations

from typing import Protocol


class Publish(Protocol):
    """Publishes as SNS's Publish does. Raises moto's error where there is no such topic."""

    def __call__(self, topic_arn: str, message: str, *, subject: str | None = None) -> str:
        """The message's id."""
        ...
