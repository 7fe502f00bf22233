"""Where every client of AWS is made."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Literal, overload

import boto3
from botocore.config import Config

from shared.core.settings import AwsSettings

if TYPE_CHECKING:
    from types_boto3_autoscaling import AutoScalingClient
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sesv2 import SESV2Client
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient
    from types_boto3_ssm import SSMClient
    from types_boto3_stepfunctions import SFNClient
    from types_boto3_sts import STSClient

Service = Literal[
    "autoscaling",
    "cloudformation",
    "cloudwatch",
    "dynamodb",
    "s3",
    "secretsmanager",
    "sesv2",
    "sns",
    "sqs",
    "ssm",
    "stepfunctions",
    "sts",
]

_POOL = 64  # connections kept for each service: request threads and workers call at once, and none should wait
_PATIENCE: dict[Service, dict[str, Any]] = {
    "autoscaling": {"connect_timeout": 3, "read_timeout": 10, "retries": {"mode": "standard", "total_max_attempts": 3}},
    # A server's start and a deployment can wait.
    "cloudformation": {
        "connect_timeout": 3,
        "read_timeout": 20,
        "retries": {"mode": "standard", "total_max_attempts": 6},
    },
    "secretsmanager": {
        "connect_timeout": 3,
        "read_timeout": 10,
        "retries": {"mode": "standard", "total_max_attempts": 6},
    },
    "ssm": {"connect_timeout": 3, "read_timeout": 10, "retries": {"mode": "standard", "total_max_attempts": 6}},
    "sts": {"connect_timeout": 3, "read_timeout": 10, "retries": {"mode": "standard", "total_max_attempts": 6}},
    "cloudwatch": {"connect_timeout": 3, "read_timeout": 10, "retries": {"mode": "standard", "total_max_attempts": 3}},
    # A push is answered within SNS's 15 s also when DynamoDB does not answer: three tries, at most about 10 s.
    "dynamodb": {"connect_timeout": 1, "read_timeout": 2.5, "retries": {"mode": "standard", "total_max_attempts": 3}},
    # Never tried again by the SDK: an e-mail whose answer was lost would go out twice (docs/decisions/0002).
    "sesv2": {"connect_timeout": 3, "read_timeout": 20, "retries": {"mode": "standard", "total_max_attempts": 1}},
    "s3": {"connect_timeout": 3, "read_timeout": 30, "retries": {"mode": "standard", "total_max_attempts": 4}},
    "sns": {"connect_timeout": 3, "read_timeout": 10, "retries": {"mode": "standard", "total_max_attempts": 3}},
    "sqs": {"connect_timeout": 3, "read_timeout": 10, "retries": {"mode": "standard", "total_max_attempts": 3}},
    "stepfunctions": {
        "connect_timeout": 3,
        "read_timeout": 10,
        "retries": {"mode": "standard", "total_max_attempts": 3},
    },
}

_NO_ANSWER = 502
"""The status of an answer that was cut short."""


@overload
def client(settings: AwsSettings, service: Literal["autoscaling"]) -> AutoScalingClient: ...
@overload
def client(settings: AwsSettings, service: Literal["cloudformation"]) -> CloudFormationClient: ...
@overload
def client(settings: AwsSettings, service: Literal["cloudwatch"]) -> CloudWatchClient: ...
@overload
def client(settings: AwsSettings, service: Literal["dynamodb"], *, probe: bool = False) -> DynamoDBClient: ...
@overload
def client(
    settings: AwsSettings, service: Literal["s3"], *, tries: int | None = None, probe: bool = False
) -> S3Client: ...
@overload
def client(settings: AwsSettings, service: Literal["secretsmanager"]) -> SecretsManagerClient: ...
@overload
def client(settings: AwsSettings, service: Literal["sesv2"]) -> SESV2Client: ...
@overload
def client(settings: AwsSettings, service: Literal["sns"]) -> SNSClient: ...
@overload
def client(settings: AwsSettings, service: Literal["sqs"]) -> SQSClient: ...
@overload
def client(settings: AwsSettings, service: Literal["ssm"]) -> SSMClient: ...
@overload
def client(settings: AwsSettings, service: Literal["stepfunctions"]) -> SFNClient: ...
@overload
def client(settings: AwsSettings, service: Literal["sts"]) -> STSClient: ...
def client(settings: AwsSettings, service: Service, *, tries: int | None = None, probe: bool = False) -> Any:
    """A client that threads may share. Opens no connection; credentials are found by boto3 when they are needed.

    ``tries``: how often a call is made at most, where that is other than usual. ``probe``: it only finds out whether the
    service answers, so each call is made once and ends within 3 s.
    """
    config = Config(max_pool_connections=_POOL, tcp_keepalive=True, **_PATIENCE[service])
    if probe:
        config = config.merge(Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 1}))
    elif tries is not None:
        config = config.merge(Config(retries={"mode": "standard", "total_max_attempts": tries}))
    if service == "s3":
        # Bucket names cannot become host names of an address such as http://127.0.0.1:8003.
        style: Literal["path", "virtual"] = "path" if settings.endpoint_url else "virtual"
        config = config.merge(Config(signature_version="s3v4", s3={"addressing_style": style}))
    made = _session().client(service, region_name=settings.region, endpoint_url=settings.endpoint_url, config=config)
    made.meta.events.register("before-parse", _refuse_what_is_cut_short)
    made.meta.events.register_first(f"needs-retry.{made.meta.service_model.service_id.hyphenize()}", _heed_refusal)
    return made


def _refuse_what_is_cut_short(operation_model: Any, response_dict: dict[str, Any], **_: object) -> None:
    """botocore does not compare an answer's length with its Content-Length, and takes JSON that it cannot read for an
    empty answer: of a connection that broke too early it would make an item that is not there."""
    body, length = response_dict["body"], response_dict["headers"].get("Content-Length", "")
    is_whole = operation_model.http["method"] == "HEAD" or not isinstance(body, bytes) or not length.isdecimal()
    if not is_whole and len(body) < int(length):
        response_dict.update(status_code=_NO_ANSWER, body=b"")


def _heed_refusal(response: tuple[Any, dict[str, Any]] | None, **_: object) -> None:
    """What was refused is an error, and tried again as one: botocore goes by the status of the answer itself."""
    if response is not None and response[1].get("ResponseMetadata", {}).get("HTTPStatusCode") == _NO_ANSWER:
        response[0].status_code = _NO_ANSWER


@functools.cache
def _session() -> boto3.session.Session:
    """One for the process: it holds the service descriptions, which are slow to read."""
    return boto3.session.Session()
