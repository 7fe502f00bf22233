"""deploy/stack/core.yaml: sound by AWS's own specification, and every promise about dead letters kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.cloudformation import strict
from deploy.local.stack import TEMPLATE
from deploy.stack_settings import settings_from_outputs
from shared.aws.topics import DELIVERY_POLICY


class _Loader(yaml.SafeLoader):
    """Reads ``!Ref x`` as ``{"Ref": "x"}``, and so on."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    assert isinstance(node, yaml.SequenceNode)
    return {suffix: loader.construct_sequence(node)}


_Loader.add_multi_constructor("!", _intrinsic)

STACK = yaml.load(TEMPLATE.read_text(), _Loader)  # noqa: S506 - derived from SafeLoader
RESOURCES: dict[str, dict[str, Any]] = STACK["Resources"]


def of_type(resource_type: str) -> dict[str, dict[str, Any]]:
    return {name: resource for name, resource in RESOURCES.items() if resource["Type"] == resource_type}


def test_cfn_lint_finds_nothing() -> None:
    command = [str(Path(sys.executable).with_name("cfn-lint")), str(TEMPLATE)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")


def test_every_type_can_be_made_locally() -> None:
    assert {resource["Type"] for resource in RESOURCES.values()} <= strict.TYPES


def test_every_topic_signs_with_sha_256() -> None:
    assert [topic["Properties"]["SignatureVersion"] for topic in of_type("AWS::SNS::Topic").values()] == ["2"] * 3


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
    assert RESOURCES[queue]["Properties"]["MessageRetentionPeriod"] == 14 * 24 * 60 * 60
    (policy,) = (
        resource["Properties"]
        for resource in of_type("AWS::SQS::QueuePolicy").values()
        if resource["Properties"]["Queues"] == [{"Ref": queue}]
    )
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": subscription["TopicArn"]}}
    assert statement["Resource"] == {"GetAtt": f"{queue}.Arn"}


@pytest.mark.parametrize("name", of_type("AWS::SNS::Subscription"))
def test_every_subscription_has_the_delivery_policy_that_the_servers_ask_for(name: str) -> None:
    assert RESOURCES[name]["Properties"]["DeliveryPolicy"] == DELIVERY_POLICY


@pytest.mark.parametrize("name", of_type("AWS::S3::Bucket"))
def test_every_bucket_is_private_and_encrypted_and_forgets_abandoned_uploads(name: str) -> None:
    bucket = RESOURCES[name]["Properties"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["BucketEncryption"]
    assert bucket["LifecycleConfiguration"]["Rules"][0]["AbortIncompleteMultipartUpload"]
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def test_only_the_pages_own_origin_may_upload_and_read_results() -> None:
    rules = {
        name: (rule["AllowedOrigins"], rule["AllowedMethods"])
        for name, bucket in of_type("AWS::S3::Bucket").items()
        for rule in bucket["Properties"].get("CorsConfiguration", {}).get("CorsRules", [])
    }
    pages = [{"Ref": "FrontendUrl"}]
    assert rules == {"Inputs": (pages, ["POST", "PUT"]), "Results": (pages, ["GET", "HEAD"])}


@pytest.mark.parametrize("name", of_type("AWS::DynamoDB::Table"))
def test_every_table_is_paid_by_request_and_encrypted(name: str) -> None:
    table = RESOURCES[name]["Properties"]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"] == {"SSEEnabled": True}


@pytest.mark.parametrize("name", ["Jobs", "Users"])
def test_what_cannot_be_made_anew_can_be_recovered(name: str) -> None:
    table = RESOURCES[name]
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_every_output_is_a_setting() -> None:
    assert sorted(settings_from_outputs(dict.fromkeys(STACK["Outputs"], ""))) == [
        "GAS_INBOX_TABLE",
        "GAS_INPUTS_BUCKET",
        "GAS_JOBS_TABLE",
        "GAS_JOB_REQUESTS_DEAD_LETTERS",
        "GAS_JOB_REQUESTS_TOPIC",
        "GAS_JOB_RESULTS_DEAD_LETTERS",
        "GAS_JOB_RESULTS_TOPIC",
        "GAS_LIMITS_TABLE",
        "GAS_MAIL_CONFIGURATION_SET",
        "GAS_MAIL_FEEDBACK_DEAD_LETTERS",
        "GAS_MAIL_FEEDBACK_TOPIC",
        "GAS_RESULTS_BUCKET",
        "GAS_USERS_TABLE",
    ]
