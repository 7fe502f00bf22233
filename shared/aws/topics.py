"""SNS: publishing, and the subscriptions of our own endpoints."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog
from botocore.exceptions import ClientError

from shared.aws.errors import code_of, message_of, translated
from shared.core.errors import NotFound, Unavailable

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient

log = structlog.get_logger()

DELIVERY_POLICY: Mapping[str, Any] = {
    "healthyRetryPolicy": {
        "numRetries": 16,
        "numNoDelayRetries": 1,
        "numMinDelayRetries": 10,
        "minDelayTarget": 2,
        "numMaxDelayRetries": 2,
        "maxDelayTarget": 600,
        "backoffFunction": "exponential",
    }
}
"""One retry at once, ten after 2 s each, since a server that died is back within seconds; three of growing delay, two
after 600 s. SNS refuses a policy that may take more than 3600 s: this one takes at most 10 x 2 s + 5 x 600 s.
`deploy/stack/core.yaml` says the same."""

_AT_ONCE = 4
_LARGEST_BATCH = 10
_LARGEST_CALL = 256 * 1024  # bytes, of all its messages together


class SnsTopics:
    """Implements `shared.core.ports.Topics`."""

    def __init__(self, sns: SNSClient, sqs: SQSClient) -> None:
        self._sns = sns
        self._sqs = sqs

    def publish(self, topic_arn: str, text: str) -> None:
        with translated("SNS"):
            answer = self._sns.publish(TopicArn=topic_arn, Message=text)
        # Whoever gets it logs it under this id.
        log.info("published", topic=_name(topic_arn), published_id=answer["MessageId"])

    def publish_all(self, topic_arn: str, texts: Sequence[str]) -> None:
        # Several calls at once: one takes SNS some 20 ms, and an upgrade may have thousands of messages.
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="publish") as pool:
            published = list(pool.map(lambda batch: self._publish_batch(topic_arn, batch), _batches(texts)))
        taken = sum(map(len, published))
        for ids in published:
            log.info("published", topic=_name(topic_arn), published_ids=ids)
        if taken < len(texts):
            raise Unavailable(f"SNS did not take {len(texts) - taken} of {len(texts)} messages.")

    def _publish_batch(self, topic_arn: str, batch: Sequence[str]) -> list[str]:
        """The ids of those that were taken."""
        with translated("SNS"):
            answer = self._sns.publish_batch(
                TopicArn=topic_arn,
                PublishBatchRequestEntries=[{"Id": str(number), "Message": text} for number, text in enumerate(batch)],
            )
        return [item["MessageId"] for item in answer.get("Successful", [])]

    def confirm(self, topic_arn: str, token: str) -> None:
        with translated("SNS"):
            try:
                self._sns.confirm_subscription(TopicArn=topic_arn, Token=token, AuthenticateOnUnsubscribe="true")
            except ClientError as error:
                if "already confirmed" in message_of(error).lower():
                    return  # an earlier delivery of the same confirmation
                if code_of(error) in {"InvalidParameter", "InvalidParameterException"}:
                    raise NotFound("SNS does not know this token, or it is older than two days.") from error
                raise

    def subscribe(self, topic_arn: str, endpoint: str, *, dead_letters: str) -> bool:
        policies = {
            "DeliveryPolicy": json.dumps(DELIVERY_POLICY),
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": self._queue_arn(dead_letters)}),
        }
        with translated("SNS"):
            confirmed = self._confirmed(topic_arn, endpoint)
            subscription = confirmed or self._ask_for_confirmation(topic_arn, endpoint, policies)
            if subscription is not None:
                self._ensure(subscription, policies)
        return confirmed is not None

    def _queue_arn(self, queue_url: str) -> str:
        with translated("SQS"):
            answer = self._sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
        return answer["Attributes"]["QueueArn"]

    def _confirmed(self, topic_arn: str, endpoint: str) -> str | None:
        """The ARN of this endpoint's subscription; None when there is none, or nobody confirmed it yet."""
        for page in self._sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic_arn):
            for item in page["Subscriptions"]:
                if item["Endpoint"] == endpoint and item["SubscriptionArn"].startswith("arn:"):
                    return item["SubscriptionArn"]
        return None

    def _ask_for_confirmation(self, topic_arn: str, endpoint: str, policies: Mapping[str, str]) -> str | None:
        """Makes SNS send a confirmation. Answers the subscription's ARN when its policies are yet to be set."""
        protocol = urlsplit(endpoint).scheme
        try:
            self._sns.subscribe(TopicArn=topic_arn, Protocol=protocol, Endpoint=endpoint, Attributes=policies)
        except ClientError as error:
            if "different attributes" not in message_of(error):
                raise
            # It is pending with other policies, which Subscribe does not change.
            answer = self._sns.subscribe(
                TopicArn=topic_arn, Protocol=protocol, Endpoint=endpoint, ReturnSubscriptionArn=True
            )
            return answer["SubscriptionArn"]
        return None

    def _ensure(self, subscription_arn: str, policies: Mapping[str, str]) -> None:
        present = self._sns.get_subscription_attributes(SubscriptionArn=subscription_arn)["Attributes"]
        for name, policy in policies.items():
            if not _contains(json.loads(present.get(name) or "{}"), json.loads(policy)):
                self._sns.set_subscription_attributes(
                    SubscriptionArn=subscription_arn, AttributeName=name, AttributeValue=policy
                )


def _name(topic_arn: str) -> str:
    return topic_arn.rpartition(":")[2]


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts in order, as many together as one call takes."""
    batch: list[str] = []
    size = 0
    for text in texts:
        length = len(text.encode())
        if batch and (len(batch) == _LARGEST_BATCH or size + length > _LARGEST_CALL):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += length
    if batch:
        yield batch


def _contains(present: Any, wanted: Any) -> bool:
    """Whether all that is wanted is there; SNS adds defaults of its own to what it was told."""
    if isinstance(wanted, dict) and isinstance(present, dict):
        return all(_contains(present.get(name), value) for name, value in wanted.items())
    return bool(present == wanted)
