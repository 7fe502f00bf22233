"""The local SNS over the network: what an endpoint sees, and that a bad endpoint harms nobody else."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import requests
from botocore.exceptions import ClientError

from deploy.local.sns.delivery import Unreachable
from deploy.local.sns.envelope import Push
from deploy.local.sns.poster import post
from shared.core.clock import utc_now
from shared.sns_verify import CertificateStore, Notification, SubscriptionConfirmation, Verifier, fetch_certificate
from tests.functional.local_cloud import Endpoint, LocalCloud, Received, endpoint, running_cloud
from tests.whole import HOST, free_ports, wait_for

NO_RETRY = json.dumps({"healthyRetryPolicy": {"numRetries": 0}})


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with running_cloud() as running:
        yield running


@pytest.fixture(scope="module")
def sns(cloud: LocalCloud) -> Any:
    return cloud.aws("sns")


@pytest.fixture
def hook() -> Iterator[Endpoint]:
    with endpoint() as server:
        yield server


@pytest.fixture
def topic(sns: Any) -> str:
    arn: str = sns.create_topic(Name=f"t-{uuid4()}", Attributes={"SignatureVersion": "2"})["TopicArn"]
    return arn


def subscribe(sns: Any, topic: str, hook: Endpoint, **attributes: str) -> str:
    """A confirmed subscription's ARN."""
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url, Attributes=attributes)
    token = hook.next().envelope["Token"]
    arn: str = sns.confirm_subscription(TopicArn=topic, Token=token)["SubscriptionArn"]
    return arn


def verified(cloud: LocalCloud, topic: str, received: Received) -> object:
    store = CertificateStore(fetch=fetch_certificate, now=utc_now, extra_origin=cloud.url)
    verifier = Verifier(topic_arns={topic}, certificates=store, now=utc_now, minimum_version=2)
    return verifier.verify(received.body, received.headers)


def test_a_push_is_one_that_our_verifier_accepts(cloud: LocalCloud, sns: Any, topic: str, hook: Endpoint) -> None:
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url)
    confirmation = verified(cloud, topic, hook.next())
    assert isinstance(confirmation, SubscriptionConfirmation)
    sns.confirm_subscription(TopicArn=topic, Token=confirmation.token)
    sns.publish(TopicArn=topic, Message="Grüße", Subject="A subject")
    received = hook.next()
    message = verified(cloud, topic, received)
    assert isinstance(message, Notification)
    assert message.message == "Grüße"
    assert received.headers["user-agent"] == "Amazon Simple Notification Service Agent"
    assert received.headers["content-type"] == "text/plain; charset=UTF-8"


def test_subscribing_answers_as_sns_does(sns: Any, topic: str, hook: Endpoint) -> None:
    request = {"TopicArn": topic, "Protocol": "http", "Endpoint": hook.url}
    assert sns.subscribe(**request)["SubscriptionArn"] == "pending confirmation"
    (listed,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert listed["SubscriptionArn"] == "PendingConfirmation"
    arn = sns.subscribe(**request, ReturnSubscriptionArn=True)["SubscriptionArn"]
    assert arn.startswith(topic)
    tokens = {hook.next().envelope["Token"] for _ in range(2)}
    assert len(tokens) == 2
    assert sns.confirm_subscription(TopicArn=topic, Token=tokens.pop())["SubscriptionArn"] == arn
    assert sns.subscribe(**request)["SubscriptionArn"] == arn
    attributes = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert (attributes["SubscriptionsConfirmed"], attributes["SubscriptionsPending"]) == ("1", "0")
    assert hook.is_quiet()


def test_subscribing_again_with_other_attributes_is_refused(sns: Any, topic: str, hook: Endpoint) -> None:
    subscribe(sns, topic, hook, DeliveryPolicy=NO_RETRY)
    request = {"TopicArn": topic, "Protocol": "http", "Endpoint": hook.url}
    sns.subscribe(**request, Attributes={"DeliveryPolicy": NO_RETRY})
    with pytest.raises(ClientError, match="already exists with different attributes"):
        sns.subscribe(**request, Attributes={"DeliveryPolicy": '{"healthyRetryPolicy": {"numRetries": 1}}'})


def test_subscribing_with_an_invalid_policy_leaves_no_subscription(sns: Any, topic: str, hook: Endpoint) -> None:
    policy = '{"healthyRetryPolicy": {"numRetries": 1000}}'
    with pytest.raises(ClientError, match=r"InvalidParameter.*numRetries must be at most 100"):
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url, Attributes={"DeliveryPolicy": policy})
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []


@pytest.mark.parametrize("wrong", ["token", "topic"])
def test_a_wrong_confirmation_is_the_error_that_sns_answers(sns: Any, topic: str, hook: Endpoint, wrong: str) -> None:
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url)
    token = hook.next().envelope["Token"]
    with pytest.raises(ClientError) as error:
        sns.confirm_subscription(
            TopicArn=f"{topic}-none" if wrong == "topic" else topic, Token="0" * 288 if wrong == "token" else token
        )
    assert error.value.response["Error"]["Code"] == {"token": "InvalidParameter", "topic": "NotFound"}[wrong]


def test_the_links_in_messages_confirm_and_unsubscribe(sns: Any, topic: str, hook: Endpoint) -> None:
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url)
    assert requests.get(hook.next().envelope["SubscribeURL"], timeout=10).status_code == 200
    sns.publish(TopicArn=topic, Message="one")
    link = hook.next().envelope["UnsubscribeURL"]
    assert requests.get(link, timeout=10).status_code == 200
    assert hook.next().envelope["Type"] == "UnsubscribeConfirmation"
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []


def test_publishing_a_batch_pushes_each_message(sns: Any, topic: str, hook: Endpoint) -> None:
    subscribe(sns, topic, hook)
    entries = [{"Id": str(number), "Message": f"m{number}"} for number in range(3)]
    sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert {hook.next().envelope["Message"] for _ in range(3)} == {"m0", "m1", "m2"}


@pytest.mark.parametrize("status", [503, 403])
def test_an_undeliverable_message_lies_in_the_dead_letter_queue_as_it_was_pushed(
    cloud: LocalCloud, sns: Any, topic: str, hook: Endpoint, status: int
) -> None:
    sqs = cloud.aws("sqs")
    queue = sqs.create_queue(QueueName=f"q-{uuid4()}")["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": queue_arn})
    subscribe(sns, topic, hook, DeliveryPolicy=NO_RETRY, RedrivePolicy=redrive)
    hook.status = status
    sns.publish(TopicArn=topic, Message="lost?")
    pushed = hook.next().body.decode()
    messages = wait_for("a dead letter", lambda: sqs.receive_message(QueueUrl=queue).get("Messages"))
    assert [message["Body"] for message in messages] == [pushed]


def test_a_failed_push_comes_again_with_the_same_id(sns: Any, topic: str, hook: Endpoint) -> None:
    policy = '{"healthyRetryPolicy": {"numRetries": 1, "numNoDelayRetries": 1}}'
    subscribe(sns, topic, hook, DeliveryPolicy=policy)
    hook.status = 500
    sns.publish(TopicArn=topic, Message="twice")
    assert hook.next() == hook.next()


def test_a_hanging_endpoint_holds_up_neither_publishers_nor_other_endpoints(sns: Any, topic: str) -> None:
    with ExitStack() as stack:
        hanging, healthy = (stack.enter_context(endpoint()) for _ in range(2))
        subscribe(sns, topic, hanging)
        subscribe(sns, topic, healthy)
        hanging.gate.clear()
        for number in range(40):  # more than a subscription's deliveries at once
            sns.publish(TopicArn=topic, Message=str(number))
        assert {healthy.next().envelope["Message"] for _ in range(40)} == {str(number) for number in range(40)}


class TestOneAttempt:
    def push(self, url: str) -> Push:
        return Push(url=url, body="{}", headers={"Content-Type": "text/plain; charset=UTF-8"})

    def test_answers_the_status(self, hook: Endpoint) -> None:
        hook.status = 418
        assert post(self.push(f"{hook.url}?a=b")) == 418

    def test_follows_no_redirect(self, hook: Endpoint) -> None:
        hook.status = 307
        assert post(self.push(hook.url)) == 307
        hook.next()
        assert hook.is_quiet()

    def test_to_nobody_is_unreachable(self) -> None:
        (port,) = free_ports(1)
        answer = post(self.push(f"http://{HOST}:{port}/"))
        assert isinstance(answer, Unreachable)
        assert "refused" in answer.reason

    def test_gives_up_on_silence_in_time(self, hook: Endpoint) -> None:
        hook.gate.clear()
        assert isinstance(post(self.push(hook.url), seconds=0.2), Unreachable)

    def test_gives_up_on_an_answer_that_drips(self) -> None:
        """Each byte comes in time, all of them never do."""
        with socket.create_server((HOST, 0)) as listener:
            stop = threading.Event()

            def drip() -> None:
                connection, _ = listener.accept()
                with connection:
                    try:
                        while not stop.wait(0.05):
                            connection.sendall(b"x")
                    except OSError:
                        return

            thread = threading.Thread(target=drip)
            thread.start()
            answer = post(self.push(f"http://{HOST}:{listener.getsockname()[1]}/"), seconds=0.5)
            stop.set()
            thread.join(10)
        assert isinstance(answer, Unreachable)

    def test_names_the_host_and_the_path_with_its_query(self) -> None:
        with socket.create_server((HOST, 0)) as listener:
            url = f"http://{HOST}:{listener.getsockname()[1]}/hooks/x?y=1"
            head: list[bytes] = []

            def answer() -> None:
                connection, _ = listener.accept()
                with connection:
                    head.append(connection.recv(65536))
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

            thread = threading.Thread(target=answer)
            thread.start()
            assert post(self.push(url)) == 200
            thread.join(10)
        lines = head[0].decode().splitlines()
        assert lines[0] == "POST /hooks/x?y=1 HTTP/1.1"
        assert f"Host: {urlsplit(url).netloc}" in lines
