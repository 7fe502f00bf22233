"""Requests that boto3 makes, as the local cloud counts them: by caller, with IAM's names for actions and resources."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from deploy.local.calls import Calls, Recorded
from deploy.local.pages import create_app
from deploy.local.ses.mailbox import Mailbox
from deploy.local.snapshots import Persistence
from deploy.local.sns.signing import Signer

URL = "http://127.0.0.1:8003"
TOPIC = "arn:aws:sns:us-east-1:123456789012:gas-daily"
QUEUE = f"{URL}/123456789012/gas-daily-dead-letters"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:gas-archive-waits"
HERE = "us-east-1:123456789012"


class Cloud:
    """Answers every request with ``status``, and with as much of the body as it found."""

    def __init__(self, status: str = "200 OK") -> None:
        self.calls = Calls()
        self.status = status
        self.bodies: list[bytes] = []
        self._app = Recorded(self._answer, self.calls)

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.bodies.append(environ["wsgi.input"].read())
        start_response(self.status, [])
        return []

    def hear(self, method: str, url: str, headers: dict[str, str], body: bytes = b"") -> None:
        parts = urlsplit(url)
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "CONTENT_TYPE": headers.pop("Content-Type", ""),
            "wsgi.input": BytesIO(body),
            **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
        }
        start_response: Any = lambda *_: None  # noqa: E731 - its whole signature is of no interest
        self._app(environ, start_response)

    def client(self, service: str, key: str = "frontend") -> Any:
        """A boto3 client whose requests come here, and no further."""
        made = boto3.client(
            service,  # type: ignore[call-overload]  # any service
            region_name="us-east-1",
            endpoint_url=URL,
            aws_access_key_id=key,
            aws_secret_access_key="local",
            config=Config(s3={"addressing_style": "path"}, signature_version="s3v4" if service == "s3" else None),
        )
        made.meta.events.register("before-send", self._send)
        return made

    def _send(self, request: Any, **_: Any) -> AWSResponse:
        headers = {
            name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
        }
        body = request.body or b""
        self.hear(request.method, request.url, headers, body.encode() if isinstance(body, str) else body)
        raise Heard

    @property
    def heard(self) -> set[tuple[str, str, str]]:
        return {(item["caller"], item["action"], item["resource"]) for item in self.calls.all()}


class Heard(BaseException):
    """No answer is of interest."""


def call(cloud: Cloud, service: str, operation: str, given: dict[str, Any]) -> set[tuple[str, str]]:
    with pytest.raises(Heard):
        getattr(cloud.client(service), operation)(**given)
    return {(action, resource) for _, action, resource in cloud.heard}


KEY = {"Bucket": "files", "Key": "alice/1/input.vcf"}
ITEM = {"TableName": "jobs", "Key": {"job_id": {"S": "1"}}}
PUT = {"TableName": "users", "Item": {"user_id": {"S": "1"}}}
COPY = {**KEY, "CopySource": {"Bucket": "others", "Key": "k"}}
PART = {**KEY, "UploadId": "u"}
MAIL = {"FromEmailAddress": "GAS <gas@example.org>", "ConfigurationSetName": "gas-mail", "Content": {}}


@pytest.mark.parametrize(
    ("service", "operation", "given", "expected"),
    [
        ("dynamodb", "get_item", ITEM, {("dynamodb:GetItem", f"arn:aws:dynamodb:{HERE}:table/jobs")}),
        (
            "dynamodb",
            "query",
            {"TableName": "jobs", "IndexName": "by-owner"},
            {("dynamodb:Query", f"arn:aws:dynamodb:{HERE}:table/jobs/index/by-owner")},
        ),
        (
            "dynamodb",
            "transact_write_items",
            {"TransactItems": [{"Put": PUT}, {"ConditionCheck": {**ITEM, "ConditionExpression": "a"}}]},
            {
                ("dynamodb:PutItem", f"arn:aws:dynamodb:{HERE}:table/users"),
                ("dynamodb:ConditionCheckItem", f"arn:aws:dynamodb:{HERE}:table/jobs"),
            },
        ),
        (
            "dynamodb",
            "batch_get_item",
            {"RequestItems": {"jobs": {"Keys": [ITEM["Key"]]}}},
            {("dynamodb:BatchGetItem", f"arn:aws:dynamodb:{HERE}:table/jobs")},
        ),
        (
            "dynamodb",
            "batch_write_item",
            {"RequestItems": {"users": [{"PutRequest": {"Item": PUT["Item"]}}]}},
            {("dynamodb:BatchWriteItem", f"arn:aws:dynamodb:{HERE}:table/users")},
        ),
        ("sns", "publish", {"TopicArn": TOPIC, "Message": "m"}, {("sns:Publish", TOPIC)}),
        (
            "sns",
            "publish_batch",
            {"TopicArn": TOPIC, "PublishBatchRequestEntries": [{"Id": "1", "Message": "m"}]},
            {("sns:Publish", TOPIC)},
        ),
        (
            "sns",
            "get_subscription_attributes",
            {"SubscriptionArn": f"{TOPIC}:1"},
            {("sns:GetSubscriptionAttributes", "*")},
        ),
        (
            "sqs",
            "delete_message_batch",
            {"QueueUrl": QUEUE, "Entries": []},
            {("sqs:DeleteMessage", f"arn:aws:sqs:{HERE}:gas-daily-dead-letters")},
        ),
        (
            "sesv2",
            "send_email",
            MAIL,
            {
                ("ses:SendEmail", f"arn:aws:ses:{HERE}:identity/example.org"),
                ("ses:SendEmail", f"arn:aws:ses:{HERE}:configuration-set/gas-mail"),
            },
        ),
        ("stepfunctions", "start_execution", {"stateMachineArn": MACHINE}, {("states:StartExecution", MACHINE)}),
        (
            "cloudwatch",
            "put_metric_data",
            {"Namespace": "GAS/gas", "MetricData": [{"MetricName": "Slots", "Value": 1}]},
            {("cloudwatch:PutMetricData", "*")},
        ),
        (
            "secretsmanager",
            "get_secret_value",
            {"SecretId": "gas/servers"},
            {("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{HERE}:secret:gas/servers-??????")},
        ),
        (
            "ssm",
            "get_parameter",
            {"Name": "/gas/gas/settings"},
            {("ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/gas/gas/settings")},
        ),
        ("s3", "put_object", KEY, {("s3:PutObject", "arn:aws:s3:::files/*")}),
        ("s3", "head_object", KEY, {("s3:GetObject", "arn:aws:s3:::files/*")}),
        ("s3", "list_objects_v2", {"Bucket": "files"}, {("s3:ListBucket", "arn:aws:s3:::files")}),
        (
            "s3",
            "list_multipart_uploads",
            {"Bucket": "files"},
            {("s3:ListBucketMultipartUploads", "arn:aws:s3:::files")},
        ),
        ("s3", "list_parts", PART, {("s3:ListMultipartUploadParts", "arn:aws:s3:::files/*")}),
        ("s3", "create_multipart_upload", KEY, {("s3:PutObject", "arn:aws:s3:::files/*")}),
        ("s3", "complete_multipart_upload", PART, {("s3:PutObject", "arn:aws:s3:::files/*")}),
        ("s3", "abort_multipart_upload", PART, {("s3:AbortMultipartUpload", "arn:aws:s3:::files/*")}),
        ("s3", "restore_object", {**KEY, "RestoreRequest": {}}, {("s3:RestoreObject", "arn:aws:s3:::files/*")}),
        (
            "s3",
            "delete_objects",
            {"Bucket": "files", "Delete": {"Objects": [{"Key": "k"}]}},
            {("s3:DeleteObject", "arn:aws:s3:::files/*")},
        ),
        (
            "s3",
            "copy_object",
            COPY,
            {("s3:PutObject", "arn:aws:s3:::files/*"), ("s3:GetObject", "arn:aws:s3:::others/*")},
        ),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_call_is_named_as_in_a_policy(
    service: str, operation: str, given: dict[str, Any], expected: set[tuple[str, str]]
) -> None:
    cloud = Cloud()
    assert call(cloud, service, operation, given) == expected
    assert len(cloud.bodies) == 1


def test_whoever_is_told_that_an_object_is_missing_may_list_the_bucket() -> None:
    """Others S3 answers 403."""
    cloud = Cloud("404 Not Found")
    assert call(cloud, "s3", "head_object", KEY) == {
        ("s3:GetObject", "arn:aws:s3:::files/*"),
        ("s3:ListBucket", "arn:aws:s3:::files"),
    }


def test_what_is_counted_reaches_the_application_whole() -> None:
    cloud = Cloud()
    call(cloud, "dynamodb", "get_item", ITEM)
    assert b'"job_id"' in cloud.bodies[0]


def test_a_presigned_address_is_used_in_the_name_of_whoever_made_it() -> None:
    cloud = Cloud()
    cloud.hear("PUT", cloud.client("s3").generate_presigned_url("upload_part", {**PART, "PartNumber": 1}), {})
    assert cloud.heard == {("frontend", "s3:PutObject", "arn:aws:s3:::files/*")}


def test_a_presigned_form_is_used_in_the_name_of_whoever_made_it() -> None:
    cloud = Cloud()
    form = cloud.client("s3").generate_presigned_post(**KEY)
    fields = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in form["fields"].items()
    )
    body = f'{fields}--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n##fileformat\r\n--x--'.encode()
    cloud.hear("POST", form["url"], {"Content-Type": "multipart/form-data; boundary=x"}, body)
    assert cloud.heard == {("frontend", "s3:PutObject", "arn:aws:s3:::files/*")}
    assert cloud.bodies == [body]


def test_a_browser_that_asks_whether_it_may_does_not_count() -> None:
    cloud = Cloud()
    cloud.hear("OPTIONS", cloud.client("s3").generate_presigned_url("get_object", KEY), {})
    cloud.hear("GET", f"{URL}/files/k", {})
    assert cloud.heard == set()


def test_what_is_malformed_is_answered_all_the_same() -> None:
    cloud = Cloud()
    signed = {"Authorization": f"Credential=frontend/20261128/{HERE.partition(':')[0]}/dynamodb/aws4_request"}
    for body in (b"{", b'{"TableName": 1}', b'{"TransactItems": [{"Put": {}}]}', b""):
        cloud.hear("POST", URL, {**signed, "X-Amz-Target": "DynamoDB_20120810.PutItem"}, body)
    assert len(cloud.bodies) == 4
    assert cloud.heard == set()


def test_everybody_sees_who_called_what_how_often() -> None:
    cloud = Cloud()
    for key in ("frontend", "frontend", "util_hook"):
        with pytest.raises(Heard):
            cloud.client("sns", key).publish(TopicArn=TOPIC, Message="m")
    shown = create_app(Mailbox(), Signer(), Persistence(), cloud.calls).test_client().get("/calls.json").json
    assert shown == [
        {"caller": "frontend", "action": "sns:Publish", "resource": TOPIC, "count": 2},
        {"caller": "util_hook", "action": "sns:Publish", "resource": TOPIC, "count": 1},
    ]
