"""The SNS API where moto's falls short: confirmations, delivery and redrive policies, signature versions."""

from __future__ import annotations

import json
import re
from typing import Any, ClassVar

from moto.core.responses import ActionResult, EmptyResult
from moto.sns.exceptions import SNSException, SNSInvalidParameter
from moto.sns.models import SNSBackend, Subscription, Topic, sns_backends
from moto.sns.responses import SNSResponse

from deploy.local.moto_urls import UrlModule
from deploy.local.sns import policy
from deploy.local.sns.function import FunctionSubscription
from deploy.local.sns.subscription import PENDING, Pusher, PushSubscription

_HTTP = ("http", "https")
_QUEUE_ARN = re.compile(r"arn:aws[a-z-]*:sqs:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,80}(\.fifo)?")
_JSON_ATTRIBUTES = ("DeliveryPolicy", "RedrivePolicy", "FilterPolicy")


class AuthorizationError(SNSException):
    """The caller may not do that."""

    code = "AuthorizationError"


class PushSns(SNSBackend):
    """One region's topics and subscriptions."""

    pusher: ClassVar[Pusher]
    """Set once, by `install`."""

    @property
    def _url_module(self) -> UrlModule:
        return URLS

    def create_topic(
        self, name: str, attributes: dict[str, Any] | None = None, tags: dict[str, str] | None = None
    ) -> Topic:
        given = attributes or {}
        _check_topic_attributes(given.get("SignatureVersion"), given.get("DeliveryPolicy"))
        return super().create_topic(name, attributes, tags)

    def set_topic_attribute(self, topic_arn: str, attribute_name: str, attribute_value: str) -> None:
        _check_topic_attributes(
            attribute_value if attribute_name == "signature_version" else None,
            attribute_value if attribute_name == "delivery_policy" else None,
        )
        super().set_topic_attribute(topic_arn, attribute_name, attribute_value)

    def subscribe(self, topic_arn: str, endpoint: str, protocol: str) -> Subscription:
        """Over HTTP(S) the subscription is pending, and `PushSubscription.ask_for_confirmation` is yet to be called:
        its attributes may have to be set before."""
        if protocol not in (*_HTTP, "lambda"):
            return super().subscribe(topic_arn, endpoint, protocol)
        topic = self.get_topic(topic_arn)
        if protocol == "lambda":
            return self._find_subscription(topic_arn, endpoint, protocol) or self._add(
                FunctionSubscription(self.account_id, topic, endpoint, self.pusher.now)
            )
        if not endpoint.startswith(f"{protocol}://"):
            raise SNSInvalidParameter("Invalid parameter: Endpoint must match the specified protocol")
        return self._find_subscription(topic_arn, endpoint, protocol) or self._add(
            PushSubscription(self.account_id, topic, endpoint, protocol, self.pusher)
        )

    def _add(self, subscription: Subscription) -> Subscription:
        self.subscriptions[subscription.arn] = subscription
        return subscription

    def confirm(self, topic_arn: str, token: str, *, authenticated: bool, authenticate_on_unsubscribe: bool) -> str:
        """The ARN of the subscription that the token belongs to; harmless when repeated."""
        self.get_topic(topic_arn)
        for subscription in self._tokens_owners():
            if subscription.topic.arn == topic_arn and subscription.accepts(token):
                if not subscription.confirmed:
                    subscription.confirmed = True
                    subscription.authenticated = authenticated
                    subscription.authenticate_on_unsubscribe = authenticated and authenticate_on_unsubscribe
                    self.subscriptions[subscription.arn] = subscription
                return subscription.arn
        raise SNSInvalidParameter("Invalid parameter: Token")

    def leave(self, subscription_arn: str, *, authenticated: bool) -> None:
        """Ends a subscription; an HTTP(S) endpoint is told."""
        subscription = self.subscriptions.get(subscription_arn)
        if isinstance(subscription, PushSubscription):
            if subscription.authenticate_on_unsubscribe and not authenticated:
                raise AuthorizationError(f"Not authorized to perform SNS:Unsubscribe on {subscription_arn}")
            subscription.confirmed = False
            self._left[subscription_arn] = subscription
            subscription.say_goodbye()
        self.unsubscribe(subscription_arn)

    def get_subscription_attributes(self, arn: str) -> dict[str, Any]:
        subscription = self.subscriptions.get(arn)
        if isinstance(subscription, (PushSubscription, FunctionSubscription)):
            return {**super().get_subscription_attributes(arn), **subscription.shown_attributes()}
        return super().get_subscription_attributes(arn)

    def set_subscription_attributes(self, arn: str, name: str, value: Any) -> None:
        if name == "DeliveryPolicy" and value:
            _check_policy(value, of_topic=False)
        if name == "RedrivePolicy" and value:
            _check_redrive(value)
        super().set_subscription_attributes(arn, name, value)

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._left: dict[str, PushSubscription] = {}
        """Subscriptions that ended, which the token of their UnsubscribeConfirmation restores."""

    def _tokens_owners(self) -> list[PushSubscription]:
        return [
            subscription
            for subscription in (*self.subscriptions.values(), *self._left.values())
            if isinstance(subscription, PushSubscription)
        ]


class PushSnsResponse(SNSResponse):
    """The actions."""

    @property
    def backend(self) -> PushSns:
        backend = super().backend
        assert isinstance(backend, PushSns)  # noqa: S101 - `install` came first
        return backend

    @property
    def _authenticated(self) -> bool:
        return "Authorization" in self.headers

    def subscribe(self) -> ActionResult:
        protocol = self._get_param("Protocol")
        if protocol not in _HTTP:
            return super().subscribe()
        attributes = self._get_attributes()
        known = set(self.backend.subscriptions)
        subscription = self.backend.subscribe(self._get_param("TopicArn"), self._get_param("Endpoint"), protocol)
        assert isinstance(subscription, PushSubscription)  # noqa: S101 - the protocol says so
        if subscription.arn in known:
            if any(not _same(name, value, subscription.attributes.get(name)) for name, value in attributes.items()):
                raise SNSInvalidParameter(
                    "Invalid parameter: Attributes Reason: Subscription already exists with different attributes"
                )
        else:
            try:
                for name in sorted(attributes, reverse=True):  # FilterPolicyScope before FilterPolicy
                    self.backend.set_subscription_attributes(subscription.arn, name, attributes[name])
            except SNSException:
                self.backend.unsubscribe(subscription.arn)
                raise
        if not subscription.confirmed:
            subscription.ask_for_confirmation()
        shown = subscription.confirmed or self._get_param("ReturnSubscriptionArn")
        return ActionResult({"SubscriptionArn": subscription.arn if shown else "pending confirmation"})

    def confirm_subscription(self) -> ActionResult:
        arn = self.backend.confirm(
            self._get_param("TopicArn"),
            self._get_param("Token"),
            authenticated=self._authenticated,
            authenticate_on_unsubscribe=str(self._get_param("AuthenticateOnUnsubscribe", "")).lower() == "true",
        )
        return ActionResult({"SubscriptionArn": arn})

    def unsubscribe(self) -> ActionResult:
        self.backend.leave(self._get_param("SubscriptionArn"), authenticated=self._authenticated)
        return EmptyResult()

    def get_topic_attributes(self) -> ActionResult:
        result = super().get_topic_attributes()
        topic = self.backend.get_topic(self._get_param("TopicArn"))
        subscriptions, _ = self.backend.list_subscriptions_by_topic(topic.arn)
        pending = sum(getattr(item, "subscription_arn", "") == PENDING for item in subscriptions)
        attributes: dict[str, Any] = result.result["Attributes"]  # type: ignore[index]  # moto's own dict
        attributes["SignatureVersion"] = getattr(topic, "signature_version", "1")
        attributes["SubscriptionsPending"] = str(pending)
        attributes["SubscriptionsConfirmed"] = str(len(subscriptions) - pending)
        return result


URLS = UrlModule((r"https?://sns\.(.+)\.amazonaws\.com",), {"{0}/$": PushSnsResponse.dispatch})


def install(pusher: Pusher) -> None:
    """Every SNS backend that moto makes from now on pushes with ``pusher``."""
    PushSns.pusher = pusher
    sns_backends.backend = PushSns


def _same(name: str, given: Any, kept: Any) -> bool:
    if name in _JSON_ATTRIBUTES and given and kept:
        return bool(json.loads(given) == json.loads(kept))
    return (given or None) == (kept or None)


def _check_topic_attributes(signature_version: str | None, delivery_policy: Any) -> None:
    if signature_version not in (None, "1", "2"):
        raise SNSInvalidParameter("Invalid parameter: SignatureVersion")
    if delivery_policy:
        _check_policy(delivery_policy, of_topic=True)


def _check_policy(text: str, *, of_topic: bool) -> None:
    try:
        policy.parse(text, of_topic=of_topic)
    except policy.InvalidPolicy as error:
        raise SNSInvalidParameter(f"Invalid parameter: DeliveryPolicy: {error}") from None


def _check_redrive(text: str) -> None:
    try:
        target = json.loads(text)["deadLetterTargetArn"]
    except (ValueError, TypeError, KeyError):
        raise SNSInvalidParameter("Invalid parameter: RedrivePolicy: failed to parse JSON") from None
    if not isinstance(target, str) or _QUEUE_ARN.fullmatch(target) is None:
        raise SNSInvalidParameter("Invalid parameter: RedrivePolicy: deadLetterTargetArn is an invalid arn")
