"""SQS, as the last resort."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from shared.aws.errors import code_of, message_of, translated
from shared.core.errors import TooLarge

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import MessageAttributeValueTypeDef

_NOT_FOR_SQS = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""SQS takes only what XML 1.0 takes."""
_LONGEST_VALUE = 1000  # characters; attributes count towards the message's size


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


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}"
