"""DeliveryPolicy: the delays of its four phases, and what SNS refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from deploy.local.sns.policy import DeliveryPolicy, InvalidPolicy, parse


def retry_policy(**fields: Any) -> str:
    return json.dumps({"healthyRetryPolicy": fields})


def test_without_a_policy_there_are_three_retries_twenty_seconds_apart() -> None:
    assert DeliveryPolicy().delays() == (20, 20, 20)


def test_the_four_phases_follow_each_other() -> None:
    policy = parse(
        retry_policy(
            numRetries=9,
            numNoDelayRetries=2,
            numMinDelayRetries=1,
            numMaxDelayRetries=3,
            minDelayTarget=10,
            maxDelayTarget=30,
        )
    )
    assert policy.delays() == (0, 0, 10, 10, 20, 30, 30, 30, 30)


def test_the_developer_guides_example_makes_fifty_retries() -> None:
    policy = parse(
        retry_policy(
            numRetries=50,
            numNoDelayRetries=3,
            numMinDelayRetries=2,
            numMaxDelayRetries=35,
            minDelayTarget=1,
            maxDelayTarget=60,
            backoffFunction="exponential",
        )
    )
    delays = policy.delays()
    assert len(delays) == 50
    assert delays[:6] == (0, 0, 0, 1, 1, 1)
    assert delays[14:] == (60,) * 36


@pytest.mark.parametrize(
    ("function", "least", "greatest", "expected"),
    [
        ("linear", 20, 40, [20, 25, 30, 35, 40]),
        ("arithmetic", 10, 20, [10, 11, 13, 16, 20]),
        ("geometric", 1, 16, [1, 2, 4, 8, 16]),
        ("exponential", 1, 256, [1, 2**0.5, 4, 2**4.5, 256]),
    ],
)
def test_a_backoff_grows_from_the_least_to_the_greatest_delay(
    function: str, least: int, greatest: int, expected: list[float]
) -> None:
    policy = parse(retry_policy(numRetries=5, minDelayTarget=least, maxDelayTarget=greatest, backoffFunction=function))
    assert policy.delays() == pytest.approx(expected)


def test_a_single_backoff_retry_waits_the_least_delay() -> None:
    assert parse(retry_policy(numRetries=1, minDelayTarget=5, maxDelayTarget=60)).delays() == (5,)


def test_a_topics_policy_stands_under_http() -> None:
    text = json.dumps({"http": {"defaultHealthyRetryPolicy": {"numRetries": 1}, "disableSubscriptionOverrides": False}})
    assert parse(text, of_topic=True).delays() == (20,)


def test_throttle_and_content_type_are_read() -> None:
    policy = parse(
        json.dumps(
            {
                "throttlePolicy": {"maxReceivesPerSecond": 10},
                "requestPolicy": {"headerContentType": "application/json"},
            }
        )
    )
    assert (policy.per_second, policy.content_type) == (10, "application/json")


def test_a_policy_survives_being_written_and_read() -> None:
    policy = parse(retry_policy(numRetries=7, numNoDelayRetries=2, minDelayTarget=3, backoffFunction="geometric"))
    assert parse(policy.to_json()) == policy


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "failed to parse JSON"),
        ("[]", "must be an object"),
        ('{"healthyRetryPolicy": 1}', "must be an object"),
        ('{"retries": {}}', "unexpected JSON member: retries"),
        (retry_policy(retries=1), "unexpected JSON member: retries"),
        (retry_policy(numRetries=101), "at most 100"),
        (retry_policy(numRetries=-1), "zero or greater"),
        (retry_policy(numRetries="3"), "whole number"),
        (retry_policy(numRetries=True), "whole number"),
        (retry_policy(numRetries=2.5), "whole number"),
        (retry_policy(numRetries=3, numNoDelayRetries=2, numMaxDelayRetries=2), "sum of the phases"),
        (retry_policy(minDelayTarget=0), "at least 1"),
        (retry_policy(maxDelayTarget=3601), "at most 3600"),
        (retry_policy(minDelayTarget=30, maxDelayTarget=20), "at most maxDelayTarget"),
        (retry_policy(backoffFunction="cubic"), "backoffFunction must be one of"),
        (retry_policy(numRetries=4, minDelayTarget=1000, maxDelayTarget=1000), "total policy retry time"),
        ('{"throttlePolicy": {"maxReceivesPerSecond": 0}}', "1 or greater"),
        ('{"requestPolicy": {"headerContentType": "image/png"}}', "headerContentType"),
    ],
)
def test_what_sns_would_refuse_is_refused_with_the_reason(text: str, complaint: str) -> None:
    with pytest.raises(InvalidPolicy, match=complaint):
        parse(text)


def test_an_hour_of_retries_is_the_most_there_may_be() -> None:
    assert sum(parse(retry_policy(numRetries=1, minDelayTarget=3600, maxDelayTarget=3600)).delays()) == 3600
