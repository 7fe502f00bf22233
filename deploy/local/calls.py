"""Who called what of AWS: actions and resources as IAM names them, so that the roles can be compared with it.

Callers are told apart by their access key ids; a browser that uses a presigned address or form calls in the name of the
server that made it, on AWS as well as here.

Sources: "Required permissions for Amazon S3 API operations", Amazon S3 User Guide; "Using IAM with DynamoDB
transactions", Amazon DynamoDB Developer Guide; "Actions, resources, and condition keys for AWS services", Service
Authorization Reference.
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from email.utils import parseaddr
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qs, parse_qsl, unquote

from moto.core.models import DEFAULT_ACCOUNT_ID

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_CREDENTIAL = re.compile(r"(?P<key>[^/=\s]+)/\d{8}/(?P<region>[\w-]+)/(?P<service>[\w-]+)/aws4_request")
_FORM_BEGINNING = 1 << 16
"""Bytes of a posted form: its fields come before the file."""
_ANY: Final = "*"
"""The resource of an action that knows none."""


class Call(NamedTuple):
    """One thing that somebody has to be allowed to do."""

    action: str
    """Such as ``sns:Publish``."""
    resource: str
    """An ARN; an object's ends with ``/*`` instead of its key."""


class Calls:
    """Counts calls, by caller. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, Call]] = Counter()

    def add(self, caller: str, calls: Iterable[Call]) -> None:
        """They were made once more."""
        with self._lock:
            self._counts.update((caller, call) for call in calls)

    def all(self) -> list[dict[str, Any]]:
        """Caller, action, resource and count of each, in order."""
        with self._lock:
            counted = sorted(self._counts.items())
        return [{"caller": caller, **call._asdict(), "count": count} for (caller, call), count in counted]


class Recorded:
    """An AWS application whose calls are counted."""

    def __init__(self, app: WSGIApplication, calls: Calls) -> None:
        self._app = app
        self._calls = calls

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = _Request(environ)
        statuses: list[str] = []

        def started(status: str, *more: Any) -> Any:
            statuses.append(status)
            return start_response(status, *more)

        try:
            return list(self._app(environ, started))
        finally:  # what this cloud does not know is a call all the same
            if request.method != "OPTIONS" and (credential := request.credential) is not None:
                is_missing = any(status.startswith("404") for status in statuses)
                asked = _asked(request, credential["service"], credential["region"], is_missing=is_missing)
                with contextlib.suppress(LookupError, AttributeError, TypeError):  # malformed, and answered so
                    self._calls.add(credential["key"], list(asked))


class _Request:
    """What is looked at before the application runs."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self.method: str = environ["REQUEST_METHOD"]
        self.path: str = environ["PATH_INFO"]
        self.query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        self.copy_source = unquote(environ.get("HTTP_X_AMZ_COPY_SOURCE", ""))
        self.target: str = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        self.body: bytes = b""
        stream = environ["wsgi.input"]
        if self.method == "POST" and isinstance(stream, BytesIO):
            is_form = environ.get("CONTENT_TYPE", "").startswith("multipart/form-data")
            self.body = stream.read(_FORM_BEGINNING if is_form else -1)
            stream.seek(0)
            form = self.body if is_form else b""
        else:
            form = b""
        signed = f"{environ.get('HTTP_AUTHORIZATION', '')} {self.query.get('X-Amz-Credential', '')}"
        self.credential = _CREDENTIAL.search(signed) or _CREDENTIAL.search(form.decode(errors="replace"))

    @property
    def action(self) -> str:
        """Its API's name for it; empty for APIs that go by method and path."""
        return self.target or self.parameters.get("Action", "")

    @functools.cached_property
    def parameters(self) -> dict[str, Any]:
        """What a JSON body or a form says."""
        if self.body[:1] == b"{":
            try:
                found: dict[str, Any] = json.loads(self.body)
            except ValueError:
                return {}
            return found
        return {name: values[0] for name, values in parse_qs(self.body.decode(errors="replace")).items()}


def _asked(request: _Request, service: str, region: str, *, is_missing: bool) -> Iterator[Call]:
    """What the caller needs to be allowed to do for this request."""
    if service == "s3":
        yield from _asked_of_s3(request, is_missing=is_missing)
        return
    name, here = _PREFIXES.get(service, service), f"{region}:{DEFAULT_ACCOUNT_ID}"
    if (resources := _RESOURCES.get(name)) is None:
        return
    for action, resource in resources(request.action, request.parameters):
        yield Call(f"{name}:{action}", _ANY if resource == _ANY else f"arn:aws:{name}:{here}:{resource}")


def _asked_of_s3(request: _Request, *, is_missing: bool) -> Iterator[Call]:
    bucket, _, key = request.path.lstrip("/").partition("/")
    whole, objects = f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"
    if not key and not (request.method == "POST" and bucket):
        action = next((name for word, name in _OF_BUCKETS.items() if word in request.query), "s3:ListBucket")
        if bucket and request.method in {"GET", "HEAD"}:
            yield Call(action, whole)
        return
    yield Call(_object_action(request), objects)
    if request.copy_source:
        source = request.copy_source.lstrip("/").partition("/")[0]
        yield Call("s3:GetObject", f"arn:aws:s3:::{source}/*")
    if is_missing and request.method in {"GET", "HEAD"}:
        yield Call("s3:ListBucket", whole)  # whoever may not list is told 403, not 404


_OF_BUCKETS = {"uploads": "s3:ListBucketMultipartUploads", "versions": "s3:ListBucketVersions"}


def _object_action(request: _Request) -> str:
    match request.method:
        case "GET":
            return "s3:ListMultipartUploadParts" if "uploadId" in request.query else "s3:GetObject"
        case "HEAD":
            return "s3:GetObject"
        case "DELETE":
            return "s3:AbortMultipartUpload" if "uploadId" in request.query else "s3:DeleteObject"
        case "POST" if "restore" in request.query:
            return "s3:RestoreObject"
        case "POST" if "delete" in request.query:
            return "s3:DeleteObject"
        case _:
            return "s3:PutObject"


def _dynamodb(action: str, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for item in given.get("TransactItems", []):
        for kind, each in item.items():
            yield f"{kind}Item", _table(each)
    for name in given.get("RequestItems", {}):
        yield action, _table({"TableName": name})
    if "TableName" in given:
        index = f"/index/{given['IndexName']}" if "IndexName" in given else ""
        yield action, _table(given) + index


def _table(given: Mapping[str, Any]) -> str:
    return f"table/{given['TableName'].rpartition('/')[2]}"


def _sns(action: str, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    topic = given.get("TopicArn")
    yield action.removesuffix("Batch"), topic.rpartition(":")[2] if topic else _ANY


def _sqs(action: str, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    url = given.get("QueueUrl")
    yield action.removesuffix("Batch"), url.rpartition("/")[2] if url else _ANY


def _states(action: str, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    machine = given.get("stateMachineArn")
    yield action, machine.split(":", 5)[5] if machine else _ANY


def _ses(action: str, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not action and "FromEmailAddress" in given:
        yield "SendEmail", f"identity/{parseaddr(given['FromEmailAddress'])[1].rpartition('@')[2]}"
        if "ConfigurationSetName" in given:
            yield "SendEmail", f"configuration-set/{given['ConfigurationSetName']}"


def _named(field: str, resource: str) -> Callable[[str, Mapping[str, Any]], Iterator[tuple[str, str]]]:
    """For services whose requests name one resource, in that field."""
    return lambda action, given: iter([(action, resource.format(given[field]) if field in given else _ANY)])


_PREFIXES = {"monitoring": "cloudwatch"}
"""The name under which requests are signed → that in IAM, where they differ."""
_RESOURCES: Mapping[str, Callable[[str, Mapping[str, Any]], Iterator[tuple[str, str]]]] = {
    "autoscaling": _named("AutoScalingGroupName", "autoScalingGroup:*:autoScalingGroupName/{}"),
    "cloudwatch": lambda action, _: iter([(action, _ANY)]),
    "dynamodb": _dynamodb,
    "secretsmanager": _named("SecretId", "secret:{}-??????"),
    "ses": _ses,
    "sns": _sns,
    "sqs": _sqs,
    "ssm": _named("Name", "parameter{}"),
    "states": _states,
}
