"""The SNS API: the confirmation handshake, attributes, filters and dead letters. No network: pushes are recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto.core.base_backend import BackendDict
from moto.sns.exceptions import SNSException
from moto.sqs.models import sqs_backends

from deploy.local.sns.delivery import Answer, Deliverer
from deploy.local.sns.envelope import Envelopes, Push
from deploy.local.sns.service import AuthorizationError, PushSns
from deploy.local.sns.signing import Signer
from deploy.local.sns.subscription import Pusher, PushSubscription
from tests.unit.deploy.virtual import InlineLane, VirtualTime

ACCOUNT = "123456789012"
REGION = "us-east-1"
ENDPOINT = "http://127.0.0.1:8001/hooks/job-requests"
SIGNER = Signer()


class Scene:
    """One region's SNS, and an endpoint that answers as told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answer: Answer = 200
        self.pushes: list[Push] = []
        self.time = VirtualTime()
        self.stopped = timedelta()
        self.now = datetime(2026, 3, 6, 12, 0, tzinfo=UTC)
        envelopes = Envelopes(SIGNER, "http://127.0.0.1:8003")
        pusher = Pusher(envelopes, Deliverer(self._post, self.time), InlineLane, lambda: self.now, lambda: self.stopped)
        monkeypatch.setattr(PushSns, "pusher", pusher, raising=False)
        self.sns = PushSns(REGION, ACCOUNT)
        monkeypatch.setattr(PushSns, "get_topic", lambda _, arn: self.sns.topics[arn])  # moto's asks its global ones
        self.topic = self.sns.create_topic("job-requests", {"SignatureVersion": "2"})

    def _post(self, push: Push) -> Answer:
        self.pushes.append(push)
        return self.answer

    def subscribe(self) -> PushSubscription:
        subscription = self.sns.subscribe(self.topic.arn, ENDPOINT, "http")
        assert isinstance(subscription, PushSubscription)
        if not subscription.confirmed:
            subscription.ask_for_confirmation()
        return subscription

    def confirmed(self) -> PushSubscription:
        subscription = self.subscribe()
        self.confirm(self.token())
        self.pushes.clear()
        return subscription

    def confirm(self, token: str, *, authenticated: bool = True) -> str:
        return self.sns.confirm(
            self.topic.arn, token, authenticated=authenticated, authenticate_on_unsubscribe=authenticated
        )

    def token(self) -> str:
        return str(self.bodies()[-1]["Token"])

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(push.body) for push in self.pushes]

    def publish(self, message: str = "hello", **more: Any) -> None:
        self.topic.publish(message, **more)
        self.time.run()


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    yield Scene(monkeypatch)
    BackendDict.reset()  # the queues


class TestConfirmation:
    def test_subscribing_sends_a_confirmation_and_nothing_else_until_it_is_confirmed(self, scene: Scene) -> None:
        subscription = scene.subscribe()
        scene.publish()
        assert [body["Type"] for body in scene.bodies()] == ["SubscriptionConfirmation"]
        assert subscription.subscription_arn == "PendingConfirmation"
        assert subscription.shown_attributes()["PendingConfirmation"] is True

    def test_the_token_confirms_it(self, scene: Scene) -> None:
        subscription = scene.subscribe()
        assert scene.confirm(scene.token()) == subscription.arn == subscription.subscription_arn
        scene.publish("first")
        assert scene.bodies()[-1]["Message"] == "first"

    def test_a_wrong_token_does_not(self, scene: Scene) -> None:
        subscription = scene.subscribe()
        with pytest.raises(SNSException, match="InvalidParameter: Invalid parameter: Token"):
            scene.confirm("f" * 288)
        assert not subscription.confirmed

    def test_a_token_of_another_topic_does_not(self, scene: Scene) -> None:
        scene.subscribe()
        other = scene.sns.create_topic("other")
        with pytest.raises(SNSException, match="Token"):
            scene.sns.confirm(other.arn, scene.token(), authenticated=True, authenticate_on_unsubscribe=True)

    def test_confirming_twice_is_harmless(self, scene: Scene) -> None:
        scene.subscribe()
        token = scene.token()
        assert scene.confirm(token) == scene.confirm(token)

    def test_a_token_lives_two_days(self, scene: Scene) -> None:
        scene.subscribe()
        scene.now += timedelta(days=2)
        with pytest.raises(SNSException, match="Token"):
            scene.confirm(scene.token())

    def test_subscribing_again_while_pending_sends_another_confirmation(self, scene: Scene) -> None:
        first = scene.subscribe()
        assert scene.subscribe() is first
        tokens = [body["Token"] for body in scene.bodies()]
        assert len(set(tokens)) == 2
        assert scene.confirm(tokens[0]) == first.arn  # the earlier one still counts

    def test_subscribing_again_when_confirmed_changes_nothing(self, scene: Scene) -> None:
        subscription = scene.confirmed()
        assert scene.subscribe() is subscription
        assert scene.pushes == []

    def test_the_endpoint_must_match_the_protocol(self, scene: Scene) -> None:
        with pytest.raises(SNSException, match="Endpoint must match the specified protocol"):
            scene.sns.subscribe(scene.topic.arn, ENDPOINT, "https")


class TestUnsubscribing:
    def test_tells_the_endpoint_and_pushes_no_more(self, scene: Scene) -> None:
        subscription = scene.confirmed()
        scene.sns.leave(subscription.arn, authenticated=True)
        scene.publish()
        assert [body["Type"] for body in scene.bodies()] == ["UnsubscribeConfirmation"]

    def test_is_refused_without_credentials_where_confirming_asked_for_that(self, scene: Scene) -> None:
        subscription = scene.confirmed()
        with pytest.raises(AuthorizationError):
            scene.sns.leave(subscription.arn, authenticated=False)
        assert subscription.confirmed

    def test_is_open_to_the_link_where_it_was_confirmed_by_link(self, scene: Scene) -> None:
        subscription = scene.subscribe()
        scene.confirm(scene.token(), authenticated=False)
        scene.sns.leave(subscription.arn, authenticated=False)
        assert subscription.arn not in scene.sns.subscriptions

    def test_can_be_undone_with_its_token(self, scene: Scene) -> None:
        subscription = scene.confirmed()
        scene.sns.leave(subscription.arn, authenticated=True)
        assert scene.confirm(scene.token()) == subscription.arn
        scene.publish("back")
        assert scene.bodies()[-1]["Message"] == "back"


class TestAttributes:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("DeliveryPolicy", '{"healthyRetryPolicy": {"numRetries": 101}}'),
            ("DeliveryPolicy", "{"),
            ("RedrivePolicy", "{"),
            ("RedrivePolicy", "{}"),
            ("RedrivePolicy", '{"deadLetterTargetArn": "https://sqs.us-east-1.amazonaws.com/123456789012/q"}'),
        ],
    )
    def test_an_invalid_policy_is_an_invalid_parameter(self, scene: Scene, name: str, value: str) -> None:
        subscription = scene.confirmed()
        with pytest.raises(SNSException, match=f"InvalidParameter: Invalid parameter: {name}"):
            scene.sns.set_subscription_attributes(subscription.arn, name, value)
        assert name not in subscription.attributes

    def test_the_subscriptions_policy_goes_before_the_topics(self, scene: Scene) -> None:
        subscription = scene.confirmed()
        topics = {"http": {"defaultHealthyRetryPolicy": {"numRetries": 7}}}
        scene.sns.set_topic_attribute(scene.topic.arn, "delivery_policy", json.dumps(topics))
        assert subscription.delivery_policy.retries == 7
        own = {"healthyRetryPolicy": {"numRetries": 1}}
        scene.sns.set_subscription_attributes(subscription.arn, "DeliveryPolicy", json.dumps(own))
        assert subscription.delivery_policy.retries == 1
        shown = json.loads(scene.sns.get_subscription_attributes(subscription.arn)["EffectiveDeliveryPolicy"])
        assert shown["healthyRetryPolicy"]["numRetries"] == 1

    def test_an_unknown_signature_version_is_refused(self, scene: Scene) -> None:
        with pytest.raises(SNSException, match="SignatureVersion"):
            scene.sns.set_topic_attribute(scene.topic.arn, "signature_version", "3")

    def test_a_topic_signs_with_version_1_unless_told(self, scene: Scene) -> None:
        scene.topic = scene.sns.create_topic("plain")
        scene.subscribe()
        assert scene.bodies()[-1]["SignatureVersion"] == "1"

    def test_a_filter_policy_holds_messages_back(self, scene: Scene) -> None:
        subscription = scene.confirmed()
        scene.sns.set_subscription_attributes(subscription.arn, "FilterPolicy", '{"kind": ["wanted"]}')
        scene.publish("no", message_attributes={"kind": {"Type": "String", "Value": "other"}})
        scene.publish("yes", message_attributes={"kind": {"Type": "String", "Value": "wanted"}})
        assert [body["Message"] for body in scene.bodies()] == ["yes"]

    def test_raw_delivery_posts_the_message_alone(self, scene: Scene) -> None:
        subscription = scene.confirmed()
        scene.sns.set_subscription_attributes(subscription.arn, "RawMessageDelivery", True)
        scene.publish("as it is")
        assert [push.body for push in scene.pushes] == ["as it is"]

    def test_a_message_structure_picks_the_protocols_text(self, scene: Scene) -> None:
        scene.confirmed()
        scene.publish('{"default": "d", "http": "h"}', message_structure="json")
        assert scene.bodies()[-1]["Message"] == "h"


class TestDeadLetters:
    @pytest.fixture
    def queue(self) -> Any:
        return sqs_backends[ACCOUNT][REGION].create_queue("dead-letters", {})

    def redrive(self, scene: Scene, queue_arn: str) -> None:
        subscription = scene.confirmed()
        policy = json.dumps({"deadLetterTargetArn": queue_arn})
        scene.sns.set_subscription_attributes(subscription.arn, "RedrivePolicy", policy)

    @pytest.mark.parametrize(("answer", "attempts"), [(503, 4), (403, 1)])
    def test_what_cannot_be_delivered_lands_there_as_the_full_envelope(
        self, scene: Scene, queue: Any, answer: int, attempts: int
    ) -> None:
        self.redrive(scene, queue.queue_arn)
        scene.answer = answer
        scene.publish("lost?")
        assert len(scene.pushes) == attempts
        assert [message.body for message in queue.messages] == [scene.pushes[0].body]

    def test_what_is_delivered_does_not(self, scene: Scene, queue: Any) -> None:
        self.redrive(scene, queue.queue_arn)
        scene.publish()
        assert queue.messages == []

    def test_without_a_redrive_policy_it_is_dropped_with_a_line_in_the_log(
        self, scene: Scene, caplog: pytest.LogCaptureFixture
    ) -> None:
        scene.confirmed()
        scene.answer = 403
        scene.publish()
        assert "dropped, answered 403, which is permanent, no RedrivePolicy" in caplog.text

    def test_a_queue_that_is_gone_is_a_line_in_the_log(self, scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
        self.redrive(scene, f"arn:aws:sqs:{REGION}:{ACCOUNT}:gone")
        scene.answer = 403
        scene.publish()
        assert "dead-letter queue refused it" in caplog.text


def test_a_push_under_way_does_not_age_while_the_cloud_stands_still_and_follows_its_endpoint(scene: Scene) -> None:
    subscription = scene.confirmed()
    scene.answer = 503
    subscription.publish("hello", "m1")
    night = timedelta(hours=9)
    scene.now, scene.stopped = scene.now + night, night
    subscription.endpoint = "http://127.0.0.1:9001/hooks/job-requests"
    scene.answer = 200
    scene.time.run()
    first, again = (json.loads(push.body)["Timestamp"] for push in scene.pushes)
    assert datetime.fromisoformat(again) - datetime.fromisoformat(first) == night
    assert [push.url for push in scene.pushes] == [ENDPOINT, subscription.endpoint]
