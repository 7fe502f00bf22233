"""Whether SNS pushes to the servers of a deployment, as `gas deploy` tells it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from cli.deploy_file import Deployment
from cli.deploy_pushes import push_words
from shared.aws.topics import DELIVERY_POLICY
from shared.core.channels import SubscriptionView
from tests.deployment import pushed
from tests.fakes import FakeSubscriptions
from tests.unit.deploy.templates import STACKS, of_type, properties

DEPLOYMENT = Deployment(
    region="eu-central-1", parameters={"DomainName": "gas.example.org", "MailIdentity": "example.org"}, settings={}
)
OUTPUTS = {name: name for name in STACKS["core"]["Outputs"]}
OLD = "https://old.example.org/hooks/daily"


@pytest.fixture
def subscriptions() -> FakeSubscriptions:
    return pushed(DEPLOYMENT.url)


def words(subscriptions: FakeSubscriptions) -> str:
    return "\n".join(push_words(DEPLOYMENT, OUTPUTS, subscriptions))


def change(subscriptions: FakeSubscriptions, **changes: object) -> None:
    """The subscription of daily."""
    (before,) = subscriptions.topics["DailyTopic"]
    subscriptions.topics["DailyTopic"] = [replace(before, **changes)]  # type: ignore[arg-type]  # fields by name


def test_where_all_is_pushed_there_is_nothing_to_do(subscriptions: FakeSubscriptions) -> None:
    assert words(subscriptions) == ""


def test_everything_that_the_stack_would_subscribe_a_server_to_is_looked_at(subscriptions: FakeSubscriptions) -> None:
    hooks = [key for key in of_type("AWS::SNS::Subscription") if properties(key)["Protocol"] == {"Ref": "HookProtocol"}]
    assert set(subscriptions.topics) == {properties(key)["TopicArn"]["Ref"] for key in hooks}
    for topic in subscriptions.topics:
        subscriptions.topics[topic] = []
    said = words(subscriptions)
    assert all(properties(key)["Endpoint"]["Sub"].partition("/hooks/")[2] in said for key in hooks)


def test_a_subscription_that_waits_for_its_confirmation_pushes_nothing(subscriptions: FakeSubscriptions) -> None:
    change(subscriptions, is_confirmed=False, arn="")
    assert "reaches nobody: daily. " in words(subscriptions)


def test_a_topic_that_is_gone_pushes_nothing(subscriptions: FakeSubscriptions) -> None:
    del subscriptions.topics["DailyTopic"]
    assert "reaches nobody: daily. " in words(subscriptions)


@pytest.mark.parametrize(
    "changes",
    [
        {"has_dead_letters": False},
        {"delivery_policy": ""},
        {
            "delivery_policy": json.dumps(
                {"healthyRetryPolicy": {**DELIVERY_POLICY["healthyRetryPolicy"], "numRetries": 3}}
            )
        },
        {"delivery_policy": json.dumps({"healthyRetryPolicy": None})},
    ],
)
def test_one_that_gives_up_early_or_loses_what_it_gives_up_is_named(
    subscriptions: FakeSubscriptions, changes: dict[str, object]
) -> None:
    change(subscriptions, **changes)
    assert "not as servers make them: daily. " in words(subscriptions)


def test_what_sns_adds_to_our_policy_is_no_difference(subscriptions: FakeSubscriptions) -> None:
    retries = {**DELIVERY_POLICY["healthyRetryPolicy"], "futureDefault": 1}
    change(subscriptions, delivery_policy=json.dumps({"healthyRetryPolicy": retries, "sicklyRetryPolicy": None}))
    assert words(subscriptions) == ""


def test_the_host_name_before_is_named_with_what_ends_it(subscriptions: FakeSubscriptions) -> None:
    subscriptions.topics["DailyTopic"].append(SubscriptionView(OLD, True, "", True, "arn:old"))
    assert words(subscriptions) == (
        f"daily is pushed to {OLD}, too. If nobody is there any more: "
        "aws sns unsubscribe --region eu-central-1 --subscription-arn arn:old"
    )


def test_one_that_nobody_confirmed_elsewhere_ends_by_itself(subscriptions: FakeSubscriptions) -> None:
    subscriptions.topics["DailyTopic"].append(SubscriptionView(OLD, False, "", False))
    assert words(subscriptions) == ""
