"""Lambda functions, run in this process: moto's would need Docker.

A function's code is a folder; its environment variables become this process's, beside those that let boto3 find the
local cloud. Its time limit is not kept: a thread cannot be ended from outside.
Source: "How Lambda handles errors and retries with asynchronous invocation", AWS Lambda Developer Guide.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import logging
import os
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

from moto.awslambda import urls
from moto.awslambda.models import LambdaBackend, lambda_backends
from moto.core.exceptions import ServiceException
from moto.sqs.models import sqs_backends
from moto.utilities.arns import parse_arn

from deploy.local.moto_urls import UrlModule
from deploy.local.sns.lanes import Lane, Task, Timer

log = logging.getLogger(__name__)

RETRY_SECONDS = (60.0, 120.0)
"""Before the second and the third attempt; there is no fourth."""


@dataclass(frozen=True)
class Function:
    """One function as it is described."""

    name: str
    arn: str
    folder: Path
    handler: str
    """``module.function``, the module being a file in the folder."""
    variables: Mapping[str, str]
    dead_letters: str | None = None
    """ARN of the queue for events that no attempt succeeded with."""


@dataclass(frozen=True)
class Runtime:
    """What functions run with."""

    timer: Timer
    new_lane: Callable[[], Lane]
    environment: Mapping[str, str]
    """Variables that the cloud gives every function."""


class NoSuchFunction(LookupError):
    """There is no function of this ARN."""


class Deployed:
    """A function and the lane that its invocations run on."""

    def __init__(self, function: Function, runtime: Runtime) -> None:
        self._function = function
        self._runtime = runtime
        self._lane = runtime.new_lane()
        self._lock = threading.Lock()
        self._module: ModuleType | None = None

    def __getstate__(self) -> dict[str, Any]:
        """What is kept over a restart: not the code, which is loaded again."""
        return {**vars(self), "_module": None}

    def describe(self, function: Function) -> None:
        """It is like this from now on; invocations under way end as they began."""
        self._function, self._module = function, None

    def invoke_later(self, event: Mapping[str, Any]) -> None:
        """Asynchronously, as for events: tried again when it fails, and in the end buried."""
        self._attempt_on_lane(event, str(uuid.uuid4()), attempt=0)

    def _attempt_on_lane(self, event: Mapping[str, Any], request_id: str, *, attempt: int) -> None:
        self._lane.run(functools.partial(self._attempt, event, request_id, attempt))

    def _attempt(self, event: Mapping[str, Any], request_id: str, attempt: int) -> Task | None:
        try:
            self._call(event, request_id)
        except Exception as error:  # whatever a function raises is a failed invocation
            log.exception("function %s failed, request %s", self._function.name, request_id)
            return functools.partial(self._failed, event, request_id, attempt, error)
        return None

    def _failed(self, event: Mapping[str, Any], request_id: str, attempt: int, error: Exception) -> None:
        if attempt < len(RETRY_SECONDS):
            again = functools.partial(self._attempt_on_lane, event, request_id, attempt=attempt + 1)
            self._runtime.timer.later(RETRY_SECONDS[attempt], again)
        else:
            self._bury(event, request_id, error)

    def _call(self, event: Mapping[str, Any], request_id: str) -> None:
        module_name, _, function_name = self._function.handler.rpartition(".")
        context = SimpleNamespace(
            aws_request_id=request_id, function_name=self._function.name, invoked_function_arn=self._function.arn
        )
        getattr(self._load(module_name), function_name)(json.loads(json.dumps(event)), context)

    def _load(self, module_name: str) -> ModuleType:
        """At the first invocation, so that a cloud that restores nothing does not wait for boto3's clients."""
        with self._lock:
            if self._module is None:
                os.environ.update({**self._runtime.environment, **self._function.variables})
                path = self._function.folder / f"{module_name}.py"
                spec = importlib.util.spec_from_file_location(f"function_{module_name}", path)
                if spec is None or spec.loader is None:
                    raise ImportError(f"{path} cannot be loaded.")
                module = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(module)
                self._module = module
            return self._module

    def _bury(self, event: Mapping[str, Any], request_id: str, error: Exception) -> None:
        if self._function.dead_letters is None:
            return
        queue = parse_arn(self._function.dead_letters)
        attributes = {"RequestID": request_id, "ErrorCode": "200", "ErrorMessage": f"{type(error).__name__}: {error}"}
        try:
            sqs_backends[queue.account][queue.region].send_message(
                queue.resource_id,
                json.dumps(event),
                message_attributes={
                    name: {"DataType": "String", "StringValue": value[:1000]} for name, value in attributes.items()
                },
            )
        except ServiceException as refused:
            log.warning("the dead letter of function %s was refused: %s", self._function.name, refused)


class LocalLambda(LambdaBackend):
    """One region's functions."""

    runtime: ClassVar[Runtime]
    """Set once, by `install`."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._deployed: dict[str, Deployed] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """What is kept over a restart: moto's own part is empty, and some of it cannot be."""
        return type(self), (self.region_name, self.account_id), {"_deployed": self._deployed}

    @property
    def _url_module(self) -> UrlModule:
        return UrlModule(urls.url_bases, urls.url_paths)

    def deploy(self, function: Function) -> None:
        """From now on it can be invoked, or is as it is described now."""
        if function.arn in self._deployed:
            self._deployed[function.arn].describe(function)
        else:
            self._deployed[function.arn] = Deployed(function, self.runtime)

    def invoke_later(self, arn: str, event: Mapping[str, Any]) -> None:
        """Returns at once. Raises `NoSuchFunction`."""
        if arn not in self._deployed:
            raise NoSuchFunction(f"There is no function {arn}.")
        self._deployed[arn].invoke_later(event)


def install(runtime: Runtime) -> None:
    """Every Lambda backend that moto makes from now on runs functions with ``runtime``."""
    LocalLambda.runtime = runtime
    lambda_backends.backend = LocalLambda
