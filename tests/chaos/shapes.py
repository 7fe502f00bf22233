"""Which AWS service a call is for, and how that service says that something is wrong.

Sources: botocore's service models (protocols and names of errors), "Error responses" of the Amazon S3 API Reference,
"Common errors" of each other service's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from tests.chaos.faults import CERTIFICATE, Fault

_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/[^/]+/([a-z0-9]+)/aws4_request")
_CERTIFICATE_PATH = "/SimpleNotificationService-"
_OWN = ("/mailbox", "/stripe", "/healthz")
"""Pages of the local cloud that AWS does not have."""


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def service_of(path: str, authorization: str) -> str:
    """The service's name in signatures, such as ``dynamodb`` or ``ses``; `CERTIFICATE`; empty for anything else."""
    if path.startswith(_CERTIFICATE_PATH):
        return CERTIFICATE
    if found := _SCOPE.search(authorization) or _SCOPE.search(unquote(path).replace("X-Amz-Credential", "Credential")):
        return found.group(1)
    return "" if path.startswith(_OWN) or path == "/" else "s3"  # a form that a browser posts


def reply_of(service: str, fault: Fault) -> Reply:
    """The service's own words for `Fault.ERROR` and `Fault.THROTTLED`."""
    throttled = fault is Fault.THROTTLED
    match service:
        case "dynamodb":
            code = "ProvisionedThroughputExceededException" if throttled else "InternalServerError"
            return _json(400 if throttled else 500, f"com.amazonaws.dynamodb.v20120810#{code}")
        case "states":
            return _json(400, "ThrottlingException") if throttled else _json(503, "ServiceUnavailable")
        case "sqs":
            name = "com.amazonaws.sqs#RequestThrottled" if throttled else "com.amazonaws.sqs#InternalError"
            return _json(403 if throttled else 500, name)
        case "ses":
            name = "TooManyRequestsException" if throttled else "InternalServiceErrorException"
            return _json(429 if throttled else 500, name)
        case "sns":
            code, kind = ("Throttling", "Sender") if throttled else ("InternalFailure", "Receiver")
            xml = f"<ErrorResponse><Error><Type>{kind}</Type><Code>{code}</Code><Message>chaos</Message></Error></ErrorResponse>"
            return Reply(400 if throttled else 500, xml.encode(), {"Content-Type": "text/xml"})
        case "s3":
            code = "SlowDown" if throttled else "InternalError"
            xml = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>chaos</Message></Error>'
            return Reply(503 if throttled else 500, xml.encode(), {"Content-Type": "application/xml"})
        case _:
            return Reply(503, b"chaos\n", {"Content-Type": "text/plain"})


def _json(status: int, name: str) -> Reply:
    body = json.dumps({"__type": name, "message": "chaos", "Message": "chaos"}).encode()
    return Reply(
        status, body, {"Content-Type": "application/x-amz-json-1.0", "x-amzn-ErrorType": name.rpartition("#")[2]}
    )
