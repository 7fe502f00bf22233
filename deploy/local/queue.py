"""One queue of SQS, quick at any length.

moto reads every message of a queue, several times, at each message that is sent, received, released or deleted: ten
thousand dead letters would take hours.
"""

from __future__ import annotations

import copy
import heapq
from collections.abc import Iterable
from itertools import islice
from typing import Any

from moto.core.utils import unix_time_millis
from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import Message, Queue, _filter_message_attributes

_SECOND = 1000  # milliseconds


class LocalQueue(Queue):
    """A standard queue: without an order and without a dead-letter queue of its own.

    Every message is either free, or its turn comes at a moment that is known: when it is no longer held or delayed.
    """

    def __init__(self, made: Queue) -> None:
        """``made``: an empty one, as moto makes it."""
        self._stored: dict[str, Message] = {}
        """By id, oldest first."""
        self._free: dict[str, None] = {}
        """Ids of those that may be received."""
        self._turns: list[tuple[float, str]] = []
        """A heap: when, in milliseconds, and whose turn it is; of no meaning where the message says otherwise by now."""
        self._receipts: dict[str, str] = {}
        """Every receipt handle of every message → the message's id."""
        self.__dict__.update({name: value for name, value in vars(made).items() if name != "_messages"})

    @property
    def _messages(self) -> list[Message]:
        return list(self._stored.values())

    @_messages.setter
    def _messages(self, messages: Iterable[Message]) -> None:
        with self._messages_lock:
            for kept in (self._stored, self._free, self._receipts):
                kept.clear()
            self._turns.clear()
            for message in messages:
                self.add_message(message)

    @property
    def messages(self) -> list[Message]:
        with self._messages_lock:
            self._pass_time()
            return [self._stored[message_id] for message_id in self._free]

    @property
    def approximate_number_of_messages(self) -> int:
        with self._messages_lock:
            self._pass_time()
            return len(self._free)

    @property
    def approximate_number_of_messages_delayed(self) -> int:
        now = unix_time_millis()
        with self._messages_lock:
            return len({one for _, one in self._turns if one in self._stored and self._stored[one].delayed_until > now})

    @property
    def approximate_number_of_messages_not_visible(self) -> int:
        with self._messages_lock:
            return len(self._stored) - self.approximate_number_of_messages - self.approximate_number_of_messages_delayed

    def add_message(self, message: Message) -> None:
        with self._messages_lock:
            self._stored[message.id] = message
            self._await_turn(message)
            self._messages_lock.notify_all()

    def take(self, count: int, hold: int, attribute_names: list[str]) -> list[Message]:
        """At most so many, held for so many seconds: copies, with these message attributes."""
        with self._messages_lock:
            self._pass_time()
            taken = [self._stored[message_id] for message_id in islice(self._free, count)]
            for message in taken:
                message.mark_received(hold)
                self._receipts[str(message.receipt_handle)] = message.id
                self._await_turn(message)
            copies = [copy.copy(message) for message in taken]
        for message in copies:
            _filter_message_attributes(message, attribute_names)
        return copies

    def change_visibility(self, receipt_handle: str, hold: int) -> None:
        """Held for so many seconds from now. Raises `ReceiptHandleIsInvalid`."""
        with self._messages_lock:
            message = self._received(receipt_handle)
            message.change_visibility(hold)
            self._await_turn(message)
            self._messages_lock.notify_all()

    def delete_message(self, receipt_handle: str) -> None:
        with self._messages_lock:
            if receipt_handle not in self.deleted_messages:
                self._remove(self._received(receipt_handle))

    def _received(self, receipt_handle: str) -> Message:
        message = self._stored.get(self._receipts.get(receipt_handle, ""))
        if message is None:
            raise ReceiptHandleIsInvalid
        return message

    def _remove(self, message: Message) -> None:
        handles = [handle for handle in message.all_receipt_handles if handle is not None]
        self.deleted_messages.update(handles)
        for handle in handles:
            del self._receipts[handle]
        del self._stored[message.id]
        self._free.pop(message.id, None)

    def _await_turn(self, message: Message) -> None:
        turn = _turn(message)
        self._free.pop(message.id, None)
        if turn < unix_time_millis():
            self._free[message.id] = None
        else:
            heapq.heappush(self._turns, (turn, message.id))

    def _pass_time(self) -> None:
        """Whose turn has come is free; what is as old as the queue keeps messages is gone."""
        now = unix_time_millis()
        while self._turns and self._turns[0][0] < now:
            turn, message_id = heapq.heappop(self._turns)
            message = self._stored.get(message_id)
            if message is not None and _turn(message) == turn:
                self._free[message_id] = None
        retention: Any = self.message_retention_period  # type: ignore[attr-defined]  # set by its name
        while self._stored:
            oldest = next(iter(self._stored.values()))
            if _sent_at(oldest) + retention * _SECOND > now:
                break
            self._remove(oldest)


def _turn(message: Message) -> float:
    return max(message.visible_at, message.delayed_until)


def _sent_at(message: Message) -> int:
    sent_at: Any = message.sent_timestamp  # moto declares it as None
    return int(sent_at or 0)
