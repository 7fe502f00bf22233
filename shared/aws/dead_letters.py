"""SQS, as the last resort, and what operators ask of its queues."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from shared.aws.errors import code_of, message_of, translated
from shared.core.clock import from_millis
from shared.core.dead_letters import LONGEST_ATTRIBUTE, DeadLetter
from shared.core.errors import NotFound, TooLarge, Unavailable

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.literals import QueueAttributeNameType
    from types_boto3_sqs.type_defs import (
        BatchResultErrorEntryTypeDef,
        MessageAttributeValueTypeDef,
        MessageTypeDef,
    )

_NOT_FOR_SQS = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""SQS takes only what XML 1.0 takes."""
_LONGEST_VALUE = 1000  # characters; attributes count towards the message's size
_BATCH = 10  # the most that SQS takes or gives at once
_LONG_POLL = 1  # seconds
_NO_QUEUE = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})


class SqsDeadLetters:
    """Implements `shared.core.ports.DeadLetters`."""

    def __init__(self, sqs: SQSClient) -> None:
        self._sqs = sqs

    def bury(self, queue_url: str, envelope: str, *, reason: str, attributes: Mapping[str, str]) -> None:
        """Raises `TooLarge` when SQS cannot hold the envelope.

        A character that SQS does not take is escaped as JSON does, which is the same envelope to whoever parses it.
        """
        body = _NOT_FOR_SQS.sub(_escape, envelope)
        values = {
            name: _NOT_FOR_SQS.sub("?", value)[:_LONGEST_VALUE]
            for name, value in {**attributes, "reason": reason}.items()
        }
        typed: dict[str, MessageAttributeValueTypeDef] = {
            name: {"DataType": "String", "StringValue": value} for name, value in values.items() if value
        }
        with translated("SQS"):
            try:
                self._sqs.send_message(QueueUrl=queue_url, MessageBody=body, MessageAttributes=typed)
            except ClientError as error:
                if code_of(error).startswith("InvalidParameterValue") and "shorter than" in message_of(error):
                    raise TooLarge("SQS cannot hold a message as large as this.") from error
                raise


class SqsDeadLetterQueues:
    """Implements `shared.core.dead_letters.DeadLetterQueues`."""

    def __init__(self, sqs: SQSClient) -> None:
        self._sqs = sqs

    def count(self, queue_url: str) -> int:
        names: Sequence[QueueAttributeNameType] = (
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
        )
        with _of_queue():
            answer = self._sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def receive(
        self, queue_url: str, *, queue: str, hold: timedelta, limit: int = _BATCH, wait: bool = False
    ) -> Sequence[DeadLetter]:
        with _of_queue():
            answer = self._sqs.receive_message(
                QueueUrl=queue_url,
                MaxNumberOfMessages=limit,
                VisibilityTimeout=int(hold.total_seconds()),
                # A short poll asks only some of SQS's servers, a long one asks all. Not even the count can be asked
                # instead: it may be a minute late.
                WaitTimeSeconds=_LONG_POLL if wait else 0,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["SentTimestamp"],
            )
        return [_letter(queue, message) for message in answer.get("Messages", [])]

    def release(self, queue_url: str, letters: Sequence[DeadLetter]) -> None:
        left, why = 0, ""
        for batch in _batches(letters):
            try:
                failed = self._release(queue_url, batch)
            except Unavailable as error:
                left, why = left + len(batch), str(error)
            else:
                if failed:
                    left, why = left + len(failed), f"SQS said {failed[0]['Code']}."
        if left:
            raise Unavailable(f"SQS did not release {left} of {len(letters)} messages: {why}")

    def delete(self, queue_url: str, letters: Sequence[DeadLetter]) -> None:
        failed: list[BatchResultErrorEntryTypeDef] = []
        for batch in _batches(letters):
            with _of_queue():
                answer = self._sqs.delete_message_batch(
                    QueueUrl=queue_url,
                    Entries=[
                        {"Id": str(number), "ReceiptHandle": letter.receipt} for number, letter in enumerate(batch)
                    ],
                )
            failed += answer.get("Failed", [])
        if failed:
            raise Unavailable(f"SQS did not delete {len(failed)} of {len(letters)} messages ({failed[0]['Code']}).")

    def _release(self, queue_url: str, batch: Sequence[DeadLetter]) -> Sequence[BatchResultErrorEntryTypeDef]:
        """What SQS did not release."""
        with _of_queue():
            answer = self._sqs.change_message_visibility_batch(
                QueueUrl=queue_url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": letter.receipt, "VisibilityTimeout": 0}
                    for number, letter in enumerate(batch)
                ],
            )
        # What SQS puts down to us: the hold has ended, or the letter is gone.
        return [failure for failure in answer.get("Failed", []) if not failure["SenderFault"]]


@contextmanager
def _of_queue() -> Iterator[None]:
    with translated("SQS"):
        try:
            yield
        except ClientError as error:
            if code_of(error) in _NO_QUEUE:
                raise NotFound("There is no such queue.") from error
            raise


def _batches(letters: Sequence[DeadLetter]) -> Iterator[Sequence[DeadLetter]]:
    for start in range(0, len(letters), _BATCH):
        yield letters[start : start + _BATCH]


def _letter(queue: str, message: MessageTypeDef) -> DeadLetter:
    return DeadLetter(
        queue=queue,
        letter_id=message["MessageId"],
        receipt=message["ReceiptHandle"],
        body=message["Body"],
        sent_at=from_millis(int(message["Attributes"]["SentTimestamp"])),
        attributes={
            name: attribute["StringValue"][:LONGEST_ATTRIBUTE]
            for name, attribute in message.get("MessageAttributes", {}).items()
            if "StringValue" in attribute  # GAS writes no other; whoever else sent it may have
        },
    )


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}"
