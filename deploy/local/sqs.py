"""SQS as moto has it; but who waits for messages does not keep snapshots waiting."""

from __future__ import annotations

import time
from typing import ClassVar

from moto.sqs import urls
from moto.sqs.models import Message, SQSBackend, sqs_backends

from deploy.local.gate import Gate
from deploy.local.moto_urls import UrlModule


class LocalSqs(SQSBackend):
    """One region's queues."""

    gate: ClassVar[Gate]
    """Set once, by `install`."""

    @property
    def _url_module(self) -> UrlModule:
        return UrlModule(urls.url_bases, urls.url_paths)

    def receive_message(
        self,
        queue_name: str,
        count: int,
        wait_seconds_timeout: int,
        visibility_timeout: int,
        message_attribute_names: list[str] | None = None,
    ) -> list[Message]:
        """moto's, which waits while it is within a change."""
        give_up = time.monotonic() + wait_seconds_timeout
        while True:
            found = super().receive_message(queue_name, count, 0, visibility_timeout, message_attribute_names)
            left = give_up - time.monotonic()
            if found or left <= 0:
                return found
            with self.gate.away():
                self.get_queue(queue_name).wait_for_messages(min(left, 1))  # type: ignore[arg-type]  # a part of one, too


def install(gate: Gate) -> None:
    """Every SQS backend that moto makes from now on is ours."""
    LocalSqs.gate = gate
    sqs_backends.backend = LocalSqs
