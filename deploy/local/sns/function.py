"""A subscription of a Lambda function: confirmed at once, and handed each message as an event.

Source: "Fanout to Lambda functions", Amazon SNS Developer Guide; "Process Amazon SNS notifications with Lambda", AWS
Lambda Developer Guide.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from moto.awslambda.models import lambda_backends
from moto.core.exceptions import ServiceException
from moto.sns.models import Subscription, Topic
from moto.utilities.arns import parse_arn

from deploy.local.functions import LocalLambda, NoSuchFunction
from deploy.local.sns.subscription import send_to_dead_letters

log = logging.getLogger(__name__)


class FunctionSubscription(Subscription):
    """``endpoint`` is the function's ARN."""

    def __init__(self, account_id: str, topic: Topic, endpoint: str, now: Callable[[], datetime]) -> None:
        super().__init__(account_id, topic, endpoint, "lambda")
        self._now = now
        self.confirmed = True

    def shown_attributes(self) -> dict[str, Any]:
        """As GetSubscriptionAttributes answers."""
        return {
            **{name: value for name, value in self.attributes.items() if value != ""},
            "PendingConfirmation": False,
            "ConfirmationWasAuthenticated": True,
            "Endpoint": self.endpoint,
            "TopicArn": self.topic.arn,
            "Protocol": self.protocol,
            "SubscriptionArn": self.arn,
            "Owner": self.owner,
        }

    def publish(
        self,
        message: str,
        message_id: str,
        subject: str | None = None,
        message_attributes: dict[str, Any] | None = None,
        group_id: str | None = None,  # noqa: ARG002 - moto's signature
        deduplication_id: str | None = None,  # noqa: ARG002 - moto's signature
        message_structure: str | None = None,
    ) -> None:
        """Returns at once. What the function makes of it is Lambda's matter; where there is no function, the message is
        a dead letter."""
        matcher = self._filter_policy_matcher
        if matcher is not None and not matcher.matches(message_attributes, message):
            return
        notification = {
            "Type": "Notification",
            "MessageId": message_id,
            "TopicArn": self.topic.arn,
            "Subject": subject,
            "Message": self._parse_message_structure(message, self.protocol)
            if message_structure == "json"
            else message,
            "Timestamp": self._now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "MessageAttributes": message_attributes or {},
        }
        record = {
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": self.arn,
            "Sns": notification,
        }
        arn = parse_arn(self.endpoint)
        backend = lambda_backends[arn.account][arn.region]
        assert isinstance(backend, LocalLambda)  # noqa: S101 - `install` came first
        try:
            backend.invoke_later(self.endpoint, {"Records": [record]})
        except NoSuchFunction as error:
            self._redrive(json.dumps(notification), str(error))

    def _redrive(self, body: str, reason: str) -> None:
        redrive = self.attributes.get("RedrivePolicy")
        if not redrive:
            log.warning("dropped, no RedrivePolicy: %s", reason)
            return
        try:
            send_to_dead_letters(redrive, body)
        except ServiceException as error:
            log.warning("dropped, the dead-letter queue refused it (%s): %s", error, reason)
