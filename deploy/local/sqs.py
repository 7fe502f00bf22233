"""SQS as moto has it, with queues that are quick; and who waits for messages does not keep snapshots waiting."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from moto.sqs import urls
from moto.sqs.exceptions import InvalidParameterValue
from moto.sqs.models import Message, Queue, SQSBackend, sqs_backends

from deploy.local.gate import Gate
from deploy.local.moto_urls import UrlModule
from deploy.local.queue import LocalQueue

_LONGEST_HOLD = 43_200  # seconds


class LocalSqs(SQSBackend):
    """One region's queues."""

    gate: ClassVar[Gate]
    """Set once, by `install`."""

    @property
    def _url_module(self) -> UrlModule:
        return UrlModule(urls.url_bases, urls.url_paths)

    def create_queue(self, name: str, tags: dict[str, str] | None = None, **kwargs: Any) -> Queue:
        queue = super().create_queue(name, tags, **kwargs)
        if not isinstance(queue, LocalQueue) and not queue.fifo_queue:
            queue = self.queues[name] = LocalQueue(queue)  # type: ignore[abstract]  # moto declares methods it does not need here
        return queue

    def change_message_visibility(self, queue_name: str, receipt_handle: str, visibility_timeout: int) -> None:
        """moto's counts the 12 hours for which a message may be held from when it was sent."""
        queue = self.get_queue(queue_name)
        if not isinstance(queue, LocalQueue):
            super().change_message_visibility(queue_name, receipt_handle, visibility_timeout)
            return
        if visibility_timeout > _LONGEST_HOLD:
            raise InvalidParameterValue(f"Value {visibility_timeout} for parameter VisibilityTimeout is invalid.")
        queue.change_visibility(receipt_handle, visibility_timeout)

    def receive_message(
        self,
        queue_name: str,
        count: int,
        wait_seconds_timeout: int,
        visibility_timeout: int,
        message_attribute_names: list[str] | None = None,
    ) -> list[Message]:
        """moto's waits while it is within a change."""
        give_up = time.monotonic() + wait_seconds_timeout
        queue = self.get_queue(queue_name)
        while True:
            if isinstance(queue, LocalQueue):
                found = queue.take(count, visibility_timeout, message_attribute_names or [])
            else:
                found = super().receive_message(queue_name, count, 0, visibility_timeout, message_attribute_names)
            left = give_up - time.monotonic()
            if found or left <= 0:
                return found
            with self.gate.away():
                queue.wait_for_messages(min(left, 1))  # type: ignore[arg-type]  # a part of one, too


def install(gate: Gate) -> None:
    """Every SQS backend that moto makes from now on is ours."""
    LocalSqs.gate = gate
    sqs_backends.backend = LocalSqs
