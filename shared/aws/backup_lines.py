"""Many JSON objects in one file of S3: one a line, gzip around it all."""

from __future__ import annotations

import base64
import gzip
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.aws.errors import translated

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


class Lines:
    """In one bucket. Every method raises `GasError`. What is in a file need not fit into memory."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3, self._bucket = s3, bucket

    def write(self, key: str, lines: Iterable[Mapping[str, Any]]) -> int:
        """How many there were. DynamoDB's bytes are written in base64."""
        count = 0
        with tempfile.TemporaryDirectory(prefix="gas-backup-") as folder:
            path = Path(folder) / "lines"
            with gzip.open(path, "wt", encoding="utf-8") as file:
                for line in lines:
                    file.write(json.dumps(line, default=_base64) + "\n")
                    count += 1
            with translated("S3"):
                self._s3.upload_file(str(path), self._bucket, key)
        return count

    def read(self, key: str) -> Iterator[dict[str, Any]]:
        """What was written."""
        with tempfile.TemporaryDirectory(prefix="gas-backup-") as folder:
            path = Path(folder) / "lines"
            with translated("S3"):
                self._s3.download_file(self._bucket, key, str(path))
            with gzip.open(path, "rt", encoding="utf-8") as file:
                for line in file:
                    yield json.loads(line, object_hook=_with_bytes)


def _base64(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} is not of DynamoDB")


def _with_bytes(found: dict[str, Any]) -> dict[str, Any]:
    """DynamoDB's ``{"B": …}``; an attribute that somebody called B holds an object, and no text."""
    if found.keys() == {"B"} and isinstance(found["B"], str):
        return {"B": base64.b64decode(found["B"])}
    if found.keys() == {"BS"} and all(isinstance(each, str) for each in found["BS"]):
        return {"BS": [base64.b64decode(each) for each in found["BS"]]}
    return found
