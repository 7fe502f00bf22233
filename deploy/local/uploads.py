"""S3 as a browser meets it: what moto leaves out of uploads by presigned POST.

moto answers such a POST without CORS headers, so that a page could not read the answer, and does not hold it to its
policy. Here the bucket's own CORS rules are answered, and the policy's expiry and size limits hold.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

from moto.core.common_types import TYPE_RESPONSE
from moto.s3 import urls
from moto.s3.exceptions import S3ClientError
from moto.s3.models import S3Backend, s3_backends
from moto.s3.responses import S3Response

from deploy.local.moto_urls import UrlModule


class LocalS3(S3Backend):
    """moto's, answered by `LocalS3Response`."""

    @property
    def _url_module(self) -> UrlModule:
        return _URLS


class LocalS3Response(S3Response):
    """The actions."""

    def _bucket_response_post(self, request: Any, bucket_name: str) -> TYPE_RESPONSE:
        policy = request.form.get("policy")
        if policy is not None:
            check_policy(policy, size=len(self.body), now=datetime.now(UTC))
        status, headers, body = super()._bucket_response_post(request, bucket_name)
        return status, {**headers, **self._get_cors_headers_other()}, body


def check_policy(policy: str, *, size: int, now: datetime) -> None:
    """Raises S3's error for an upload of ``size`` bytes that the policy (base64 of JSON) does not allow."""
    document = json.loads(base64.b64decode(policy))
    expires = datetime.fromisoformat(document["expiration"])
    if now >= expires:
        raise S3ClientError("AccessDenied", "Invalid according to Policy: Policy expired.")
    for condition in document["conditions"]:
        if isinstance(condition, list) and condition[0] == "content-length-range":
            if size > int(condition[2]):
                raise S3ClientError("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
            if size < int(condition[1]):
                raise S3ClientError("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")


_URLS = UrlModule(
    urls.url_bases,
    {
        path: getattr(LocalS3Response, handler.__name__)  # the same class methods, of our class
        for path, handler in urls.url_paths.items()
    },
)


def install() -> None:
    """Every S3 backend that moto makes from now on is ours."""
    s3_backends.backend = LocalS3
