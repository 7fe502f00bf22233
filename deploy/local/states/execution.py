"""One execution on its way through its states.

It has no thread: while it waits it is an entry in the timer's heap, so that ten thousand waits cost next to nothing.
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.utils import utcnow
from moto.stepfunctions.models import Execution

from deploy.local.sns import publisher
from deploy.local.sns.lanes import Timer
from deploy.local.states.language import InvalidData, Machine, Publish, Wait, place

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Runtime:
    """What executions run with."""

    timer: Timer
    publish: publisher.Publish
    now: Callable[[], datetime]


class Running:
    """Moves ``execution`` from state to state; all that others see of it is written there."""

    def __init__(self, machine: Machine, execution: Execution, runtime: Runtime) -> None:
        self._machine = machine
        self._execution = execution
        self._runtime = runtime

    def start(self) -> None:
        """Returns at once."""
        data = json.loads(self._execution.execution_input)
        self._later(0, functools.partial(self._enter, self._machine.start_at, data))

    def _later(self, seconds: float, step: Callable[[], None]) -> None:
        self._runtime.timer.later(seconds, functools.partial(self._take, step))

    def _take(self, step: Callable[[], None]) -> None:
        if self._execution.status != "RUNNING":
            return  # stopped meanwhile
        try:
            step()
        except InvalidData as error:
            self._fail("States.Runtime", str(error))

    def _enter(self, name: str, data: Any) -> None:
        state = self._machine.states[name]
        if isinstance(state, Wait):
            go_on = functools.partial(self._enter, state.next, data)
            self._runtime.timer.at(state.until(data), functools.partial(self._take, go_on))
        else:
            self._attempt(state, data, attempt=0)

    def _attempt(self, state: Publish, data: Any, *, attempt: int) -> None:
        topic_arn, message = state.arguments(data)
        try:
            message_id = self._runtime.publish(topic_arn, message)
        except ServiceException as error:
            self._failed(state, data, attempt, f"SNS.{error.code}Exception", str(error))
            return
        after = place(state.result_path, {"MessageId": message_id}, data)
        if state.next is None:
            self._succeed(after)
        else:
            self._enter(state.next, after)

    def _failed(self, state: Publish, data: Any, attempt: int, error: str, cause: str) -> None:
        if attempt < state.retry.attempts:
            again = functools.partial(self._attempt, state, data, attempt=attempt + 1)
            self._later(state.retry.delay(attempt), again)
        elif state.catch is not None:
            self._enter(state.catch, place(state.catch_path, {"Error": error, "Cause": cause}, data))
        else:
            self._fail(error, cause)

    def _succeed(self, output: Any) -> None:
        self._execution.output = json.dumps(output)
        self._end("SUCCEEDED")

    def _fail(self, error: str, cause: str) -> None:
        log.warning("execution %s failed, %s: %s", self._execution.name, error, cause)
        self._execution.error, self._execution.cause = error, cause
        self._end("FAILED")

    def _end(self, status: str) -> None:
        self._execution.stop_date = utcnow()
        self._execution.status = status
