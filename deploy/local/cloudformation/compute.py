"""AWS::Lambda::Function, AWS::Logs::LogGroup, AWS::StepFunctions::StateMachine and AWS::Events::Rule."""

from __future__ import annotations

import json
from pathlib import Path

from moto.awslambda.models import lambda_backends
from moto.cloudformation.exceptions import ValidationError
from moto.core.exceptions import AWSError
from moto.stepfunctions.models import StateMachine, stepfunctions_backends
from moto.utilities.utils import get_partition

from deploy.local.cloudformation.resources import Made, Properties, only, resource
from deploy.local.functions import Function, LocalLambda
from deploy.local.schedule import InvalidSchedule, Schedules

TEMPLATES = Path(__file__).parents[2] / "stack"
"""The folder that a function's ``Code`` is relative to, as for ``aws cloudformation package``."""


@resource(
    "AWS::Lambda::Function",
    properties={
        "FunctionName",
        "Description",
        "Code",
        "Handler",
        "Runtime",
        "Architectures",
        "MemorySize",
        "Timeout",
        "Role",
        "LoggingConfig",
        "DeadLetterConfig",
        "Environment",
    },
    name_property="FunctionName",
    attributes={"Arn"},
)
def function(name: str, properties: Properties, account_id: str, region: str) -> Made:
    """A function. It runs in this process: on this machine's Python, and its log is the local cloud's."""
    folder = (TEMPLATES / str(properties["Code"])).resolve()
    handler = properties["Handler"]
    if not (folder / f"{handler.rpartition('.')[0]}.py").is_file():
        raise ValidationError(message=f"The code of {name} is not there: {properties['Code']}, {handler}.")
    arn = f"arn:{get_partition(region)}:lambda:{region}:{account_id}:function:{name}"
    backend = lambda_backends[account_id][region]
    assert isinstance(backend, LocalLambda)  # noqa: S101 - `deploy.local.functions.install` came first
    backend.deploy(
        Function(
            name=name,
            arn=arn,
            folder=folder,
            handler=handler,
            variables=properties.get("Environment", {}).get("Variables", {}),
            dead_letters=properties.get("DeadLetterConfig", {}).get("TargetArn"),
        )
    )
    return Made(name, {"Arn": arn})


@resource(
    "AWS::Logs::LogGroup",
    properties={"LogGroupName", "RetentionInDays"},
    name_property="LogGroupName",
    attributes={"Arn"},
)
def log_group(name: str, _: Properties, account_id: str, region: str) -> Made:
    """A log group; nothing writes to it here."""
    return Made(name, {"Arn": f"arn:{get_partition(region)}:logs:{region}:{account_id}:log-group:{name}:*"})


@resource(
    "AWS::StepFunctions::StateMachine",
    properties={"StateMachineName", "StateMachineType", "RoleArn", "Definition"},
    name_property="StateMachineName",
    attributes={"Arn", "Name"},
)
def state_machine(name: str, properties: Properties, account_id: str, region: str) -> StateMachine:
    """A state machine. moto looks for its name under another property, and hands over one of its own making."""
    try:
        return stepfunctions_backends[account_id][region].create_state_machine(
            properties.get("StateMachineName", name),
            json.dumps(properties["Definition"]),
            properties["RoleArn"],
            sm_type=properties.get("StateMachineType"),
        )
    except AWSError as error:
        raise ValidationError(message=error.message) from None


@resource(
    "AWS::Events::Rule",
    properties={"Name", "Description", "ScheduleExpression", "State", "Targets"},
    name_property="Name",
    attributes={"Arn"},
)
def rule(name: str, properties: Properties, account_id: str, region: str) -> Made:
    """A rule on a schedule, for topics."""
    for target in properties["Targets"]:
        only(target, {"Id", "Arn", "Input"}, "a rule's target")
    if properties.get("State", "ENABLED") == "ENABLED":
        try:
            Schedules.add(
                properties["ScheduleExpression"], {target["Arn"]: target["Input"] for target in properties["Targets"]}
            )
        except InvalidSchedule as error:
            raise ValidationError(message=str(error)) from None
    return Made(name, {"Arn": f"arn:{get_partition(region)}:events:{region}:{account_id}:rule/{name}"})
