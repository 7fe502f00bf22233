"""SNS and SQS, on the fakes and on moto."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.aws.session import client
from shared.aws.topics import DELIVERY_POLICY, SnsTopics
from shared.core.errors import TooLarge, Unavailable
from shared.core.ports import DeadLetters
from tests.contract.conftest import SETTINGS
from tests.fakes import FakeDeadLetters

ENDPOINT = "https://annotator.example.org/hooks/job-requests"


class Queue:
    """A queue to look into."""

    def __init__(self, name: str = "dead") -> None:
        self.sqs = client(SETTINGS, "sqs")
        self.url = self.sqs.create_queue(QueueName=name, Attributes={"MaximumMessageSize": "1048576"})["QueueUrl"]
        self.arn = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]

    def messages(self) -> list[Any]:
        answer = self.sqs.receive_message(QueueUrl=self.url, MessageAttributeNames=["All"], MaxNumberOfMessages=10)
        return list(answer.get("Messages", []))


def buried(dead_letters: DeadLetters, envelope: str, *, reason: str, **attributes: str) -> tuple[str, dict[str, str]]:
    """What lies in the queue after a burial: the body, and the attributes with the reason among them."""
    if isinstance(dead_letters, FakeDeadLetters):
        dead_letters.bury("https://queue", envelope, reason=reason, attributes=attributes)
        [one] = dead_letters.buried
        return one.envelope, {**one.attributes, "reason": one.reason}
    queue = Queue()
    dead_letters.bury(queue.url, envelope, reason=reason, attributes=attributes)
    [message] = queue.messages()
    return message["Body"], {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}


def test_an_envelope_is_buried_verbatim_with_its_reason(dead_letters: DeadLetters) -> None:
    envelope = '{\n  "Message" : "naïve \\u0000 试验 \U0001f600"\n}'
    body, attributes = buried(dead_letters, envelope, reason="It is not a message.", route="job-requests", attempts="3")
    assert body == envelope
    assert attributes == {"reason": "It is not a message.", "route": "job-requests", "attempts": "3"}


@pytest.mark.usefixtures("moto")
class TestOnMoto:
    @pytest.fixture
    def topics(self) -> SnsTopics:
        return SnsTopics(client(SETTINGS, "sns"), client(SETTINGS, "sqs"))

    @pytest.fixture
    def topic(self) -> str:
        return client(SETTINGS, "sns").create_topic(Name="job-requests")["TopicArn"]

    def subscriptions(self) -> list[Any]:
        return list(client(SETTINGS, "sns").list_subscriptions()["Subscriptions"])

    def attributes(self) -> dict[str, str]:
        [subscription] = self.subscriptions()
        arn = subscription["SubscriptionArn"]
        return client(SETTINGS, "sns").get_subscription_attributes(SubscriptionArn=arn)["Attributes"]

    def test_a_message_is_published(self, topics: SnsTopics, topic: str) -> None:
        queue = Queue("listener")
        client(SETTINGS, "sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
        topics.publish(topic, "naïve")
        [message] = queue.messages()
        assert json.loads(message["Body"])["Message"] == "naïve"

    def test_many_messages_are_published_each_once(self, topics: SnsTopics, topic: str) -> None:
        queue = Queue("listener")
        client(SETTINGS, "sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
        texts = [f"naïve {number}" for number in range(23)]
        topics.publish_all(topic, texts)
        topics.publish_all(topic, [])
        heard = [json.loads(message["Body"])["Message"] for _ in range(4) for message in queue.messages()]
        assert sorted(heard) == sorted(texts)

    def test_messages_that_are_too_large_together_are_published_apart(self, topics: SnsTopics, topic: str) -> None:
        queue = Queue("listener")
        client(SETTINGS, "sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
        topics.publish_all(topic, ["ä" * 60_000 for _ in range(5)])
        assert len(queue.messages()) == 5

    def test_a_topic_of_ours_that_is_missing_is_for_an_operator_to_mend_and_may_be_there_later(
        self, topics: SnsTopics
    ) -> None:
        with pytest.raises(Unavailable):
            topics.publish("arn:aws:sns:us-east-1:123456789012:unknown", "x")
        with pytest.raises(Unavailable):
            topics.publish_all("arn:aws:sns:us-east-1:123456789012:unknown", ["x"])

    def test_subscribing_twice_leaves_one_subscription_with_its_policies(self, topics: SnsTopics, topic: str) -> None:
        queue = Queue()
        for _ in range(2):
            topics.subscribe(topic, ENDPOINT, dead_letters=queue.url)
        attributes = self.attributes()
        assert attributes["Protocol"] == "https"
        assert json.loads(attributes["DeliveryPolicy"]) == DELIVERY_POLICY
        assert json.loads(attributes["RedrivePolicy"]) == {"deadLetterTargetArn": queue.arn}

    def test_a_subscription_is_said_to_be_confirmed_only_once_it_was_seen_to_be(
        self, topics: SnsTopics, topic: str
    ) -> None:
        queue = Queue()
        assert [topics.subscribe(topic, ENDPOINT, dead_letters=queue.url) for _ in range(2)] == [False, True]

    def test_a_subscription_that_was_made_by_hand_gets_its_policies(self, topics: SnsTopics, topic: str) -> None:
        client(SETTINGS, "sns").subscribe(TopicArn=topic, Protocol="https", Endpoint=ENDPOINT)
        queue = Queue()
        topics.subscribe(topic, ENDPOINT, dead_letters=queue.url)
        attributes = self.attributes()
        assert json.loads(attributes["DeliveryPolicy"]) == DELIVERY_POLICY
        assert json.loads(attributes["RedrivePolicy"]) == {"deadLetterTargetArn": queue.arn}

    def test_a_message_that_is_too_large_for_sqs_is_said_to_be(self, dead_letters_on_moto: DeadLetters) -> None:
        with pytest.raises(TooLarge):
            dead_letters_on_moto.bury(Queue().url, "x" * 1_048_577, reason="r", attributes={})

    def test_what_xml_cannot_hold_is_escaped_as_json_does(self, dead_letters_on_moto: DeadLetters) -> None:
        body, attributes = buried(dead_letters_on_moto, '{"Message": "\ufffe"}', reason="bad \x00 character")
        assert body == '{"Message": "\\ufffe"}'
        assert attributes["reason"] == "bad ? character"

    @pytest.fixture
    def dead_letters_on_moto(self) -> DeadLetters:
        from shared.aws.dead_letters import SqsDeadLetters

        return SqsDeadLetters(client(SETTINGS, "sqs"))
