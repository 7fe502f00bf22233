"""The storage classes of one S3 bucket's objects: the Glacier storage class, and standard storage."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from shared.aws.errors import code_of, translated
from shared.core.errors import NoCapacity, Unavailable
from shared.core.retention import ArchivedObject, Tier

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CopySourceTypeDef, HeadObjectOutputTypeDef

GIB = 1024**3
LARGEST_COPY = 5 * GIB
"""Bytes that S3 copies in one call."""
PART = 512 * 1024**2
"""Bytes that one call copies of a larger object; few enough that S3 answers in time."""
_MOST_PARTS = 10_000
_AT_ONCE = 8
_ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})
_GONE = frozenset({"404", "NoSuchKey"})
_CANNOT_BE_READ = frozenset({"InvalidObjectState", "ObjectNotInActiveTierError"})
_CHANGED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "NoSuchUpload"})
"""Its deletion forgets uploads in parts, and so this copy too."""
_COPY_UNTIL = re.compile(r'ongoing-request="false", expiry-date="([^"]+)"')


class S3Archive:
    """Implements `shared.core.retention.Archive`. A temporary copy stays for ``restore_days``.

    ``once``: a client that tries each call once, for Expedited restorations: that there is no capacity for one is said
    with the status 503, which other clients take for a reason to wait and try again.

    An object is moved by copying it onto itself. Every copy is made on condition that the object is still the one that
    was looked at, and still there: otherwise a copy that ends late would bring back what was deleted meanwhile.
    """

    def __init__(self, s3: S3Client, bucket: str, *, restore_days: int, once: S3Client) -> None:
        self._s3 = s3
        self._once = once
        self._bucket = bucket
        self._restore_days = restore_days

    def look(self, key: str) -> ArchivedObject | None:
        head = self._head(key)
        return _standing(head) if head is not None else None

    def archive(self, key: str) -> None:
        head = self._head(key)
        if head is not None and not _standing(head).archived:
            self._copy(key, head, "GLACIER")

    def restore(self, key: str, *, tier: Tier) -> None:
        s3 = self._once if tier == "Expedited" else self._s3
        with translated("S3"):
            try:
                s3.restore_object(
                    Bucket=self._bucket,
                    Key=key,
                    RestoreRequest={"Days": self._restore_days, "GlacierJobParameters": {"Tier": tier}},
                )
            except ClientError as error:
                code = code_of(error)
                if code == "GlacierExpeditedRetrievalNotAvailable":
                    raise NoCapacity(f"Glacier has no capacity for {tier} restorations now.") from error
                # On its way already; or in standard storage (InvalidObjectState), or gone: nothing to restore.
                known = {"RestoreAlreadyInProgress", "InvalidObjectState", "ObjectAlreadyInActiveTierError"}
                if code not in known | _GONE:
                    raise

    def make_standard(self, key: str) -> bool:
        head = self._head(key)
        if head is None:
            return False
        standing = _standing(head)
        if not standing.archived:
            return True
        return standing.copy_until is not None and self._copy(key, head, "STANDARD")

    def _head(self, key: str) -> HeadObjectOutputTypeDef | None:
        with translated("S3"):
            try:
                return self._s3.head_object(Bucket=self._bucket, Key=key)
            except ClientError as error:
                if code_of(error) in _GONE:
                    return None
                raise

    def _copy(self, key: str, head: HeadObjectOutputTypeDef, to: Literal["GLACIER", "STANDARD"]) -> bool:
        """Copies the object onto itself. False when it is gone, or (any more) in the archive without a copy."""
        source: CopySourceTypeDef = {"Bucket": self._bucket, "Key": key}
        etag = head["ETag"]
        with translated("S3"):
            try:
                if head["ContentLength"] > LARGEST_COPY:
                    self._copy_in_parts(key, head, source, to)
                else:
                    self._s3.copy_object(
                        Bucket=self._bucket,
                        Key=key,
                        CopySource=source,
                        CopySourceIfMatch=etag,
                        IfMatch=etag,
                        StorageClass=to,
                        MetadataDirective="COPY",
                    )
            except ClientError as error:
                if code_of(error) in _GONE | _CANNOT_BE_READ:
                    return False
                if code_of(error) in _CHANGED:
                    raise Unavailable("The file was changed while it was being moved.") from error
                raise
        return True

    def _copy_in_parts(self, key: str, head: HeadObjectOutputTypeDef, source: CopySourceTypeDef, to: Any) -> None:
        size, etag = head["ContentLength"], head["ETag"]
        length = max(PART, -(-size // _MOST_PARTS))
        starts = range(0, size, length)

        with self._upload(key, head, to) as upload_id:

            def copy_part(number: int) -> Any:
                start = starts[number]
                answer = self._s3.upload_part_copy(
                    Bucket=self._bucket,
                    Key=key,
                    UploadId=upload_id,
                    PartNumber=number + 1,
                    CopySource=source,
                    CopySourceIfMatch=etag,
                    CopySourceRange=f"bytes={start}-{min(start + length, size) - 1}",
                )
                return {"PartNumber": number + 1, "ETag": answer["CopyPartResult"]["ETag"]}

            with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="copy") as pool:
                try:
                    parts = list(pool.map(copy_part, range(len(starts))))
                except BaseException:
                    pool.shutdown(wait=True, cancel_futures=True)
                    raise
            self._s3.complete_multipart_upload(
                Bucket=self._bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}, IfMatch=etag
            )

    @contextmanager
    def _upload(self, key: str, head: HeadObjectOutputTypeDef, to: Any) -> Iterator[str]:
        """An upload in parts with the object's own headers, which is forgotten when it fails."""
        kept: dict[str, Any] = {
            name: head[name]
            for name in ("ContentType", "ContentEncoding", "ContentDisposition", "CacheControl", "Metadata")
            if name in head
        }
        upload_id = self._s3.create_multipart_upload(Bucket=self._bucket, Key=key, StorageClass=to, **kept)["UploadId"]
        try:
            yield upload_id
        except BaseException:
            self._s3.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload_id)
            raise


def _standing(head: HeadObjectOutputTypeDef) -> ArchivedObject:
    """How the object stands by the headers ``x-amz-storage-class`` (absent for standard storage) and ``x-amz-restore``.

    Source: "HeadObject", Amazon S3 API reference.
    """
    restore = head.get("Restore", "")
    copied = _COPY_UNTIL.search(restore)
    return ArchivedObject(
        size=head["ContentLength"],
        archived=head.get("StorageClass", "STANDARD") in _ARCHIVED,
        restoring='ongoing-request="true"' in restore,
        copy_until=parsedate_to_datetime(copied.group(1)) if copied else None,
    )
