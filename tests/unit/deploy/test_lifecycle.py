"""An instance that Auto Scaling takes away stops its server first, and then says that it may go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import responses
from botocore.stub import Stubber

from deploy.servers import lifecycle
from deploy.servers.lifecycle import METADATA, Lifecycle, LifecycleSettings, Metadata
from shared.aws.autoscaling import LifecycleHook
from shared.aws.session import client
from shared.core.errors import ConfigurationError
from shared.core.settings import AwsSettings

INSTANCE = "i-0123456789abcdef0"
STATE = f"{METADATA}/meta-data/autoscaling/target-lifecycle-state"
COMPLETED = {
    "AutoScalingGroupName": "gas-annotator",
    "LifecycleHookName": "drain",
    "InstanceId": INSTANCE,
    "LifecycleActionResult": "CONTINUE",
}


class Machine:
    """One instance, its metadata, and Auto Scaling; everything in the order in which it happened."""

    def __init__(self, imds: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        autoscaling = client(AwsSettings(), "autoscaling")
        autoscaling.meta.events.register("provide-client-params.auto-scaling", self._asked)
        self.answers = Stubber(autoscaling)
        self.happened: list[str] = []
        self.imds = imds
        imds.put(f"{METADATA}/api/token", body="token")
        self.lifecycle = Lifecycle(
            Metadata(requests.Session()),
            LifecycleHook(autoscaling, group="gas-annotator", hook="drain"),
            stop=lambda: self.happened.append("stopped"),
            sleep=lambda _: self.happened.append("waited"),
        )

    def is_in(self, *states: str) -> None:
        """One state for each look."""
        token = responses.matchers.header_matcher({"X-aws-ec2-metadata-token": "token"})
        for state in states:
            self.imds.get(STATE, body=state, match=[token])
        self.imds.get(f"{METADATA}/meta-data/instance-id", body=INSTANCE, match=[token])

    def _asked(self, **_: object) -> None:
        self.happened.append("completed")


@pytest.fixture
def imds() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as imds:
        yield imds


@pytest.fixture
def machine(imds: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    machine = Machine(imds, monkeypatch)
    with machine.answers:
        yield machine
        machine.answers.assert_no_pending_responses()


def test_a_server_is_left_alone_until_its_instance_is_taken_away_and_stopped_before_that_is_allowed(
    machine: Machine,
) -> None:
    machine.is_in("InService", "InService", "Terminated")
    machine.answers.add_response("complete_lifecycle_action", {}, COMPLETED)
    machine.lifecycle.run()
    assert machine.happened == ["waited", "waited", "stopped", "completed"]


def test_an_instance_that_is_in_no_group_yet_is_left_alone(machine: Machine) -> None:
    machine.imds.get(STATE, status=404)
    machine.is_in("Terminated")
    machine.answers.add_response("complete_lifecycle_action", {}, COMPLETED)
    machine.lifecycle.run()
    assert machine.happened[:2] == ["waited", "stopped"]


def test_a_metadata_service_that_does_not_answer_is_asked_again(machine: Machine) -> None:
    machine.imds.get(STATE, body=requests.ConnectionError())
    machine.is_in("Terminated")
    machine.answers.add_response("complete_lifecycle_action", {}, COMPLETED)
    machine.lifecycle.run()
    assert machine.happened[:2] == ["waited", "stopped"]


@pytest.mark.parametrize("code", ["Throttling", "AccessDenied"])
def test_what_auto_scaling_refuses_for_now_is_said_again_without_stopping_twice(machine: Machine, code: str) -> None:
    machine.is_in("Terminated")
    machine.answers.add_client_error("complete_lifecycle_action", code)
    machine.answers.add_response("complete_lifecycle_action", {}, COMPLETED)
    machine.lifecycle.run()
    assert machine.happened == ["stopped", "completed", "waited", "completed"]


def test_it_ends_when_nobody_waits_for_the_instance_any_more(machine: Machine) -> None:
    machine.is_in("Terminated")
    machine.answers.add_client_error("complete_lifecycle_action", "ValidationError", "No active Lifecycle Action found")
    machine.lifecycle.run()
    assert machine.happened == ["stopped", "completed"]


def test_the_server_is_stopped_by_its_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []

    def run(command: list[str], **_: object) -> Any:
        calls.append(command)
        return type("Ended", (), {"returncode": 5})  # it failed, and the instance goes all the same

    monkeypatch.setattr("subprocess.run", run)
    lifecycle.stop("gas.service")
    assert calls == [["systemctl", "stop", "gas.service"]]


def test_a_group_without_a_name_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAS_AUTO_SCALING_GROUP", "")
    with pytest.raises(ConfigurationError, match=r"GAS_AUTO_SCALING_GROUP.*GAS_LIFECYCLE_HOOK"):
        LifecycleSettings.from_environment()
