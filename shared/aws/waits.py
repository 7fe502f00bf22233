"""Step Functions: the waits of jobs before they are archived."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from shared.aws.errors import code_of, translated

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient


class StepFunctionsWaits:
    """Implements `shared.core.retention.Waits` with the state machine ``ArchiveWaits`` of ``deploy/stack/core.yaml``."""

    def __init__(self, stepfunctions: SFNClient, state_machine_arn: str) -> None:
        self._stepfunctions = stepfunctions
        self._arn = state_machine_arn

    def start(self, *, job_id: str, user_id: str, wait: int, soon_at: datetime, due_at: datetime) -> None:
        given = {
            "job_id": job_id,
            "user_id": user_id,
            "wait": wait,
            "soon_at": _timestamp(soon_at),
            "due_at": _timestamp(due_at),
        }
        with translated("Step Functions"):
            try:
                # A name is taken for as long as the execution runs, and for 90 days after.
                self._stepfunctions.start_execution(
                    stateMachineArn=self._arn, name=f"{job_id}-{wait}", input=json.dumps(given)
                )
            except ClientError as error:
                if code_of(error) != "ExecutionAlreadyExists":
                    raise


def _timestamp(moment: datetime) -> str:
    """As a Wait state takes it, in whole seconds, never earlier than the moment."""
    whole = moment.astimezone(UTC) + timedelta(microseconds=-moment.microsecond % 1_000_000)
    return whole.strftime("%Y-%m-%dT%H:%M:%SZ")
