"""The policy of a presigned POST: its expiry, exact fields (such as the key) and size limits."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime

from moto.s3.exceptions import S3ClientError


def check_policy(policy: str, *, fields: Mapping[str, str], size: int, now: datetime) -> None:
    """Raises S3's error for an upload of ``size`` bytes that the policy (base64 of JSON) does not allow.

    ``fields``: the form's, and ``bucket``.
    """
    document = json.loads(base64.b64decode(policy))
    expires = datetime.fromisoformat(document["expiration"])
    if now >= expires:
        raise S3ClientError("AccessDenied", "Invalid according to Policy: Policy expired.")
    for condition in document["conditions"]:
        if isinstance(condition, dict):
            for name, value in condition.items():
                if fields.get(name) != value:
                    raise S3ClientError("AccessDenied", f"Invalid according to Policy: Policy Condition failed: {name}")
        elif condition[0] == "content-length-range":
            if size > int(condition[2]):
                raise S3ClientError("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
            if size < int(condition[1]):
                raise S3ClientError("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")
