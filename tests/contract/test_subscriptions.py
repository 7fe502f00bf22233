"""What SNS says of subscriptions, on the fake and on moto."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.aws.session import client
from shared.aws.subscriptions import SnsSubscriptions
from shared.core.channels import Subscriptions, SubscriptionView
from shared.core.errors import NotFound
from tests.contract.conftest import SETTINGS
from tests.fakes import FakeSubscriptions

ENDPOINT = "https://annotator.example.org/hooks/job-requests"
TOPIC = "arn:aws:sns:us-east-1:123456789012:job-requests"
POLICY = json.dumps({"healthyRetryPolicy": {"numRetries": 3}})


@pytest.fixture
def subscriptions(kind: str) -> Subscriptions:
    if kind == "fake":
        return FakeSubscriptions({TOPIC: []})
    sns = client(SETTINGS, "sns")
    assert sns.create_topic(Name="job-requests")["TopicArn"] == TOPIC
    return SnsSubscriptions(sns)


def subscribe(subscriptions: Subscriptions, endpoint: str = ENDPOINT, **attributes: str) -> None:
    if isinstance(subscriptions, FakeSubscriptions):
        policy, has_dead_letters = attributes.get("DeliveryPolicy", ""), "RedrivePolicy" in attributes
        view = SubscriptionView(endpoint, True, policy, has_dead_letters, arn=f"{TOPIC}:{endpoint}")
        subscriptions.topics[TOPIC].append(view)
    else:
        client(SETTINGS, "sns").subscribe(TopicArn=TOPIC, Protocol="https", Endpoint=endpoint, Attributes=attributes)


def test_a_topic_without_subscriptions_has_none(subscriptions: Subscriptions) -> None:
    assert subscriptions.of(TOPIC) == []


def test_a_topic_that_is_not_there_is_not_found(subscriptions: Subscriptions) -> None:
    with pytest.raises(NotFound):
        subscriptions.of(TOPIC + "-missing")


def test_each_subscription_is_seen_with_its_policy_and_whether_it_has_dead_letters(
    subscriptions: Subscriptions,
) -> None:
    redrive = json.dumps({"deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:dead"})
    subscribe(subscriptions, DeliveryPolicy=POLICY, RedrivePolicy=redrive)
    subscribe(subscriptions, ENDPOINT + "-2")
    first, second = sorted(subscriptions.of(TOPIC), key=lambda view: view.endpoint)
    assert (first.endpoint, first.has_dead_letters) == (ENDPOINT, True)
    assert first.arn.startswith(f"{TOPIC}:")
    assert json.loads(first.delivery_policy)  # moto answers one of its own
    assert (second.endpoint, second.has_dead_letters) == (ENDPOINT + "-2", False)


@pytest.mark.usefixtures("moto")
def test_a_subscription_that_ends_while_it_is_looked_at_is_left_out() -> None:
    sns = client(SETTINGS, "sns")
    sns.create_topic(Name="job-requests")
    subscribe(SnsSubscriptions(sns))

    class Late:
        def __getattr__(self, name: str) -> Any:
            if name == "get_subscription_attributes":
                for subscription in sns.list_subscriptions()["Subscriptions"]:
                    sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
            return getattr(sns, name)

    assert SnsSubscriptions(Late()).of(TOPIC) == []  # type: ignore[arg-type]  # a client with a race


def test_a_pending_subscription_is_said_to_be() -> None:
    """SNS lists it under no ARN, and tells no more of it."""
    listed = {"SubscriptionArn": "PendingConfirmation", "Endpoint": ENDPOINT, "Protocol": "https", "TopicArn": TOPIC}

    class Sns:
        def get_paginator(self, name: str) -> Sns:
            assert name == "list_subscriptions_by_topic"
            return self

        def paginate(self, **_: str) -> list[Any]:
            return [{"Subscriptions": [listed]}]

    [view] = SnsSubscriptions(Sns()).of(TOPIC)  # type: ignore[arg-type]  # as far as it is used
    assert (view.endpoint, view.is_confirmed, view.arn) == (ENDPOINT, False, "")
