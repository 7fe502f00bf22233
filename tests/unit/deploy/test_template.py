"""deploy/stack/core.yaml: what it promises of messages, files and the archive. `test_templates` looks at all stacks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.local import schedule
from deploy.local.cloudformation import strict
from deploy.local.stack import TEMPLATE
from deploy.local.states import language
from deploy.local.states.language import Publish
from deploy.stack_settings import settings_from_outputs
from shared.aws.topics import DELIVERY_POLICY
from shared.core.messages import ArchiveDue
from tests.unit.deploy import templates

_SUB = ('{"Sub": "arn:${AWS::Partition}:states:::sns:publish"}', '"arn:aws:states:::sns:publish"')

STACK = templates.STACKS["core"]
RESOURCES: dict[str, dict[str, Any]] = STACK["Resources"]


def of_type(resource_type: str) -> dict[str, dict[str, Any]]:
    return {name: resource for name, resource in RESOURCES.items() if resource["Type"] == resource_type}


def test_the_local_cloud_makes_every_type_and_knows_no_other() -> None:
    assert {resource["Type"] for resource in RESOURCES.values()} == strict.TYPES


@pytest.mark.parametrize("name", of_type("AWS::SNS::Subscription"))
def test_every_subscription_has_a_queue_of_its_own_that_lets_its_topic_in(name: str) -> None:
    subscription = RESOURCES[name]["Properties"]
    queue = subscription["RedrivePolicy"]["deadLetterTargetArn"]["GetAtt"].removesuffix(".Arn")
    users = [
        other
        for other, resource in of_type("AWS::SNS::Subscription").items()
        if resource["Properties"]["RedrivePolicy"]["deadLetterTargetArn"] == {"GetAtt": f"{queue}.Arn"}
    ]
    assert users == [name]
    (policy,) = (
        resource["Properties"]
        for resource in of_type("AWS::SQS::QueuePolicy").values()
        if resource["Properties"]["Queues"] == [{"Ref": queue}]
    )
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": subscription["TopicArn"]}}
    assert statement["Resource"] == {"GetAtt": f"{queue}.Arn"}


PUSHES = [
    name
    for name, resource in of_type("AWS::SNS::Subscription").items()
    if resource["Properties"]["Protocol"] != "lambda"
]


@pytest.mark.parametrize("name", PUSHES)
def test_every_push_has_the_delivery_policy_that_the_servers_ask_for(name: str) -> None:
    assert RESOURCES[name]["Properties"]["DeliveryPolicy"] == DELIVERY_POLICY


def test_only_the_pages_own_origin_may_upload_and_read_results() -> None:
    rules = {
        name: (rule["AllowedOrigins"], rule["AllowedMethods"])
        for name, bucket in of_type("AWS::S3::Bucket").items()
        for rule in bucket["Properties"].get("CorsConfiguration", {}).get("CorsRules", [])
    }
    pages = [{"Ref": "FrontendUrl"}]
    assert rules == {"Inputs": (pages, ["POST", "PUT"]), "Results": (pages, ["GET", "HEAD"])}


def test_every_output_is_a_setting() -> None:
    assert sorted(settings_from_outputs(dict.fromkeys(STACK["Outputs"], ""))) == [
        "GAS_ACCOUNT_CHANGES_DEAD_LETTERS",
        "GAS_ACCOUNT_CHANGES_TOPIC",
        "GAS_ARCHIVE_DUE_DEAD_LETTERS",
        "GAS_ARCHIVE_DUE_TOPIC",
        "GAS_ARCHIVE_WAITS",
        "GAS_AUDIT_TABLE",
        "GAS_DAILY_DEAD_LETTERS",
        "GAS_DAILY_TOPIC",
        "GAS_INBOX_TABLE",
        "GAS_INPUTS_BUCKET",
        "GAS_JOBS_TABLE",
        "GAS_JOB_REQUESTS_DEAD_LETTERS",
        "GAS_JOB_REQUESTS_TOPIC",
        "GAS_JOB_RESULTS_DEAD_LETTERS",
        "GAS_JOB_RESULTS_TOPIC",
        "GAS_LIMITS_TABLE",
        "GAS_MAILS_TABLE",
        "GAS_MAIL_CONFIGURATION_SET",
        "GAS_MAIL_FEEDBACK_DEAD_LETTERS",
        "GAS_MAIL_FEEDBACK_TOPIC",
        "GAS_OBJECT_RESTORED_DEAD_LETTERS",
        "GAS_OBJECT_RESTORED_TOPIC",
        "GAS_RESTORE_FUNCTION",
        "GAS_RESTORE_REQUESTS_DEAD_LETTERS",
        "GAS_RESTORE_REQUESTS_TOPIC",
        "GAS_RESULTS_BUCKET",
        "GAS_USERS_TABLE",
    ]


# archive and restoration


@pytest.mark.parametrize("name", of_type("AWS::S3::Bucket"))
def test_every_bucket_tells_the_restore_function_of_copies_that_came_and_went(name: str) -> None:
    bucket = RESOURCES[name]
    told = bucket["Properties"]["NotificationConfiguration"]["TopicConfigurations"]
    assert {target["Event"] for target in told} == {"s3:ObjectRestore:Completed", "s3:ObjectRestore:Delete"}
    assert all(target["Topic"] == {"Ref": "ObjectRestoredTopic"} for target in told)
    assert bucket["DependsOn"] == "ObjectRestoredTopicPolicy"  # S3 tries the topic when it is told of it
    assert RESOURCES["ObjectRestoredSubscription"]["Properties"]["Endpoint"] == {"GetAtt": "RestoreFunction.Arn"}


def test_the_waits_are_understood_and_say_soon_then_due() -> None:
    machine = language.parse(json.dumps(RESOURCES["ArchiveWaits"]["Properties"]["Definition"]).replace(*_SUB))
    assert list(walk(machine)) == ["WaitUntilSoon", "SaySoon", "WaitUntilDue", "SayDue"]
    data = {"job_id": "j1", "user_id": "alice", "wait": 3, "soon_at": "", "due_at": ""}
    steps = [state.parameters["Message"]["step"] for state in machine.states.values() if isinstance(state, Publish)]
    assert steps == ["soon", "due"]
    for state in machine.states.values():
        if isinstance(state, Publish):
            message = ArchiveDue.from_json(json.dumps(language.fill(state.parameters["Message"], data)))
            assert (message.job_id, message.user_id, message.wait) == ("j1", "alice", 3)
            assert sum(state.retry.delay(attempt) for attempt in range(state.retry.attempts)) > 24 * 60 * 60


def walk(machine: language.Machine) -> Iterator[str]:
    """The states in their order when nothing fails."""
    name: str | None = machine.start_at
    while name is not None:
        yield name
        name = machine.states[name].next


def test_the_code_and_handler_of_the_function_are_there() -> None:
    function = RESOURCES["RestoreFunction"]["Properties"]
    module, _, name = function["Handler"].rpartition(".")
    source = (TEMPLATE.parent / function["Code"] / f"{module}.py").read_text()
    assert f"def {name}(" in source
    assert set(re.findall(r"os\.environ\[\"(\w+)\"\]", source)) <= set(function["Environment"]["Variables"])


@pytest.mark.parametrize("name", ["MailFeedbackTopicPolicy", "ObjectRestoredTopicPolicy"])
def test_a_service_may_publish_for_this_account_alone(name: str) -> None:
    (statement,) = RESOURCES[name]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}


def test_eventbridge_is_let_in_without_a_condition_which_would_never_hold() -> None:
    (statement,) = RESOURCES["DailyTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Principal"], "Condition" in statement) == ({"Service": "events.amazonaws.com"}, False)


def test_the_day_begins_a_reconciliation() -> None:
    rule = RESOURCES["DailyRule"]["Properties"]
    assert schedule.period(rule["ScheduleExpression"]) == 24 * 60 * 60
    assert rule["Targets"] == [{"Id": "daily", "Arn": {"Ref": "DailyTopic"}, "Input": "{}"}]
