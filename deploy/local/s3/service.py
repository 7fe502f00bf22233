"""The S3 API where moto's falls short.

A presigned POST is answered by the bucket's CORS rules and held to its policy (moto's answers without the one and not
held to the other). Objects in Glacier are restored in their own time, and nothing copies them before. Parts of an
upload have to be in order.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlparse

import xmltodict
from moto.core.common_types import TYPE_RESPONSE
from moto.core.responses import ActionResult
from moto.s3 import urls
from moto.s3.exceptions import InvalidObjectState, InvalidPartOrder, MissingKey, NoSuchUpload, PreconditionFailed
from moto.s3.models import FakeKey, S3Backend, s3_backends
from moto.s3.responses import S3Response
from moto.s3.utils import ARCHIVE_STORAGE_CLASSES

from deploy.local.moto_urls import UrlModule
from deploy.local.s3.glacier import Glacier, RestorationRefused
from deploy.local.s3.policy import check_policy

_DEFAULT_TIER = "Standard"


class LocalS3(S3Backend):
    """moto's, answered by `LocalS3Response`."""

    glacier: ClassVar[Glacier]
    """Set once, by `install`."""

    @property
    def _url_module(self) -> UrlModule:
        return _URLS

    def begin_restoration(self, bucket_name: str, key_name: str, *, days: int, tier: str) -> bool:
        """Whether there is a temporary copy already."""
        key = self.get_object(bucket_name, key_name)
        if key is None:
            raise MissingKey(key=key_name)
        return self.glacier.restore(self.get_bucket(bucket_name), key, days=days, tier=tier)

    def upload_part(self, bucket_name: str, multipart_id: str, *args: Any, **kwargs: Any) -> FakeKey:
        self.require_upload(bucket_name, multipart_id)
        return super().upload_part(bucket_name, multipart_id, *args, **kwargs)

    def upload_part_copy(self, dest_bucket_name: str, multipart_id: str, *args: Any, **kwargs: Any) -> FakeKey:
        self.require_upload(dest_bucket_name, multipart_id)
        return super().upload_part_copy(dest_bucket_name, multipart_id, *args, **kwargs)

    def complete_multipart_upload(
        self, bucket_name: str, multipart_id: str, body: Iterator[tuple[int, str]]
    ) -> FakeKey | None:
        self.require_upload(bucket_name, multipart_id)
        return super().complete_multipart_upload(bucket_name, multipart_id, body)

    def require_upload(self, bucket_name: str, multipart_id: str) -> None:
        """Raises S3's error where there is no such upload in parts."""
        if multipart_id not in self.get_bucket(bucket_name).multiparts:
            raise NoSuchUpload(upload_id=multipart_id)


class LocalS3Response(S3Response):
    """The actions."""

    @property
    def _s3(self) -> LocalS3:
        backend = self.backend
        assert isinstance(backend, LocalS3)  # noqa: S101 - `install` came first
        return backend

    def _bucket_response_post(self, request: Any, bucket_name: str) -> TYPE_RESPONSE:
        policy = request.form.get("policy")
        if policy is not None:
            fields = {**request.form, "bucket": bucket_name}
            check_policy(policy, fields=fields, size=len(self.body), now=datetime.now(UTC))
        status, headers, body = super()._bucket_response_post(request, bucket_name)
        return status, {**headers, **self._get_cors_headers_other()}, body

    def _key_response_post(
        self, request: Any, body: bytes, bucket_name: str, query: dict[str, Any], key_name: str
    ) -> TYPE_RESPONSE:
        if "restore" not in query:
            self._require_match(key_name)
            return super()._key_response_post(request, body, bucket_name, query, key_name)
        wanted = xmltodict.parse(body)["RestoreRequest"]  # type: ignore[no-untyped-call]  # xmltodict has no types
        parameters = wanted.get("GlacierJobParameters") or {}
        tier = parameters.get("Tier") or wanted.get("Tier") or _DEFAULT_TIER
        try:
            present = self._s3.begin_restoration(bucket_name, key_name, days=int(wanted["Days"]), tier=tier)
        except RestorationRefused as error:
            _, headers, answer = self.serialized(ActionResult(error))
            return error.status, headers, answer
        return 200 if present else 202, {}, ""

    def copy_object(self) -> TYPE_RESPONSE:
        self._require_readable_source()
        self._require_match(self.parse_key_name())
        return super().copy_object()

    def upload_part_copy(self) -> TYPE_RESPONSE:
        self._require_readable_source()
        return super().upload_part_copy()

    def _require_readable_source(self) -> None:
        """Raises what S3 answers to a copy of what is not there, in Glacier without a temporary copy, or not the version
        that is meant."""
        source = urlparse(self.headers["x-amz-copy-source"])
        bucket_name, key_name = unquote(source.path).lstrip("/").split("/", 1)
        version = parse_qs(source.query).get("versionId", [None])[0]
        key = self.backend.get_object(bucket_name, key_name, version_id=version)
        if key is None:
            raise MissingKey(key=key_name)
        if key.storage_class in ARCHIVE_STORAGE_CLASSES and key.status != "RESTORED":
            raise InvalidObjectState(storage_class=key.storage_class)
        wanted = self.headers.get("x-amz-copy-source-if-match")
        if wanted is not None and wanted.strip('"') != key.etag.strip('"'):
            raise PreconditionFailed("x-amz-copy-source-If-Match")

    def _require_match(self, key_name: str) -> None:
        """Raises what S3 answers to a write on condition that the object is still the one that is meant."""
        wanted = self.headers.get("If-Match")
        if wanted is None:
            return
        key = self.backend.get_object(self.bucket_name, key_name)
        if key is None:
            raise MissingKey(key=key_name)
        if wanted.strip('"') != key.etag.strip('"'):
            raise PreconditionFailed("If-Match")

    def _complete_multipart_body(self, body: bytes) -> Iterator[tuple[int, str]]:
        last = 0
        for number, etag in super()._complete_multipart_body(body):
            if number <= last:
                raise InvalidPartOrder
            last = number
            yield number, etag


_URLS = UrlModule(
    urls.url_bases,
    {
        path: getattr(LocalS3Response, handler.__name__)  # the same class methods, of our class
        for path, handler in urls.url_paths.items()
    },
)


def install(glacier: Glacier) -> None:
    """Every S3 backend that moto makes from now on is ours, and restores with ``glacier``."""
    LocalS3.glacier = glacier
    s3_backends.backend = LocalS3
