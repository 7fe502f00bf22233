"""A subscription over HTTP(S): pending until its endpoint confirms it, then pushed to."""

from __future__ import annotations

import functools
import json
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from moto.core.exceptions import ServiceException
from moto.moto_api._internal import mock_random
from moto.sns.models import Subscription, Topic
from moto.sqs.models import sqs_backends
from moto.utilities.arns import parse_arn

from deploy.local.sns import policy
from deploy.local.sns.delivery import Deliverer, Outlet
from deploy.local.sns.envelope import Envelopes, Push, Target
from deploy.local.sns.lanes import Lane

log = logging.getLogger(__name__)

TOKEN_LIFE = timedelta(days=2)
PENDING = "PendingConfirmation"
"""What lists show in place of a pending subscription's ARN."""


@dataclass(frozen=True)
class Pusher:
    """What subscriptions push with."""

    envelopes: Envelopes
    deliverer: Deliverer
    new_lane: Callable[[], Lane]
    now: Callable[[], datetime]
    stopped: Callable[[], timedelta] = timedelta
    """For how long the cloud stood still so far. A message does not age meanwhile: its endpoint would refuse it."""


class PushSubscription(Subscription):
    """Attributes are kept as moto keeps them; what SNS shows of them is in `shown_attributes`."""

    def __init__(self, account_id: str, topic: Topic, endpoint: str, protocol: str, pusher: Pusher) -> None:
        super().__init__(account_id, topic, endpoint, protocol)
        self._pusher = pusher
        self._outlet = Outlet(pusher.new_lane())
        self._tokens: dict[str, datetime] = {}
        """Confirmation token → when it expires."""
        self.authenticated = False
        self.authenticate_on_unsubscribe = False
        self.attributes = {"RawMessageDelivery": False}

    @property
    def subscription_arn(self) -> str:
        """What lists show."""
        return self.arn if self.confirmed else PENDING

    @property
    def delivery_policy(self) -> policy.DeliveryPolicy:
        """Its own, else the topic's, else the default."""
        own = self.attributes.get("DeliveryPolicy")
        if own:
            return policy.parse(own)
        if self.topic.delivery_policy:
            return policy.parse(self.topic.delivery_policy, of_topic=True)
        return policy.DeliveryPolicy()

    def shown_attributes(self) -> dict[str, Any]:
        """As GetSubscriptionAttributes answers."""
        return {
            **{name: value for name, value in self.attributes.items() if value != ""},
            "PendingConfirmation": not self.confirmed,
            "ConfirmationWasAuthenticated": self.authenticated,
            "Endpoint": self.endpoint,
            "TopicArn": self.topic.arn,
            "Protocol": self.protocol,
            "SubscriptionArn": self.arn,
            "Owner": self.owner,
            "EffectiveDeliveryPolicy": self.delivery_policy.to_json(),
        }

    def ask_for_confirmation(self) -> None:
        """Sends a SubscriptionConfirmation with a new token."""
        self._send_token(self._confirmation)

    def say_goodbye(self) -> None:
        """Sends an UnsubscribeConfirmation; its token restores the subscription."""
        self._send_token(self._goodbye)

    def _send_token(self, make: Callable[[str, str, datetime], Push]) -> None:
        make_it = functools.partial(make, str(mock_random.uuid4()), self._new_token(), self._running_now())
        self._deliver(make_it, give_up=self._drop)

    def _confirmation(self, message_id: str, token: str, at: datetime) -> Push:
        return self._pusher.envelopes.subscription_confirmation(
            self._target(), message_id=message_id, token=token, at=self._shown(at)
        )

    def _goodbye(self, message_id: str, token: str, at: datetime) -> Push:
        return self._pusher.envelopes.unsubscribe_confirmation(
            self._target(), message_id=message_id, token=token, at=self._shown(at)
        )

    def _running_now(self) -> datetime:
        """The present moment on a clock that stands still together with the cloud."""
        return self._pusher.now() - self._pusher.stopped()

    def _shown(self, at: datetime) -> datetime:
        """What the clock on the wall shows now for a moment on that one."""
        return at + self._pusher.stopped()

    def accepts(self, token: str) -> bool:
        """Whether a confirmation with this token confirms this subscription."""
        expires = self._tokens.get(token)
        return expires is not None and self._pusher.now() < expires

    def publish(
        self,
        message: str,
        message_id: str,
        subject: str | None = None,
        message_attributes: dict[str, Any] | None = None,
        group_id: str | None = None,  # noqa: ARG002 - moto's signature; FIFO topics cannot push over HTTP
        deduplication_id: str | None = None,  # noqa: ARG002 - moto's signature
        message_structure: str | None = None,
    ) -> None:
        """Returns at once; the endpoint gets the message when it is confirmed and its filter policy lets it pass."""
        matcher = self._filter_policy_matcher
        if not self.confirmed or (matcher is not None and not matcher.matches(message_attributes, message)):
            return
        text = self._parse_message_structure(message, self.protocol) if message_structure == "json" else message
        at = self._running_now()
        make = functools.partial(self._notification, message_id, text, subject, message_attributes, at)
        self._deliver(make, give_up=self._redrive)

    def _notification(
        self, message_id: str, message: str, subject: str | None, attributes: dict[str, Any] | None, at: datetime
    ) -> Push:
        return self._pusher.envelopes.notification(
            self._target(),
            message_id=message_id,
            message=message,
            subject=subject,
            attributes=attributes,
            at=self._shown(at),
        )

    def _deliver(self, make: Callable[[], Push], *, give_up: Callable[[Push, str], None]) -> None:
        self._pusher.deliverer.deliver(make, self.delivery_policy, self._outlet, give_up=give_up)

    def _target(self) -> Target:
        return Target(
            url=self.endpoint,
            topic_arn=self.topic.arn,
            subscription_arn=self.arn,
            signature_version=getattr(self.topic, "signature_version", "1"),
            content_type=self.delivery_policy.content_type,
            raw=bool(self.attributes.get("RawMessageDelivery")),
        )

    def _new_token(self) -> str:
        token = secrets.token_hex(144)  # SNS's have 288 digits
        self._tokens[token] = self._pusher.now() + TOKEN_LIFE
        return token

    def _drop(self, push: Push, reason: str) -> None:
        log.warning("dropped, %s: %s to %s", reason, push.headers["x-amz-sns-message-type"], push.url)

    def _redrive(self, push: Push, reason: str) -> None:
        redrive = self.attributes.get("RedrivePolicy")
        if not redrive:
            self._drop(push, f"{reason}, no RedrivePolicy")
            return
        try:
            send_to_dead_letters(redrive, push.body)
        except ServiceException as error:
            self._drop(push, f"{reason}, and the dead-letter queue refused it ({error})")
            return
        log.warning("dead-lettered, %s: %s to %s", reason, push.headers["x-amz-sns-message-id"], push.url)


def send_to_dead_letters(redrive_policy: str, body: str) -> None:
    """Raises moto's error when the queue refuses it, or is not there."""
    queue = parse_arn(json.loads(redrive_policy)["deadLetterTargetArn"])
    sqs_backends[queue.account][queue.region].send_message(queue.resource_id, body)
