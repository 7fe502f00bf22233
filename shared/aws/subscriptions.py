"""What SNS says of the subscriptions of the stack's topics."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from shared.aws.errors import code_of, translated
from shared.aws.topics import DELIVERY_POLICY
from shared.core.channels import SubscriptionView
from shared.core.errors import NotFound

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient
    from types_boto3_sns.type_defs import SubscriptionTypeDef

_MISSING = frozenset({"NotFound", "NotFoundException"})


class SnsSubscriptions:
    """Implements `shared.core.channels.Subscriptions`."""

    def __init__(self, sns: SNSClient) -> None:
        self._sns = sns

    def of(self, topic_arn: str) -> list[SubscriptionView]:
        pages = self._sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic_arn)
        with translated("SNS"):
            try:
                listed = [subscription for page in pages for subscription in page["Subscriptions"]]
            except ClientError as error:
                if code_of(error) in _MISSING:
                    raise NotFound("There is no such topic.") from error
                raise
            views = [self._view(subscription) for subscription in listed]
        return [view for view in views if view is not None]

    def _view(self, listed: SubscriptionTypeDef) -> SubscriptionView | None:
        """None when it ended since it was listed."""
        arn = listed["SubscriptionArn"]
        if not arn.startswith("arn:"):
            # In place of the ARN it says that it is pending, or was deleted. SNS tells no more without the ARN.
            return SubscriptionView(listed["Endpoint"], is_confirmed=False, delivery_policy="", has_dead_letters=False)
        try:
            attributes = self._sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        except ClientError as error:
            if code_of(error) in _MISSING:
                return None
            raise
        return SubscriptionView(
            endpoint=listed["Endpoint"],
            is_confirmed=attributes.get("PendingConfirmation") != "true",
            delivery_policy=attributes.get("EffectiveDeliveryPolicy") or attributes.get("DeliveryPolicy", ""),
            has_dead_letters=bool(attributes.get("RedrivePolicy")),
            arn=arn,
        )


def tries_as_it_should(subscription: SubscriptionView) -> bool:
    """Whether SNS tries again as `DELIVERY_POLICY` says, beside which it names defaults of its own."""
    present = json.loads(subscription.delivery_policy or "{}")
    return all(part.items() <= (present.get(name) or {}).items() for name, part in DELIVERY_POLICY.items())
