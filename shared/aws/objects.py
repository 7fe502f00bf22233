"""One S3 bucket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from shared.aws.errors import code_of, translated
from shared.core.errors import NotFound, Permanent, Unavailable
from shared.core.ports import UploadedPart, UploadForm

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

MIB = 1024 * 1024
_TRANSFER = TransferConfig(multipart_threshold=16 * MIB, multipart_chunksize=16 * MIB, max_concurrency=4)
_PART_MISSING = "A part of the file is missing."
_LONGEST_NAME = 200  # characters; percent-encoded it has to fit into a URL


class S3Objects:
    """Implements `shared.core.ports.Objects`."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def upload_form(self, key: str, *, max_bytes: int, expires: timedelta) -> UploadForm:
        with translated("S3"):
            form = self._s3.generate_presigned_post(
                self._bucket,
                key,
                Conditions=[["content-length-range", 1, max_bytes]],
                ExpiresIn=int(expires.total_seconds()),
            )
        return UploadForm(form["url"], form["fields"])

    def download_url(self, key: str, *, filename: str, expires: timedelta) -> str:
        with translated("S3"):
            return self._s3.generate_presigned_url(
                "get_object",
                Params={
                    "Bucket": self._bucket,
                    "Key": key,
                    "ResponseContentDisposition": content_disposition(filename),
                    # Whatever it is, a browser must save it and not show it: the content is somebody's upload.
                    "ResponseContentType": "application/octet-stream",
                },
                ExpiresIn=int(expires.total_seconds()),
            )

    def size(self, key: str) -> int | None:
        with translated("S3"):
            try:
                return self._s3.head_object(Bucket=self._bucket, Key=key)["ContentLength"]
            except ClientError as error:
                if code_of(error) == "404":
                    return None
                raise

    def write(self, key: str, data: bytes, *, content_type: str) -> None:
        with translated("S3"):
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=data, ContentType=content_type)

    def read(self, key: str, *, limit: int) -> bytes:
        with translated("S3"):
            try:
                answer = self._s3.get_object(Bucket=self._bucket, Key=key, Range=f"bytes=0-{max(limit, 1) - 1}")
                with closing(answer["Body"]) as body:  # itself, and not what it enters as: that knows no BotoCoreError
                    return body.read()[:limit]
            except ClientError as error:
                if code_of(error) == "InvalidRange":
                    return b""  # an empty object has no first byte
                raise

    def upload(self, path: Path, key: str, *, content_type: str) -> int:
        size = path.stat().st_size
        with translated("S3"):
            self._s3.upload_file(
                str(path), self._bucket, key, ExtraArgs={"ContentType": content_type}, Config=_TRANSFER
            )
        return size

    def download(self, key: str, path: Path) -> None:
        with translated("S3"):
            self._s3.download_file(self._bucket, key, str(path), Config=_TRANSFER)

    def start_parts(self, key: str) -> str:
        with translated("S3"):
            return self._s3.create_multipart_upload(Bucket=self._bucket, Key=key)["UploadId"]

    def part_url(self, key: str, upload_id: str, number: int, *, expires: timedelta) -> str:
        with translated("S3"):
            return self._s3.generate_presigned_url(
                "upload_part",
                Params={"Bucket": self._bucket, "Key": key, "UploadId": upload_id, "PartNumber": number},
                ExpiresIn=int(expires.total_seconds()),
            )

    def parts(self, key: str, upload_id: str) -> Sequence[UploadedPart]:
        with translated("S3"), _upload_known():
            pages = self._s3.get_paginator("list_parts").paginate(Bucket=self._bucket, Key=key, UploadId=upload_id)
            found = [part for page in pages for part in page.get("Parts", [])]
        return [UploadedPart(part["PartNumber"], part["ETag"], part["Size"]) for part in found]

    def complete_parts(self, key: str, upload_id: str, parts: Sequence[UploadedPart]) -> None:
        chosen = sorted(parts, key=lambda part: part.number)
        # S3 would put together whatever it is told, also a file with a hole.
        if not chosen or [part.number for part in chosen] != list(range(1, len(chosen) + 1)):
            raise Permanent(_PART_MISSING)
        with translated("S3"), _upload_known():
            try:
                self._s3.complete_multipart_upload(
                    Bucket=self._bucket,
                    Key=key,
                    UploadId=upload_id,
                    MultipartUpload={"Parts": [{"PartNumber": part.number, "ETag": part.etag} for part in chosen]},
                )
            except ClientError as error:
                if code_of(error) == "InvalidPart":
                    raise Permanent(_PART_MISSING) from error
                if code_of(error) == "EntityTooSmall":
                    raise Permanent("A part of the file is too small.") from error
                raise

    def abort_parts(self, key: str, upload_id: str) -> None:
        with translated("S3"):
            try:
                self._s3.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload_id)
            except ClientError as error:
                if code_of(error) != "NoSuchUpload":
                    raise

    def delete_under(self, prefix: str) -> None:
        if not prefix.endswith("/"):
            raise ValueError(f"{prefix!r} does not end with a slash")
        with translated("S3"):
            # First, so that what is completed meanwhile is there to be deleted.
            pages = self._s3.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket, Prefix=prefix)
            for upload in [found for page in pages for found in page.get("Uploads", [])]:
                self.abort_parts(upload["Key"], upload["UploadId"])
            # A page of a listing holds as many keys as one deletion takes: 1000.
            for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
                keys = [{"Key": item["Key"]} for item in page.get("Contents", [])]
                if not keys:
                    continue
                answer = self._s3.delete_objects(Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True})  # type: ignore[typeddict-item]  # a list of exactly this
                if answer.get("Errors"):
                    raise Unavailable(f"S3 did not delete {len(answer['Errors'])} files.")


@contextmanager
def _upload_known() -> Iterator[None]:
    """`NotFound` where S3 does not know the upload."""
    try:
        yield
    except ClientError as error:
        if code_of(error) == "NoSuchUpload":
            raise NotFound("There is no such upload.") from error
        raise


def content_disposition(filename: str) -> str:
    """The header by which a browser saves under this name (RFC 6266), whatever is in the name.

    Old browsers read ``filename``, in ASCII; all others ``filename*`` (RFC 8187), in UTF-8. Control characters and
    slashes become underscores; a name that is too long keeps its end, where the extension is.
    """
    cleaned = "".join("_" if character in "/\\" or not character.isprintable() else character for character in filename)
    cleaned = cleaned.encode("utf-8", "replace").decode().strip(" .")[-_LONGEST_NAME:] or "download"
    plain = "".join(character if character.isascii() and character not in '"%;' else "_" for character in cleaned)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(cleaned, safe='')}"
