"""Where every client of AWS is made."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Literal, overload

import boto3
from botocore.config import Config

from shared.core.settings import Settings

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client
    from types_boto3_sesv2 import SESV2Client
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient
    from types_boto3_stepfunctions import SFNClient

Service = Literal["dynamodb", "s3", "sesv2", "sns", "sqs", "stepfunctions"]

_POOL = 64  # connections kept for each service: request threads and workers call at once, and none should wait
_PATIENCE: dict[Service, dict[str, Any]] = {
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


@overload
def client(settings: Settings, service: Literal["dynamodb"]) -> DynamoDBClient: ...
@overload
def client(settings: Settings, service: Literal["s3"], *, tries: int | None = None) -> S3Client: ...
@overload
def client(settings: Settings, service: Literal["sesv2"]) -> SESV2Client: ...
@overload
def client(settings: Settings, service: Literal["sns"]) -> SNSClient: ...
@overload
def client(settings: Settings, service: Literal["sqs"]) -> SQSClient: ...
@overload
def client(settings: Settings, service: Literal["stepfunctions"]) -> SFNClient: ...
def client(settings: Settings, service: Service, *, tries: int | None = None) -> Any:
    """A client that threads may share. Opens no connection; credentials are found by boto3 when they are needed.

    ``tries``: how often a call is made at most, where that is other than usual.
    """
    config = Config(max_pool_connections=_POOL, tcp_keepalive=True, **_PATIENCE[service])
    if tries is not None:
        config = config.merge(Config(retries={"mode": "standard", "total_max_attempts": tries}))
    if service == "s3":
        # Bucket names cannot become host names of an address such as http://127.0.0.1:8003.
        style: Literal["path", "virtual"] = "path" if settings.endpoint_url else "virtual"
        config = config.merge(Config(signature_version="s3v4", s3={"addressing_style": style}))
    return _session().client(service, region_name=settings.region, endpoint_url=settings.endpoint_url, config=config)


@functools.cache
def _session() -> boto3.session.Session:
    """One for the process: it holds the service descriptions, which are slow to read."""
    return boto3.session.Session()
