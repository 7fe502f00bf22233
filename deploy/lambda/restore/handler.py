"""The restore function: what Glacier hands out goes back to standard storage.

S3 says over SNS that an object's temporary copy is there; the object is copied onto itself, and `RestoreRequested` is
published, so that the utility server looks whether all files of the job are back. A copy that expired before it was
used is told the same way: the utility server asks for it again. Everything here may be repeated.

Source of the events: "Event message structure", Amazon S3 User Guide. This file is all of the function's code: it
imports nothing but what the Lambda runtime has.
"""

from __future__ import annotations

import json
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote_plus

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

LARGEST_COPY = 5 * 1024**3
"""Bytes that S3 copies in one call."""
PART = 512 * 1024**2
"""Bytes that one call copies of a larger object."""
_MOST_PARTS = 10_000
_AT_ONCE = 8
_GONE = {"404", "NoSuchKey"}
_EXPIRED = {"InvalidObjectState", "ObjectNotInActiveTierError"}
_FORGOTTEN = {"NoSuchUpload"}
"""A deletion forgets uploads in parts, and so this copy too."""
_ARCHIVED = {"GLACIER", "DEEP_ARCHIVE"}
_KEPT = ("ContentType", "ContentEncoding", "ContentDisposition", "CacheControl", "Metadata")

log = logging.getLogger()
log.setLevel(logging.INFO)

_config = Config(retries={"mode": "standard", "total_max_attempts": 5}, read_timeout=300, max_pool_connections=_AT_ONCE)
s3: Any = boto3.client("s3", config=_config)
sns: Any = boto3.client("sns", config=_config)


def handle(event: dict[str, Any], context: object) -> None:  # noqa: ARG001 - Lambda's signature
    """Sees to every object that the event is about. Raises what AWS raised: Lambda tries again, and then buries."""
    for record in event["Records"]:
        for one in json.loads(record["Sns"]["Message"]).get("Records", []):  # S3's own test event has none
            name = one["eventName"].removeprefix("s3:")
            bucket, key = one["s3"]["bucket"]["name"], unquote_plus(one["s3"]["object"]["key"])
            if name == "ObjectRestore:Completed":
                if bring_back(bucket, key):
                    announce(key)
            elif name == "ObjectRestore:Delete":
                announce(key)


def bring_back(bucket: str, key: str) -> bool:
    """Copies the object onto itself, to standard storage. False when it is gone: there is nothing to tell.

    True also when it is in standard storage already, or its temporary copy expired: the utility server looks itself.
    And so it deletes an object that `_copy` brought back while its job was deleted.
    """
    try:
        head = s3.head_object(Bucket=bucket, Key=key)
        if head.get("StorageClass") in _ARCHIVED:
            copy = _copy_in_parts if head["ContentLength"] > LARGEST_COPY else _copy
            copy(bucket, key, head)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _GONE:
            log.info("gone: %s", key)
            return False
        if code not in _EXPIRED | _FORGOTTEN:
            raise
        log.warning("not copied (%s): %s", code, key)
    return True


def announce(key: str) -> None:
    """Publishes `RestoreRequested` for the job whose object this is: keys begin with ``<user_id>/<job_id>/``."""
    parts = key.split("/", 2)
    if len(parts) < 3:
        log.warning("no job's object: %s", key)
        return
    message = {"user_id": parts[0], "job_id": parts[1]}
    sns.publish(TopicArn=os.environ["RESTORE_REQUESTS_TOPIC"], Message=json.dumps(message))


def _copy(bucket: str, key: str, head: dict[str, Any]) -> None:
    # Without IfMatch, which the runtime's boto3 may be too old to know: see `bring_back` for what that could bring back.
    s3.copy_object(
        Bucket=bucket,
        Key=key,
        CopySource={"Bucket": bucket, "Key": key},
        CopySourceIfMatch=head["ETag"],
        StorageClass="STANDARD",
        MetadataDirective="COPY",
    )


def _copy_in_parts(bucket: str, key: str, head: dict[str, Any]) -> None:
    size = head["ContentLength"]
    length = max(PART, -(-size // _MOST_PARTS))
    starts = range(0, size, length)
    kept = {name: head[name] for name in _KEPT if name in head}
    target = {"Bucket": bucket, "Key": key}
    upload = {**target, "UploadId": s3.create_multipart_upload(**target, StorageClass="STANDARD", **kept)["UploadId"]}

    def copy_part(number: int) -> dict[str, Any]:
        start = starts[number]
        answer = s3.upload_part_copy(
            **upload,
            PartNumber=number + 1,
            CopySource=target,
            CopySourceIfMatch=head["ETag"],
            CopySourceRange=f"bytes={start}-{min(start + length, size) - 1}",
        )
        return {"PartNumber": number + 1, "ETag": answer["CopyPartResult"]["ETag"]}

    try:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            parts = list(pool.map(copy_part, range(len(starts))))
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    except BaseException:
        s3.abort_multipart_upload(**upload)
        raise
