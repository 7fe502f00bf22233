"""The waits of jobs, on the fake and on Step Functions."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from shared.aws.session import client
from shared.aws.waits import StepFunctionsWaits
from shared.core.retention import Waits
from tests.contract.conftest import SETTINGS
from tests.factories import NOON
from tests.fakes import FakeWaits

SOON, DUE = NOON + timedelta(days=6), NOON + timedelta(days=7)


@pytest.fixture
def waits(kind: str) -> Waits:
    if kind == "fake":
        return FakeWaits()
    stepfunctions = client(SETTINGS, "stepfunctions")
    arn = stepfunctions.create_state_machine(
        name="archive-waits",
        definition=json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}),
        roleArn="arn:aws:iam::123456789012:role/waits",
    )["stateMachineArn"]
    return StepFunctionsWaits(stepfunctions, arn)


def started(waits: Waits) -> list[dict[str, object]]:
    """What each wait was given, in the order of jobs and numbers."""
    if isinstance(waits, FakeWaits):
        found = [
            {
                "job_id": job_id,
                "user_id": waits.owners[job_id],
                "wait": wait,
                "soon_at": _seconds(soon_at),
                "due_at": _seconds(due_at),
            }
            for (job_id, wait), (soon_at, due_at) in waits.started.items()
        ]
    else:
        stepfunctions = client(SETTINGS, "stepfunctions")
        [machine] = stepfunctions.list_state_machines()["stateMachines"]
        executions = stepfunctions.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
        found = [
            json.loads(stepfunctions.describe_execution(executionArn=execution["executionArn"])["input"])
            for execution in executions
        ]
    return sorted(found, key=lambda given: (given["job_id"], given["wait"]))


def _seconds(moment: object) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def test_a_wait_knows_its_job_its_owner_and_its_number_and_when_it_is_soon_and_due(waits: Waits) -> None:
    waits.start(job_id="alice-1", user_id="alice", wait=3, soon_at=SOON, due_at=DUE)
    assert started(waits) == [
        {
            "job_id": "alice-1",
            "user_id": "alice",
            "wait": 3,
            "soon_at": "2026-03-12T12:00:00Z",
            "due_at": "2026-03-13T12:00:00Z",
        }
    ]


def test_a_wait_is_started_once_also_when_it_is_asked_for_with_other_moments(waits: Waits) -> None:
    waits.start(job_id="alice-1", user_id="alice", wait=3, soon_at=SOON, due_at=DUE)
    waits.start(job_id="alice-1", user_id="alice", wait=3, soon_at=SOON, due_at=DUE)
    waits.start(job_id="alice-1", user_id="alice", wait=3, soon_at=SOON, due_at=DUE + timedelta(days=1))
    assert [given["due_at"] for given in started(waits)] == ["2026-03-13T12:00:00Z"]


def test_each_wait_of_each_job_is_started(waits: Waits) -> None:
    for job_id, wait in (("alice-1", 1), ("alice-1", 2), ("bob-1", 1)):
        waits.start(job_id=job_id, user_id="alice", wait=wait, soon_at=SOON, due_at=DUE)
    assert [(given["job_id"], given["wait"]) for given in started(waits)] == [
        ("alice-1", 1),
        ("alice-1", 2),
        ("bob-1", 1),
    ]
