"""The Step Functions API where moto's falls short: executions run."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from moto.core.exceptions import AWSError
from moto.moto_api._internal import mock_random
from moto.stepfunctions import urls
from moto.stepfunctions.exceptions import ExecutionAlreadyExists, InvalidExecutionInput
from moto.stepfunctions.models import Execution, StateMachine, StepFunctionBackend, stepfunctions_backends

from deploy.local.moto_urls import UrlModule
from deploy.local.states import language
from deploy.local.states.execution import Running, Runtime


class InvalidDefinition(AWSError):
    """The definition was refused."""

    TYPE = "InvalidDefinition"
    STATUS = 400


class LocalStepFunctions(StepFunctionBackend):
    """One region's state machines."""

    runtime: ClassVar[Runtime]
    """Set once, by `install`."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._by_name: dict[tuple[str, str], Execution] = {}
        """State machine's ARN and execution's name → execution; moto would look through all of them."""

    @property
    def _url_module(self) -> UrlModule:
        return UrlModule(urls.url_bases, urls.url_paths)

    def create_state_machine(self, name: str, definition: str, *args: Any, **kwargs: Any) -> StateMachine:
        _parse(definition)
        return super().create_state_machine(name, definition, *args, **kwargs)

    def update_state_machine(self, arn: str, definition: str | None = None, *args: Any, **kwargs: Any) -> StateMachine:
        if definition is not None:
            _parse(definition)
        return super().update_state_machine(arn, definition, *args, **kwargs)

    def start_execution(self, state_machine_arn: str, name: str, execution_input: str) -> Execution:
        """The same execution when it still runs and is started again with the same name and input."""
        if name:
            self._validate_name(name)
        machine = self.describe_state_machine(state_machine_arn)
        known = self._by_name.get((machine.arn, name))
        if known is not None:
            if known.status == "RUNNING" and known.execution_input == execution_input:
                return known
            raise ExecutionAlreadyExists(f"Execution Already Exists: '{known.execution_arn}'")
        try:
            json.loads(execution_input)
        except ValueError as error:
            raise InvalidExecutionInput(f"Invalid State Machine Execution Input: '{error}'") from None
        started = Execution(
            region_name=self.region_name,
            account_id=self.account_id,
            state_machine_name=machine.name,
            execution_name=name or str(mock_random.uuid4()),
            state_machine_arn=machine.arn,
            execution_input=execution_input,
        )
        machine.executions.append(started)
        self._by_name[machine.arn, started.name] = started
        Running(_parse(machine.definition), started, self.runtime).start()
        return started


def install(runtime: Runtime) -> None:
    """Every Step Functions backend that moto makes from now on runs executions with ``runtime``."""
    LocalStepFunctions.runtime = runtime
    stepfunctions_backends.backend = LocalStepFunctions


def _parse(definition: str) -> language.Machine:
    try:
        return language.parse(definition)
    except language.InvalidDefinition as error:
        raise InvalidDefinition(f"Invalid State Machine Definition: '{error}'") from None
