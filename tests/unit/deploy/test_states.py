"""Step Functions: definitions that are understood, executions that wait without a thread."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from moto.core.base_backend import BackendDict
from moto.sns.exceptions import TopicNotFound
from moto.stepfunctions.exceptions import ExecutionAlreadyExists, InvalidExecutionInput
from moto.stepfunctions.models import Execution

from deploy.local.states import language
from deploy.local.states.execution import Runtime
from deploy.local.states.language import InvalidData, InvalidDefinition
from deploy.local.states.service import InvalidDefinition as Refused
from deploy.local.states.service import LocalStepFunctions
from tests.unit.deploy.virtual import EPOCH, Told, VirtualTime

ACCOUNT = "123456789012"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:archive-due"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/waits"
RETRY = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 5, "BackoffRate": 2, "MaxDelaySeconds": 60, "MaxAttempts": 3}


def definition() -> dict[str, Any]:
    """Waits, says soon, waits, says due."""

    def say(step: str, **more: Any) -> dict[str, Any]:
        return {
            "Type": "Task",
            "Resource": "arn:aws:states:::sns:publish",
            "Parameters": {"TopicArn": TOPIC, "Message": {"job_id.$": "$.job_id", "wait.$": "$.wait", "step": step}},
            "Retry": [RETRY],
            **more,
        }

    catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.said", "Next": "WaitDue"}]
    return {
        "StartAt": "WaitSoon",
        "States": {
            "WaitSoon": {"Type": "Wait", "TimestampPath": "$.soon_at", "Next": "SaySoon"},
            "SaySoon": say("soon", ResultPath="$.said", Catch=catch, Next="WaitDue"),
            "WaitDue": {"Type": "Wait", "TimestampPath": "$.due_at", "Next": "SayDue"},
            "SayDue": say("due", End=True),
        },
    }


class Scene:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.time, self.told = VirtualTime(), Told()
        runtime = Runtime(self.time, self.told, self.time.wall)
        monkeypatch.setattr(LocalStepFunctions, "runtime", runtime, raising=False)
        self.states = LocalStepFunctions("us-east-1", ACCOUNT)
        self.arn = self.states.create_state_machine("waits", json.dumps(definition()), ROLE).arn

    def start(self, name: str = "j1-3", soon: float = 60, due: float = 120, **more: Any) -> Execution:
        at = {key: (EPOCH + timedelta(seconds=s)).isoformat() for key, s in (("soon_at", soon), ("due_at", due))}
        return self.states.start_execution(self.arn, name, json.dumps({"job_id": "j1", "wait": 3, **at, **more}))

    def steps(self) -> list[str]:
        return [json.loads(message)["step"] for _, message in self.told.messages]


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    yield Scene(monkeypatch)
    BackendDict.reset()


class TestExecutions:
    def test_each_message_comes_at_its_moment(self, scene: Scene) -> None:
        execution = scene.start()
        scene.time.pass_by(59)
        assert scene.steps() == []
        scene.time.pass_by(2)
        assert scene.told.messages == [(TOPIC, '{"job_id":"j1","wait":3,"step":"soon"}')]
        scene.time.pass_by(58)
        assert (scene.steps(), execution.status) == (["soon"], "RUNNING")
        scene.time.pass_by(2)
        assert (scene.steps(), execution.status) == (["soon", "due"], "SUCCEEDED")
        assert execution.stop_date is not None

    def test_a_moment_that_has_passed_is_now(self, scene: Scene) -> None:
        scene.start(soon=-5, due=60)
        scene.time.pass_by(0)
        assert scene.steps() == ["soon"]

    def test_ten_thousand_waits_need_no_thread(self, scene: Scene) -> None:
        threads = threading.active_count()
        for number in range(10_000):
            scene.start(f"j{number}-1")
        scene.time.pass_by(60)
        assert threading.active_count() == threads
        assert len(scene.told.messages) == 10_000

    def test_a_stopped_execution_says_nothing_more(self, scene: Scene) -> None:
        execution = scene.start()
        scene.time.pass_by(61)
        scene.states.stop_execution(execution.execution_arn)
        scene.time.run()
        assert (scene.steps(), execution.status) == (["soon"], "ABORTED")

    def test_a_publication_that_failed_is_tried_again(self, scene: Scene) -> None:
        execution = scene.start()
        scene.told.error = TopicNotFound()
        scene.time.pass_by(62)
        scene.told.error = None
        scene.time.pass_by(5)
        assert (scene.steps(), execution.status) == (["soon"], "RUNNING")

    def test_an_error_that_is_caught_does_not_end_the_wait(self, scene: Scene) -> None:
        execution = scene.start(due=1000)
        scene.told.error = TopicNotFound()
        scene.time.pass_by(500)
        scene.told.error = None
        scene.time.run()
        assert (scene.steps(), execution.status) == (["due"], "SUCCEEDED")

    def test_an_error_that_is_not_caught_fails_the_execution_and_says_why(self, scene: Scene) -> None:
        execution = scene.start()
        scene.told.error = TopicNotFound()
        scene.time.run()
        assert (execution.status, execution.error) == ("FAILED", "SNS.NotFoundException")
        assert "does not exist" in str(execution.cause)

    @pytest.mark.parametrize("value", ["tomorrow", "2026-03-06 12:00:00+00:00", "2026-03-06T12:00:00", 5, None])
    def test_a_moment_that_is_none_fails_the_execution(self, scene: Scene, value: Any) -> None:
        execution = scene.start(soon_at=value)
        scene.time.run()
        assert (execution.status, execution.error) == ("FAILED", "States.Runtime")


class TestNames:
    def test_starting_twice_is_once(self, scene: Scene) -> None:
        assert scene.start() is scene.start()
        scene.time.run()
        assert scene.steps() == ["soon", "due"]

    def test_another_input_under_the_same_name_is_refused(self, scene: Scene) -> None:
        scene.start()
        with pytest.raises(ExecutionAlreadyExists):
            scene.start(due=500)

    def test_a_name_is_not_used_again_when_its_execution_ended(self, scene: Scene) -> None:
        scene.start()
        scene.time.run()
        with pytest.raises(ExecutionAlreadyExists):
            scene.start()

    def test_input_has_to_be_json(self, scene: Scene) -> None:
        with pytest.raises(InvalidExecutionInput):
            scene.states.start_execution(scene.arn, "bad", "{")


class TestDefinitions:
    @pytest.mark.parametrize(
        ("state", "change", "complaint"),
        [
            ("WaitSoon", {"Seconds": 5}, r"does not know \[Seconds\] of state WaitSoon"),
            ("WaitSoon", {"TimestampPath": "$.a[0]"}, "knows paths such as"),
            ("WaitSoon", {"Next": "Nowhere"}, "There is no state Nowhere"),
            ("SaySoon", {"Resource": "arn:aws:states:::lambda:invoke"}, "knows Wait and sns:publish alone"),
            ("SaySoon", {"Type": "Choice"}, "knows Wait and sns:publish alone"),
            ("SaySoon", {"TimeoutSeconds": 5}, "does not know"),
            ("SaySoon", {"Retry": [RETRY, RETRY]}, "one Retry for States.ALL"),
            ("SaySoon", {"Retry": [{**RETRY, "ErrorEquals": ["SNS.SdkClientException"]}]}, "one Retry for States.ALL"),
            ("SaySoon", {"Retry": [{**RETRY, "JitterStrategy": "FULL"}]}, "does not know"),
            ("SaySoon", {"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Nowhere"}]}, "There is no state Nowhere"),
            ("SaySoon", {"End": True}, "Either Next or End"),
            ("SaySoon", {"Parameters": {"TopicArn": TOPIC, "Message": "m", "Subject": "s"}}, "does not know"),
            ("SaySoon", {"ResultPath": "$.a.b"}, "places results at"),
        ],
    )
    def test_what_would_be_ignored_is_refused(self, state: str, change: dict[str, Any], complaint: str) -> None:
        document = definition()
        document["States"][state] |= change
        with pytest.raises(InvalidDefinition, match=complaint):
            language.parse(json.dumps(document))

    @pytest.mark.parametrize(
        "text", ["", "[]", "{}", '{"StartAt": "A", "States": {}}', '{"StartAt": "A", "States": 3}']
    )
    def test_what_is_no_definition_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidDefinition):
            language.parse(text)

    def test_the_api_refuses_it_too(self, scene: Scene) -> None:
        with pytest.raises(Refused, match="Invalid State Machine Definition"):
            scene.states.create_state_machine("other", "{}", ROLE)

    def test_parameters_are_filled_from_the_input(self) -> None:
        assert language.fill({"a.$": "$.b.c", "d": {"e.$": "$"}}, {"b": {"c": 1}}) == {
            "a": 1,
            "d": {"e": {"b": {"c": 1}}},
        }

    def test_a_path_to_nothing_is_an_error(self) -> None:
        with pytest.raises(InvalidData, match="leads to nothing"):
            language.fill({"a.$": "$.b"}, {"c": 1})
