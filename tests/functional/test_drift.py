"""What the local cloud runs is what deploy/stack/core.yaml says: asked of each service, property by property."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from deploy.local import stack
from tests.functional.local_cloud import LocalCloud, running_cloud
from tests.unit.deploy.templates import STACKS

PARAMETERS = {
    "AnnotatorUrl": "http://127.0.0.1:9",
    "UtilUrl": "http://127.0.0.1:9",
    "FrontendUrl": "http://127.0.0.1:8000",
    "HookProtocol": "http",
}
TEMPLATE: dict[str, dict[str, Any]] = STACKS["core"]["Resources"]
PSEUDO = {
    "AWS::StackName": stack.STACK_NAME,
    "AWS::Region": stack.REGION,
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
}
Answer = dict[str, Any]


class Cloud:
    """A local cloud with the stack in it."""

    def __init__(self, cloud: LocalCloud) -> None:
        stack.create(cloud.url, PARAMETERS)
        self.aws = cloud.aws
        listed = cloud.aws("cloudformation").describe_stack_resources(StackName=stack.STACK_NAME)["StackResources"]
        self.ids = {item["LogicalResourceId"]: item["PhysicalResourceId"] for item in listed}
        self.types = {item["LogicalResourceId"]: item["ResourceType"] for item in listed}

    def resolved(self, value: Any) -> Any:
        """A value of the template, with every reference replaced by what it refers to."""
        if isinstance(value, list):
            return [self.resolved(item) for item in value]
        if not isinstance(value, dict):
            return value
        if value.keys() == {"Ref"}:
            return self._ref(value["Ref"])
        if value.keys() == {"GetAtt"}:
            return self._arn(value["GetAtt"].removesuffix(".Arn"))
        if value.keys() == {"Sub"}:
            return re.sub(r"\$\{([\w:.]+)\}", lambda found: self._in_text(found[1]), value["Sub"])
        return {name: self.resolved(item) for name, item in value.items()}

    def _in_text(self, name: str) -> str:
        return self._arn(name.removesuffix(".Arn")) if name.endswith(".Arn") else self._ref(name)

    def _ref(self, name: str) -> str:
        return str({**PSEUDO, **PARAMETERS, **self.ids}[name])

    def _arn(self, name: str) -> str:
        physical, account = self.ids[name].rpartition("/")[2], f"{stack.REGION}:123456789012"
        return {
            "AWS::S3::Bucket": f"arn:aws:s3:::{physical}",
            "AWS::SQS::Queue": f"arn:aws:sqs:{account}:{physical}",
            "AWS::IAM::Role": f"arn:aws:iam::123456789012:role/{physical}",
            "AWS::Lambda::Function": f"arn:aws:lambda:{account}:function:{physical}",
            "AWS::Logs::LogGroup": f"arn:aws:logs:{account}:log-group:{physical}:*",
        }[self.types[name]]

    # What a service says, as the template would.

    def topic(self, arn: str) -> Answer:
        attributes = self.aws("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
        return {"TopicName": arn.rpartition(":")[2], "SignatureVersion": attributes["SignatureVersion"]}

    def subscription(self, arn: str) -> Answer:
        attributes = self.aws("sns").get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        policies = {
            name: json.loads(attributes[name]) for name in ("DeliveryPolicy", "RedrivePolicy") if name in attributes
        }
        return {name: attributes[name] for name in ("TopicArn", "Protocol", "Endpoint")} | policies

    def queue(self, url: str) -> Answer:
        attributes = self.aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        numbers = {name: int(attributes[name]) for name in ("MessageRetentionPeriod", "MaximumMessageSize")}
        return {"QueueName": url.rpartition("/")[2], **numbers}

    def table(self, name: str) -> Answer:
        dynamodb = self.aws("dynamodb")
        told = dynamodb.describe_table(TableName=name)["Table"]
        answer: Answer = {
            "BillingMode": told["BillingModeSummary"]["BillingMode"],
            "AttributeDefinitions": told["AttributeDefinitions"],
            "KeySchema": told["KeySchema"],
            "SSESpecification": {"SSEEnabled": told["SSEDescription"]["Status"] == "ENABLED"},
        }
        if told.get("GlobalSecondaryIndexes"):
            answer["GlobalSecondaryIndexes"] = [
                {key: index[key] for key in ("IndexName", "KeySchema", "Projection")}
                for index in told["GlobalSecondaryIndexes"]
            ]
        life = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        if life["TimeToLiveStatus"] == "ENABLED":
            answer["TimeToLiveSpecification"] = {"AttributeName": life["AttributeName"], "Enabled": True}
        backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        if backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED":
            answer["PointInTimeRecoverySpecification"] = {"PointInTimeRecoveryEnabled": True}
        return answer

    def bucket(self, name: str) -> Answer:
        s3 = self.aws("s3")
        cors = s3.get_bucket_cors(Bucket=name)["CORSRules"]
        rules = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
        topics = s3.get_bucket_notification_configuration(Bucket=name)["TopicConfigurations"]
        encryption = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
        return {
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [
                    {"ServerSideEncryptionByDefault": rule["ApplyServerSideEncryptionByDefault"]} for rule in encryption
                ]
            },
            "PublicAccessBlockConfiguration": s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"],
            "OwnershipControls": {"Rules": s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]},
            "LifecycleConfiguration": {
                "Rules": [
                    {
                        "Id": rule["ID"],
                        "Status": rule["Status"],
                        "AbortIncompleteMultipartUpload": rule["AbortIncompleteMultipartUpload"],
                    }
                    for rule in rules
                ]
            },
            "NotificationConfiguration": {
                "TopicConfigurations": [{"Event": one["Events"][0], "Topic": one["TopicArn"]} for one in topics]
            },
            "CorsConfiguration": {
                "CorsRules": [
                    {
                        "AllowedOrigins": rule["AllowedOrigins"],
                        "AllowedMethods": rule["AllowedMethods"],
                        "AllowedHeaders": rule["AllowedHeaders"],
                        "ExposedHeaders": rule["ExposeHeaders"],
                        "MaxAge": rule["MaxAgeSeconds"],
                    }
                    for rule in cors
                ]
            },
        }

    def state_machine(self, arn: str) -> Answer:
        told = self.aws("stepfunctions").describe_state_machine(stateMachineArn=arn)
        return {
            "StateMachineName": told["name"],
            "StateMachineType": told["type"],
            "RoleArn": told["roleArn"],
            "Definition": json.loads(told["definition"]),
        }

    def role(self, name: str) -> Answer:
        iam = self.aws("iam")
        return {
            "AssumeRolePolicyDocument": iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"],
            "Policies": [
                {
                    "PolicyName": policy,
                    "PolicyDocument": iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"],
                }
                for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
            ],
        }


ASK: dict[str, Callable[[Cloud, str], Answer]] = {
    "AWS::SNS::Topic": Cloud.topic,
    "AWS::SNS::Subscription": Cloud.subscription,
    "AWS::SQS::Queue": Cloud.queue,
    "AWS::DynamoDB::Table": Cloud.table,
    "AWS::S3::Bucket": Cloud.bucket,
    "AWS::StepFunctions::StateMachine": Cloud.state_machine,
    "AWS::IAM::Role": Cloud.role,
}
"""What no service tells of the others is tested by what they do, in test_local_stack.py and test_local_archive.py."""
UNTOLD = {"SqsManagedSseEnabled"}
"""By moto."""


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with running_cloud() as running:
        yield Cloud(running)


def test_the_local_cloud_has_each_resource_and_no_other(cloud: Cloud) -> None:
    assert cloud.types == {name: resource["Type"] for name, resource in TEMPLATE.items()}


@pytest.mark.parametrize("name", [name for name, resource in TEMPLATE.items() if resource["Type"] in ASK])
def test_a_resource_is_as_the_template_says(cloud: Cloud, name: str) -> None:
    told = ASK[TEMPLATE[name]["Type"]](cloud, cloud.ids[name])
    described = {key: value for key, value in TEMPLATE[name]["Properties"].items() if key not in UNTOLD}
    assert told == cloud.resolved(described)


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, resource in TEMPLATE.items()
        if resource["Type"] in {"AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"}
    ],
)
def test_a_policy_is_where_the_template_puts_it(cloud: Cloud, name: str) -> None:
    described = cloud.resolved(TEMPLATE[name]["Properties"])
    for arn in described.get("Topics", []):
        policy = cloud.aws("sns").get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"]
        assert json.loads(policy) == described["PolicyDocument"]
    for url in described.get("Queues", []):
        told = cloud.aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
        assert json.loads(told["Policy"]) == described["PolicyDocument"]
