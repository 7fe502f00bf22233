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
from deploy.local.schedule import InvalidSchedule, Rule, Schedules

TEMPLATES = Path(__file__).parents[2] / "stack"
"""The folder that a function's ``Code`` is relative to, as for ``aws cloudformation package``."""


def _deploy(name: str, properties: Properties, account_id: str, region: str) -> str:
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
    return arn


def _deploy_again(made: Made, properties: Properties, account_id: str, region: str) -> None:
    _deploy(made.physical_resource_id, properties, account_id, region)


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
    update=_deploy_again,
)
def function(name: str, properties: Properties, account_id: str, region: str) -> Made:
    """A function. It runs in this process: on this machine's Python, and its log is the local cloud's."""
    return Made(name, {"Arn": _deploy(name, properties, account_id, region)})


@resource(
    "AWS::Logs::LogGroup",
    properties={"LogGroupName", "RetentionInDays"},
    name_property="LogGroupName",
    attributes={"Arn"},
    update=lambda *_: None,
)
def log_group(name: str, _: Properties, account_id: str, region: str) -> Made:
    """A log group; nothing writes to it here."""
    return Made(name, {"Arn": f"arn:{get_partition(region)}:logs:{region}:{account_id}:log-group:{name}:*"})


def _redefine(made: StateMachine, properties: Properties, account_id: str, region: str) -> None:
    """Executions under way go on as they began."""
    try:
        stepfunctions_backends[account_id][region].update_state_machine(made.arn, json.dumps(properties["Definition"]))
    except AWSError as error:
        raise ValidationError(message=error.message) from None


@resource(
    "AWS::StepFunctions::StateMachine",
    properties={"StateMachineName", "StateMachineType", "RoleArn", "Definition"},
    name_property="StateMachineName",
    attributes={"Arn", "Name"},
    update=_redefine,
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


class ScheduledRule(Made):
    """A rule, and the schedule that it keeps; None while it is disabled."""

    schedule: Rule | None = None

    def keep(self, properties: Properties) -> None:
        """To this schedule from now on."""
        for target in properties["Targets"]:
            only(target, {"Id", "Arn", "Input"}, "a rule's target")
        before, self.schedule = self.schedule, None
        if before is not None:
            before.enabled = False
        if properties.get("State", "ENABLED") == "ENABLED":
            inputs = {target["Arn"]: target["Input"] for target in properties["Targets"]}
            try:
                self.schedule = Schedules.add(properties["ScheduleExpression"], inputs)
            except InvalidSchedule as error:
                raise ValidationError(message=str(error)) from None


@resource(
    "AWS::Events::Rule",
    properties={"Name", "Description", "ScheduleExpression", "State", "Targets"},
    name_property="Name",
    attributes={"Arn"},
    update=lambda made, properties, *_: made.keep(properties),
)
def rule(name: str, properties: Properties, account_id: str, region: str) -> ScheduledRule:
    """A rule on a schedule, for topics."""
    made = ScheduledRule(name, {"Arn": f"arn:{get_partition(region)}:events:{region}:{account_id}:rule/{name}"})
    made.keep(properties)
    return made
