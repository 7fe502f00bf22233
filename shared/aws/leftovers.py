"""Deletes what holds people's data, for good: what CloudFormation retains when a stack is deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from shared.aws.errors import code_of, translated
from shared.aws.stacks import Resource

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client
    from types_boto3_sqs import SQSClient

BUCKET, QUEUE, TABLE = "AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::DynamoDB::Table"
HOLDING_DATA: Final = frozenset({BUCKET, QUEUE, TABLE})
"""Types of resources that hold data."""
_GONE = frozenset(
    {"NoSuchBucket", "ResourceNotFoundException", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "404"}
)


class Leftovers:
    """Raises `GasError`."""

    def __init__(self, s3: S3Client, sqs: SQSClient, dynamodb: DynamoDBClient) -> None:
        self._s3, self._sqs, self._dynamodb = s3, sqs, dynamodb

    def delete(self, resource: Resource) -> bool:
        """With all that is in it. False when it is gone already."""
        with translated(resource.kind):
            try:
                if resource.kind == BUCKET:
                    self._delete_bucket(resource.physical_id)
                elif resource.kind == QUEUE:
                    self._sqs.delete_queue(QueueUrl=resource.physical_id)
                elif resource.kind == TABLE:
                    self._dynamodb.delete_table(TableName=resource.physical_id)
            except ClientError as error:
                if code_of(error) not in _GONE:
                    raise
                return False
        return True

    def _delete_bucket(self, bucket: str) -> None:
        for page in self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if found:
                objects = [{"Key": item.get("Key", ""), "VersionId": item.get("VersionId", "null")} for item in found]
                self._s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})  # type: ignore[typeddict-item]  # both kinds have these keys
        self._s3.delete_bucket(Bucket=bucket)
