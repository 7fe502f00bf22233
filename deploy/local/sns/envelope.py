"""What the local SNS posts: bodies and headers exactly as Amazon SNS writes them.

Source: "Parsing Amazon SNS message formats", Amazon SNS Developer Guide.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from deploy.local.sns.signing import Signer

_CONFIRM = (
    "You have chosen to subscribe to the topic {topic}.\n"
    "To confirm the subscription, visit the SubscribeURL included in this message."
)
_GOODBYE = (
    "You have chosen to deactivate subscription {subscription}.\n"
    "To cancel this operation and restore the subscription, visit the SubscribeURL included in this message."
)


@dataclass(frozen=True)
class Push:
    """One POST to an endpoint; the same at every retry."""

    url: str
    body: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Target:
    """Where and how one subscription is pushed to."""

    url: str
    topic_arn: str
    subscription_arn: str
    signature_version: str
    content_type: str
    raw: bool = False


class Envelopes:
    """Writes and signs them; ``origin`` is the local cloud's address, under which certificate and API lie."""

    def __init__(self, signer: Signer, origin: str) -> None:
        self._signer = signer
        self._origin = origin

    def notification(
        self,
        target: Target,
        *,
        message_id: str,
        message: str,
        subject: str | None,
        attributes: Mapping[str, Mapping[str, Any]] | None,
        at: datetime,
    ) -> Push:
        """A published message; with raw delivery the message itself, unsigned."""
        if target.raw:
            return self._push(target, "Notification", message_id, message, {"x-amz-sns-rawdelivery": "true"})
        envelope: dict[str, Any] = {"Type": "Notification", "MessageId": message_id, "TopicArn": target.topic_arn}
        if subject is not None:
            envelope["Subject"] = subject
        envelope |= {"Message": message, "Timestamp": _timestamp(at)}
        self._sign(envelope, target)
        envelope["UnsubscribeURL"] = self._api("Unsubscribe", SubscriptionArn=target.subscription_arn)
        if attributes:
            envelope["MessageAttributes"] = attributes
        return self._push(target, "Notification", message_id, _json(envelope))

    def subscription_confirmation(self, target: Target, *, message_id: str, token: str, at: datetime) -> Push:
        """Asks the endpoint whether it wants to be subscribed."""
        words = _CONFIRM.format(topic=target.topic_arn)
        body = self._confirmation("SubscriptionConfirmation", target, words, message_id, token, at)
        return self._push(target, "SubscriptionConfirmation", message_id, body)

    def unsubscribe_confirmation(self, target: Target, *, message_id: str, token: str, at: datetime) -> Push:
        """Tells the endpoint that it is subscribed no more, and how to undo that."""
        words = _GOODBYE.format(subscription=target.subscription_arn)
        body = self._confirmation("UnsubscribeConfirmation", target, words, message_id, token, at)
        return self._push(target, "UnsubscribeConfirmation", message_id, body)

    def _confirmation(self, kind: str, target: Target, words: str, message_id: str, token: str, at: datetime) -> str:
        envelope = {
            "Type": kind,
            "MessageId": message_id,
            "Token": token,
            "TopicArn": target.topic_arn,
            "Message": words,
            "SubscribeURL": self._api("ConfirmSubscription", TopicArn=target.topic_arn, Token=token),
            "Timestamp": _timestamp(at),
        }
        self._sign(envelope, target)
        return _json(envelope)

    def _sign(self, envelope: dict[str, Any], target: Target) -> None:
        envelope["SignatureVersion"] = target.signature_version
        envelope["Signature"] = self._signer.sign(envelope)
        envelope["SigningCertURL"] = self._origin + self._signer.certificate_path

    def _api(self, action: str, **parameters: str) -> str:
        query = "".join(f"&{name}={quote(value, safe=':')}" for name, value in parameters.items())
        return f"{self._origin}/?Action={action}{query}"

    @staticmethod
    def _push(target: Target, kind: str, message_id: str, body: str, more: Mapping[str, str] | None = None) -> Push:
        headers = {
            "x-amz-sns-message-type": kind,
            "x-amz-sns-message-id": message_id,
            "x-amz-sns-topic-arn": target.topic_arn,
            "Content-Type": target.content_type,
            "User-Agent": "Amazon Simple Notification Service Agent",
            **(more or {}),
        }
        if kind != "SubscriptionConfirmation":
            headers["x-amz-sns-subscription-arn"] = target.subscription_arn
        return Push(url=target.url, body=body, headers=headers)


def _json(envelope: Mapping[str, Any]) -> str:
    return json.dumps(envelope, indent=2, separators=(",", " : "), ensure_ascii=False)


def _timestamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
