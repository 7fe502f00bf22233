"""AWS::S3::Bucket and AWS::DynamoDB::Table: moto makes them; what it forgets is set here."""

from __future__ import annotations

from typing import Any

from moto.cloudformation.exceptions import ValidationError
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table
from moto.s3.models import FakeBucket, s3_backends
from moto.utilities.utils import get_partition

from deploy.local.cloudformation.resources import Properties, only, resource

_CORS_NAMES = {
    "AllowedOrigins": "AllowedOrigin",
    "AllowedMethods": "AllowedMethod",
    "AllowedHeaders": "AllowedHeader",
    "ExposedHeaders": "ExposeHeader",
}
"""CloudFormation's name → the API's."""


def _configure(made: FakeBucket, properties: Properties, account_id: str, region: str) -> None:
    """What moto forgets."""
    backend = s3_backends[account_id][get_partition(region)]
    if "CorsConfiguration" in properties:
        backend.put_bucket_cors(made.name, [_cors(rule) for rule in properties["CorsConfiguration"]["CorsRules"]])
    if "LifecycleConfiguration" in properties:
        rules = [_lifecycle(rule) for rule in properties["LifecycleConfiguration"]["Rules"]]
        backend.put_bucket_lifecycle_configuration(made.name, rules)
    if "NotificationConfiguration" in properties:
        backend.put_bucket_notification_configuration(
            made.name, _notifications(properties["NotificationConfiguration"])
        )
    if "OwnershipControls" in properties:
        made.ownership_rule = properties["OwnershipControls"]["Rules"][0]["ObjectOwnership"]
    if "PublicAccessBlockConfiguration" in properties:
        block = {key: str(value).lower() for key, value in properties["PublicAccessBlockConfiguration"].items()}
        backend.put_public_access_block(made.name, block)


@resource(
    "AWS::S3::Bucket",
    properties={
        "BucketName",
        "BucketEncryption",
        "CorsConfiguration",
        "LifecycleConfiguration",
        "NotificationConfiguration",
        "OwnershipControls",
        "PublicAccessBlockConfiguration",
    },
    name_property="BucketName",
    attributes={"Arn", "DomainName", "RegionalDomainName"},
    update=_configure,
)
def bucket(name: str, properties: Properties, account_id: str, region: str) -> FakeBucket:
    """A bucket with its CORS, lifecycle, notification, ownership and public access settings."""
    made = FakeBucket.create_from_cloudformation_json(name, {"Properties": properties}, account_id, region)
    _configure(made, properties, account_id, region)
    return made


def _update_table(made: Any, properties: Properties, account_id: str, region: str) -> None:
    """Its indexes and settings, not its key. The items stay; `made` is what the stack goes on with."""
    if properties["KeySchema"] != made.described["KeySchema"]:
        raise ValidationError(message=f"The key of table {made.name} cannot be changed.")
    tables = dynamodb_backends[account_id][region].tables
    before = tables.pop(made.name)
    try:
        after = table(made.name, properties, account_id, region)
    except BaseException:
        tables[made.name] = before
        raise
    made.become(after)
    tables[made.name] = made


@resource(
    "AWS::DynamoDB::Table",
    properties={
        "TableName",
        "BillingMode",
        "AttributeDefinitions",
        "KeySchema",
        "GlobalSecondaryIndexes",
        "SSESpecification",
        "TimeToLiveSpecification",
        "PointInTimeRecoverySpecification",
    },
    name_property="TableName",
    attributes={"Arn"},
    update=_update_table,
)
def table(name: str, properties: Properties, account_id: str, region: str) -> Table:
    """A table with its time to live, recovery and encryption settings."""
    encryption = properties.get("SSESpecification", {})
    if encryption.get("SSEEnabled"):
        properties["SSESpecification"] = {**encryption, "Enabled": True}  # the API's name, which moto expects
    made: Table = Table.create_from_cloudformation_json(name, {"Properties": properties}, account_id, region)
    backend = dynamodb_backends[account_id][region]
    if "TimeToLiveSpecification" in properties:
        backend.update_time_to_live(made.name, properties["TimeToLiveSpecification"])
    if "PointInTimeRecoverySpecification" in properties:
        backend.update_continuous_backups(made.name, properties["PointInTimeRecoverySpecification"])
    return made


def _cors(rule: Properties) -> Properties:
    only(rule, {*_CORS_NAMES, "MaxAge"}, "a CORS rule")
    converted = {api: rule[name] for name, api in _CORS_NAMES.items() if name in rule}
    return {**converted, "MaxAgeSeconds": str(rule["MaxAge"])} if "MaxAge" in rule else converted


def _lifecycle(rule: Properties) -> Properties:
    only(rule, {"Id", "Status", "AbortIncompleteMultipartUpload"}, "a lifecycle rule")
    return {
        "ID": rule["Id"],
        "Status": rule["Status"],
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": rule["AbortIncompleteMultipartUpload"],
    }


def _notifications(configuration: Properties) -> Properties:
    only(configuration, {"TopicConfigurations"}, "a notification configuration")
    for target in configuration["TopicConfigurations"]:
        only(target, {"Event", "Topic"}, "a topic configuration")
    return {
        "TopicConfiguration": [
            {"Topic": target["Topic"], "Event": [target["Event"]]} for target in configuration["TopicConfigurations"]
        ]
    }
