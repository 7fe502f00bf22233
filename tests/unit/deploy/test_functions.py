"""Functions in this process: invoked with SNS's event, tried again, buried in the end."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from moto import mock_aws
from moto.awslambda.models import lambda_backends
from moto.core.base_backend import BackendDict
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from cli.main import gas
from deploy.local import functions
from deploy.local.functions import Function, LocalLambda
from deploy.local.sns.function import FunctionSubscription
from deploy.local.sns.service import PushSns
from shared.aws.dead_letters import SqsDeadLetterQueues
from shared.aws.session import client
from shared.core.clock import utc_now
from shared.core.settings import Settings
from shared.inbox.letters import LetterOffice
from shared.inbox.operations import PARSERS, Operations
from shared.sns_verify import CertificateStore
from tests.unit.deploy.virtual import InlineLane, VirtualTime
from tests.unit.inbox.dead_letters_world import DeadLetterWorld

ACCOUNT, REGION = "123456789012", "us-east-1"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:restore"
CODE = """
import os

from tests.unit.deploy.test_functions import SEEN

events = []

def handle(event, context):
    events.append((event, context.aws_request_id, os.environ["COLOUR"], os.environ["AWS_ENDPOINT_URL"]))
    if len(events) <= int(os.environ["FAILURES"]):
        raise RuntimeError("not yet")
    SEEN.append(events[-1])
"""
SEEN: list[tuple[dict[str, Any], str, str, str]] = []


class Scene:
    """A topic, a function that is subscribed to it, and a queue for what neither can do."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.time = VirtualTime()
        (folder / "handler.py").write_text(CODE)
        self.folder = folder
        for name in ("COLOUR", "FAILURES", "AWS_ENDPOINT_URL"):
            monkeypatch.setenv(name, "unset")  # and put back afterwards
        runtime = functions.Runtime(self.time, InlineLane, {"AWS_ENDPOINT_URL": "http://127.0.0.1:8003"})
        monkeypatch.setattr(LocalLambda, "runtime", runtime, raising=False)
        monkeypatch.setattr(lambda_backends, "backend", LocalLambda)
        lambda_backends.reset()
        backend = lambda_backends[ACCOUNT][REGION]
        assert isinstance(backend, LocalLambda)
        self.lambdas = backend
        self.topic = sns_backends[ACCOUNT][REGION].create_topic("object-restored")
        queue = sqs_backends[ACCOUNT][REGION].create_queue("dead-letters")
        self.queue_arn = queue.queue_arn
        self.subscription = FunctionSubscription(ACCOUNT, self.topic, ARN, self.time.wall)
        self.subscription.attributes["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": self.queue_arn})

    def deploy(self, failures: int = 0) -> None:
        variables = {"COLOUR": "green", "FAILURES": str(failures)}
        self.lambdas.deploy(Function("restore", ARN, self.folder, "handler.handle", variables, self.queue_arn))

    def buried(self) -> list[Any]:
        return list(sqs_backends[ACCOUNT][REGION].get_queue("dead-letters").messages)


def office_of(queue_url: str) -> Operations:
    """Operators' commands, where this is the queue of `object-restored`."""
    world = DeadLetterWorld()
    channels = [replace(one, dead_letters=queue_url) for one in world.channels if one.name == "object-restored"]
    office = LetterOffice(
        channels=channels,
        queues=SqsDeadLetterQueues(client(Settings(public_url="https://gas.example.org"), "sqs")),
        inbox=world.inbox,
        audit=world.audit,
        subscriptions=world.subscriptions,
        readiness=world.readiness,
        certificates=CertificateStore(fetch=world.senders["object-restored"].fetch, now=utc_now),
        parsers=PARSERS,
        now=utc_now,
        sleep=world.sleep,
    )
    return replace(world.operations, office=office, channels=channels)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    SEEN.clear()
    yield Scene(tmp_path, monkeypatch)
    BackendDict.reset()


def test_a_message_becomes_an_event(scene: Scene) -> None:
    scene.deploy()
    scene.subscription.publish("hello", "m1", subject="Amazon S3 Notification")
    ((event, request_id, _, _),) = SEEN
    (record,) = event["Records"]
    assert (record["EventSource"], record["EventSubscriptionArn"]) == ("aws:sns", scene.subscription.arn)
    assert record["Sns"] == {
        "Type": "Notification",
        "MessageId": "m1",
        "TopicArn": scene.topic.arn,
        "Subject": "Amazon S3 Notification",
        "Message": "hello",
        "Timestamp": "2026-03-06T12:00:00.000Z",
        "MessageAttributes": {},
    }
    assert request_id


def test_a_function_has_its_variables_and_finds_the_cloud(scene: Scene) -> None:
    scene.deploy()
    scene.subscription.publish("hello", "m1")
    assert SEEN[0][2:] == ("green", "http://127.0.0.1:8003")


def test_nothing_is_loaded_before_the_first_invocation(scene: Scene) -> None:
    scene.deploy()
    assert os.environ["COLOUR"] == "unset"


def test_a_failed_invocation_is_tried_again_after_a_minute_and_after_two(scene: Scene) -> None:
    scene.deploy(failures=2)
    scene.subscription.publish("hello", "m1")
    scene.time.pass_by(179)
    assert SEEN == []
    scene.time.pass_by(2)
    assert len(SEEN) == 1
    assert scene.buried() == []


def test_what_never_succeeds_is_a_dead_letter_with_the_reason(scene: Scene) -> None:
    scene.deploy(failures=3)
    scene.subscription.publish("hello", "m1")
    scene.time.run()
    (buried,) = scene.buried()
    assert json.loads(buried.body)["Records"][0]["Sns"]["Message"] == "hello"
    assert buried.message_attributes["ErrorMessage"]["StringValue"] == "RuntimeError: not yet"
    assert SEEN == []


def test_operators_see_and_discard_the_dead_letter_of_a_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mock_aws():
        scene = Scene(tmp_path, monkeypatch)
        scene.deploy(failures=3)
        scene.subscription.publish("hello", "m1")
        scene.time.run()
        monkeypatch.delenv("AWS_ENDPOINT_URL")  # the function's
        operations = office_of(f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/dead-letters")

        def dlq(*arguments: str) -> Any:
            result = CliRunner().invoke(gas, ["dlq", *arguments, "--json"], obj=operations)
            assert result.exit_code == 0, result.output
            return json.loads(result.stdout)

        (listed,) = dlq("list", "--queue", "object-restored")["letters"]
        assert "RuntimeError: not yet" in listed["reason"]
        assert "hello" in json.dumps(dlq("show", "object-restored", listed["id"]))
        dlq("discard", "--queue", "object-restored", "--id", listed["id"], "--yes", "--why", "A test.")
        assert dlq("list", "--queue", "object-restored")["letters"] == []


def test_without_the_function_the_message_is_a_dead_letter_of_the_subscription(scene: Scene) -> None:
    scene.subscription.publish("hello", "m1")
    (buried,) = scene.buried()
    assert json.loads(buried.body)["Message"] == "hello"


def test_a_subscription_of_a_function_needs_no_confirmation(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    sns = PushSns(REGION, ACCOUNT)
    monkeypatch.setattr(PushSns, "pusher", scene, raising=False)
    monkeypatch.setattr(scene, "now", scene.time.wall, raising=False)
    topic = sns.create_topic("t")
    monkeypatch.setattr(PushSns, "get_topic", lambda _, arn: sns.topics[arn])
    made = sns.subscribe(topic.arn, ARN, "lambda")
    assert isinstance(made, FunctionSubscription)
    assert made.confirmed
    assert sns.subscribe(topic.arn, ARN, "lambda") is made
