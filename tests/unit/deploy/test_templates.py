"""What holds for all of deploy/stack: sound by AWS's own specification, encrypted, private, and nothing is lost."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.local.sns import policy as delivery
from tests.unit.deploy.templates import (
    PATHS,
    STACKS,
    Key,
    listed,
    of_type,
    policies,
    properties,
    resource,
    statements,
)

FOURTEEN_DAYS = 14 * 24 * 60 * 60  # seconds; the most that SQS knows
LARGEST_BODY = 51_200  # bytes of a template that CloudFormation takes without a bucket


def test_cfn_lint_finds_nothing() -> None:
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--include-checks", "I", "--", *map(str, PATHS)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_template_needs_no_bucket_to_be_created_from(path: Path) -> None:
    assert path.stat().st_size < LARGEST_BODY


@pytest.mark.parametrize("stack", STACKS)
def test_no_value_is_null(stack: str) -> None:
    """CloudFormation refuses them."""
    assert not re.search(r"(: |, |\[)null", json.dumps(STACKS[stack]))


def test_no_two_stacks_give_the_same_name_to_different_outputs() -> None:
    """A parameter gets the value of the output of its name, whichever stack has it."""
    names = [name for template in STACKS.values() for name in template.get("Outputs", {})]
    assert len(names) == len(set(names))


NAMES = (
    "AlarmName",
    "AutoScalingGroupName",
    "InstanceProfileName",
    "LogGroupName",
    "QueueName",
    "RoleName",
    "StateMachineName",
    "TopicName",
)


@pytest.mark.parametrize("stack", STACKS)
def test_two_deployments_live_side_by_side_in_one_account(stack: str) -> None:
    """Their names begin with what they are called."""
    for name, one in STACKS[stack]["Resources"].items():
        for given in (value for key, value in one.get("Properties", {}).items() if key in NAMES):
            is_of_another = isinstance(given, dict) and "Ref" in given
            assert is_of_another or given["Sub"].startswith(("${Deployment}-", "${AWS::StackName}-")), name


@pytest.mark.parametrize("stack", STACKS)
def test_every_parameter_that_somebody_has_to_give_is_explained(stack: str) -> None:
    outputs = {name for template in STACKS.values() for name in template.get("Outputs", {})}
    for name, parameter in STACKS[stack].get("Parameters", {}).items():
        assert name in outputs or parameter.get("Description"), name


# messages


@pytest.mark.parametrize("key", of_type("AWS::SNS::Topic"), ids="-".join)
def test_every_topic_signs_with_sha_256(key: Key) -> None:
    assert properties(key)["SignatureVersion"] == "2"


SUBSCRIPTIONS = [key for key in of_type("AWS::SNS::Subscription") if properties(key)["Protocol"] != "email"]
"""But for people's, who see an alarm's state at CloudWatch, too."""


@pytest.mark.parametrize("key", SUBSCRIPTIONS, ids="-".join)
def test_every_subscription_has_a_queue_for_what_cannot_be_delivered(key: Key) -> None:
    stack, _ = key
    (queue,) = properties(key)["RedrivePolicy"].values()
    assert resource((stack, queue["GetAtt"].removesuffix(".Arn")))["Type"] == "AWS::SQS::Queue"


@pytest.mark.parametrize("key", [key for key in SUBSCRIPTIONS if "DeliveryPolicy" in properties(key)], ids="-".join)
def test_all_retries_together_take_an_hour_at_most_and_no_less_than_half_of_it(key: Key) -> None:
    total = sum(delivery.parse(json.dumps(properties(key)["DeliveryPolicy"])).delays())
    assert 1_800 <= total <= 3_600  # seconds; SNS refuses more


@pytest.mark.parametrize("key", of_type("AWS::SQS::Queue"), ids="-".join)
def test_every_queue_keeps_messages_as_long_as_it_can_and_encrypted_and_outlives_its_stack(key: Key) -> None:
    assert properties(key)["MessageRetentionPeriod"] == FOURTEEN_DAYS
    assert properties(key)["SqsManagedSseEnabled"] is True
    assert is_retained(key)


# data


@pytest.mark.parametrize("key", of_type("AWS::DynamoDB::Table"), ids="-".join)
def test_every_table_is_encrypted_and_paid_by_request(key: Key) -> None:
    assert properties(key)["SSESpecification"] == {"SSEEnabled": True}
    assert properties(key)["BillingMode"] == "PAY_PER_REQUEST"


@pytest.mark.parametrize(
    "key",
    [key for key in of_type("AWS::DynamoDB::Table") if key != ("core", "Limits")],  # counters of the last minutes
    ids="-".join,
)
def test_every_table_can_be_recovered_to_any_second_and_outlives_its_stack(key: Key) -> None:
    assert properties(key)["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert is_retained(key)


@pytest.mark.parametrize("name", ["Inbox", "Limits", "Mails"])
def test_what_is_of_no_use_after_some_time_is_forgotten(name: str) -> None:
    assert properties(("core", name))["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


@pytest.mark.parametrize("key", of_type("AWS::S3::Bucket"), ids="-".join)
def test_every_bucket_is_private_and_encrypted_and_outlives_its_stack(key: Key) -> None:
    bucket = properties(key)
    assert bucket["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]["ServerSideEncryptionByDefault"]
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert is_retained(key)


@pytest.mark.parametrize("key", of_type("AWS::S3::Bucket"), ids="-".join)
def test_every_bucket_forgets_abandoned_uploads(key: Key) -> None:
    rules = properties(key)["LifecycleConfiguration"]["Rules"]
    assert any("AbortIncompleteMultipartUpload" in rule for rule in rules)


@pytest.mark.parametrize("key", of_type("AWS::S3::Bucket"), ids="-".join)
def test_nobody_reaches_a_bucket_without_tls(key: Key) -> None:
    _, name = key
    (policy,) = (one for one in of_type("AWS::S3::BucketPolicy") if properties(one)["Bucket"] == {"Ref": name})
    assert {
        "Sid": "EncryptedInTransit",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [{"GetAtt": f"{name}.Arn"}, {"Sub": f"${{{name}.Arn}}/*"}],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    } in statements(policy)


@pytest.mark.parametrize("key", of_type("AWS::Logs::LogGroup"), ids="-".join)
def test_every_log_ends(key: Key) -> None:
    assert properties(key)["RetentionInDays"]


def is_retained(key: Key) -> bool:
    """Whether neither the end of its stack nor a change of its name deletes it."""
    return (resource(key).get("DeletionPolicy"), resource(key).get("UpdateReplacePolicy")) == ("Retain", "Retain")


# who may do what


def allowed(key: Key) -> list[dict[str, Any]]:
    return [statement for statement in statements(key) if statement["Effect"] == "Allow"]


@pytest.mark.parametrize("key", policies(), ids="-".join)
def test_no_policy_allows_all_of_a_service(key: Key) -> None:
    for statement in allowed(key):
        assert "NotAction" not in statement
        assert not [action for action in listed(statement["Action"]) if "*" in action]


@pytest.mark.parametrize("key", policies(), ids="-".join)
def test_whoever_may_act_on_everything_may_do_so_on_a_condition_alone(key: Key) -> None:
    """Some actions know no resources, such as cloudwatch:PutMetricData."""
    for statement in allowed(key):
        assert "NotResource" not in statement
        if "*" in listed(statement.get("Resource", [])):
            assert statement.get("Condition")


@pytest.mark.parametrize("key", policies(), ids="-".join)
def test_nothing_is_allowed_to_everybody(key: Key) -> None:
    for statement in allowed(key):
        assert "NotPrincipal" not in statement
        assert "*" not in listed(statement.get("Principal", {}))
        assert "*" not in listed(statement.get("Principal", {}).get("AWS", []))


# servers


@pytest.mark.parametrize("key", of_type("AWS::EC2::LaunchTemplate"), ids="-".join)
def test_every_server_asks_for_a_token_before_it_tells_its_credentials_and_has_an_encrypted_disk(key: Key) -> None:
    server = properties(key)["LaunchTemplateData"]
    assert server["MetadataOptions"] == {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}
    assert [(disk["Ebs"]["Encrypted"], disk["Ebs"]["VolumeType"]) for disk in server["BlockDeviceMappings"]] == [
        (True, "gp3")
    ]
    assert "KeyName" not in server  # nobody signs in


@pytest.mark.parametrize("key", of_type("AWS::ElasticLoadBalancingV2::Listener"), ids="-".join)
def test_every_listener_speaks_modern_tls_or_says_where_that_is_spoken(key: Key) -> None:
    listener = properties(key)
    if listener["Protocol"] == "HTTPS":
        assert listener["SslPolicy"].startswith("ELBSecurityPolicy-TLS13-1-2-Res-")
    else:
        (action,) = listener["DefaultActions"]
        assert (action["Type"], action["RedirectConfig"]["Protocol"]) == ("redirect", "HTTPS")


@pytest.mark.parametrize("key", of_type("AWS::EC2::SecurityGroup"), ids="-".join)
def test_the_world_reaches_the_load_balancer_alone(key: Key) -> None:
    _, name = key
    from_world = {
        (rule["FromPort"], rule["ToPort"]) for rule in properties(key)["SecurityGroupIngress"] if "CidrIp" in rule
    }
    assert from_world == ({(443, 443), (80, 80)} if name == "LoadBalancerSecurityGroup" else set())
