"""Copies of a deployment's tables and files in a bucket of their own, and the way back, into the same or another deployment.

The bucket's layout::

    backups/<name>/manifest.json      written last: a backup without it was broken off, and is none
    backups/<name>/<table>.jsonl.gz   one item a line, as DynamoDB's API has it; bytes in base64
    backups/<name>/objects.jsonl.gz   one file a line: bucket, key, size, and where its copy lies
    objects/<bucket>/<key>/<ETag>     the files, once for all backups that hold them

Jobs are read before everything else, so that the files of each are there when they are copied. What is on its way is not
copied: messages, waits and counters. Coming back, jobs that were not done are announced anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from shared.aws.backup_lines import Lines
from shared.aws.errors import code_of, translated
from shared.aws.glacier import LARGEST_COPY, PART
from shared.aws.jobs import as_unannounced
from shared.core.clock import from_iso, to_iso
from shared.core.errors import ConfigurationError, NotFound

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client

T = TypeVar("T")
R = TypeVar("R")

TABLES: Final = ("Jobs", "Users", "Audit", "Mails")
BUCKETS: Final = ("Inputs", "Results")
"""Logical names in ``deploy/stack/core.yaml``; its outputs are called ``JobsTable`` and ``InputsBucket``."""
FORMAT: Final = 1
GRACE: Final = timedelta(days=2)
"""For how long a copy that no backup holds is kept: a backup that is being made may be about to."""
_FOLDER, _FILES, _MANIFEST = "backups", "objects", "manifest.json"
_AT_ONCE = 16
_CHUNK = 1000
_ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})
_COPY = TransferConfig(multipart_threshold=LARGEST_COPY, multipart_chunksize=PART, max_concurrency=4)


@dataclass(frozen=True)
class Stores:
    """Where a deployment keeps its data: logical name → name in AWS."""

    tables: Mapping[str, str]
    buckets: Mapping[str, str]

    @classmethod
    def of(cls, outputs: Mapping[str, str]) -> Stores:
        """From the outputs of a core stack. Raises `ConfigurationError`."""
        try:
            return cls(
                {name: outputs[f"{name}Table"] for name in TABLES}, {name: outputs[f"{name}Bucket"] for name in BUCKETS}
            )
        except KeyError as error:
            raise ConfigurationError(f"The stack has no output {error}: it is not GAS's core stack.") from None


@dataclass(frozen=True)
class Backup:
    """What was copied."""

    name: str
    made_at: datetime
    gas: str
    """The version of GAS that made it."""
    items: Mapping[str, int]
    """Table → how many."""
    files: int
    bytes: int
    archived: int
    """Files of which there is no copy: they were in Glacier already when the first backup was made that might have held
    them."""


class Backups:
    """One bucket of backups. Every method raises `GasError`."""

    def __init__(self, dynamodb: DynamoDBClient, s3: S3Client, bucket: str) -> None:
        self._dynamodb, self._s3, self._bucket = dynamodb, s3, bucket
        self._lines = Lines(s3, bucket)

    def all(self) -> list[Backup]:
        """Those that are whole, oldest first."""
        names = self._common(f"{_FOLDER}/")
        return [backup for name in names if (backup := self._find(name.split("/")[1])) is not None]

    def get(self, name: str) -> Backup:
        """Raises `NotFound`."""
        backup = self._find(name)
        if backup is None:
            raise NotFound(f"There is no backup {name} in {self._bucket}; gas backup list names all.")
        return backup

    def create(self, stores: Stores, *, now: datetime, gas: str) -> Backup:
        """Copies what is there. Files of which another backup has a copy are not copied again."""
        name = now.strftime("%Y%m%dT%H%M%SZ")
        items = {table: self._lines.write(_key(name, table), self._scan(stores.tables[table])) for table in TABLES}
        counted = {"files": 0, "bytes": 0, "archived": 0}

        def copied() -> Iterator[Mapping[str, Any]]:
            for bucket in BUCKETS:
                for line in _in_parallel(lambda found: self._copy_in(*found), self._listed(bucket, stores)):
                    if line is None:
                        counted["archived"] += 1
                    elif "key" in line:
                        counted["files"] += 1
                        counted["bytes"] += line["size"]
                        yield line

        self._lines.write(_key(name, "objects"), copied())
        backup = Backup(name, now, gas, items, **counted)
        told = {"format": FORMAT, **asdict(backup), "made_at": to_iso(now)}
        with translated("S3"):
            self._s3.put_object(
                Bucket=self._bucket, Key=_key(name, _MANIFEST), Body=json.dumps(told, indent=1).encode()
            )
        return backup

    def restore(self, backup: Backup, stores: Stores) -> list[tuple[str, int]]:
        """Puts back what is missing; what is there already stays as it is, so that it may be broken off and begun again.

        Files first, and jobs last: nothing is announced before its file is there. Answers each account's user_id and
        plan_epoch: their jobs' waits for the archive have to be begun anew.
        """
        for _ in _in_parallel(
            lambda line: self._copy_out(line, stores), self._lines.read(_key(backup.name, "objects"))
        ):
            pass
        accounts: list[tuple[str, int]] = []
        for table in reversed(TABLES):
            key = self._hash_key(stores.tables[table])

            def put(item: Mapping[str, Any], table: str = table, key: str = key) -> None:
                self._put_if_missing(stores.tables[table], key, as_unannounced(item) if table == "Jobs" else item)

            restored = _in_parallel(_passing(put), self._lines.read(_key(backup.name, table)))
            accounts += [
                (item["user_id"]["S"], int(item.get("plan_epoch", {"N": "0"})["N"]))
                for item in restored
                if table == "Users" and "email" in item  # the others are locks
            ]
        return accounts

    def delete(self, backup: Backup, *, now: datetime) -> int:
        """Deletes the backup, and the copies of files that no other one holds: how many."""
        with translated("S3"):
            self._s3.delete_object(Bucket=self._bucket, Key=_key(backup.name, _MANIFEST))
        held = {line["copy"] for other in self.all() for line in self._lines.read(_key(other.name, "objects"))}
        parts = [item["Key"] for item in self._list(self._bucket, f"{_FOLDER}/{backup.name}/")]
        copies = [
            item["Key"]
            for item in self._list(self._bucket, f"{_FILES}/")
            if item["Key"] not in held and item["LastModified"] < now - GRACE
        ]
        for _ in _in_parallel(self._delete, [*copies, *parts]):
            pass
        return len(copies)

    # Tables

    def _scan(self, table: str) -> Iterator[Mapping[str, Any]]:
        with translated("DynamoDB"):
            for page in self._dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
                yield from page["Items"]

    def _hash_key(self, table: str) -> str:
        with translated("DynamoDB"):
            schema = self._dynamodb.describe_table(TableName=table)["Table"].get("KeySchema", [])
        return next(part["AttributeName"] for part in schema if part["KeyType"] == "HASH")

    def _put_if_missing(self, table: str, key: str, item: Mapping[str, Any]) -> None:
        with translated("DynamoDB"):
            try:
                self._dynamodb.put_item(
                    TableName=table,
                    Item=item,
                    ConditionExpression="attribute_not_exists(#key)",
                    ExpressionAttributeNames={"#key": key},
                )
            except ClientError as error:
                if code_of(error) != "ConditionalCheckFailedException":
                    raise

    # Files

    def _listed(self, bucket: str, stores: Stores) -> Iterator[tuple[str, str, Any]]:
        for found in self._list(stores.buckets[bucket], ""):
            yield bucket, stores.buckets[bucket], found

    def _copy_in(self, bucket: str, source: str, found: Any) -> dict[str, Any] | None:
        """The file's line; an empty one when it was deleted meanwhile; None when it cannot be read."""
        key, size, etag = found["Key"], found["Size"], found["ETag"].strip('"')
        copy: str | None = f"{_FILES}/{bucket}/{key}/{etag}"
        if found.get("StorageClass", "STANDARD") in _ARCHIVED:
            copy = self._earlier_copy(f"{_FILES}/{bucket}/{key}/", size)
            if copy is None:
                return None
        elif copy and not self._is_there(self._bucket, copy) and not self._copy(source, key, self._bucket, copy):
            return {}
        return {"bucket": bucket, "key": key, "size": size, "copy": copy}

    def _earlier_copy(self, prefix: str, size: int) -> str | None:
        """A copy from before the file went to Glacier, where its ETag may have become another."""
        found = [item for item in self._list(self._bucket, prefix) if item["Size"] == size]
        return max(found, key=lambda item: item["LastModified"])["Key"] if found else None

    def _copy_out(self, line: Mapping[str, Any], stores: Stores) -> None:
        target = stores.buckets[line["bucket"]]
        if not self._is_there(target, line["key"]) and not self._copy(self._bucket, line["copy"], target, line["key"]):
            raise NotFound(f"The backup is damaged: there is no {line['copy']} in {self._bucket}.")

    def _copy(self, source: str, key: str, target: str, new_key: str) -> bool:
        """False when it is gone."""
        with translated("S3"):
            try:
                self._s3.copy({"Bucket": source, "Key": key}, target, new_key, Config=_COPY)
            except ClientError as error:
                if code_of(error) in {"404", "NoSuchKey"}:
                    return False
                raise
        return True

    def _is_there(self, bucket: str, key: str) -> bool:
        with translated("S3"):
            try:
                self._s3.head_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if code_of(error) == "404":
                    return False
                raise
        return True

    def _delete(self, key: str) -> None:
        with translated("S3"):
            self._s3.delete_object(Bucket=self._bucket, Key=key)

    def _list(self, bucket: str, prefix: str) -> Iterator[Any]:
        with translated("S3"):
            for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                yield from page.get("Contents", [])

    def _common(self, prefix: str) -> list[str]:
        with translated("S3"):
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix, Delimiter="/"
            )
            return [found.get("Prefix", "") for page in pages for found in page.get("CommonPrefixes", [])]

    # The backup's own files

    def _find(self, name: str) -> Backup | None:
        with translated("S3"):
            try:
                body = self._s3.get_object(Bucket=self._bucket, Key=_key(name, _MANIFEST))["Body"].read()
            except ClientError as error:
                if code_of(error) == "NoSuchKey":
                    return None
                raise
        told = json.loads(body)
        if told.pop("format") != FORMAT:
            raise ConfigurationError(f"The backup {name} was made by GAS {told['gas']}, in a format that is not known.")
        return Backup(**{**told, "made_at": from_iso(told["made_at"])})


def _key(name: str, part: str) -> str:
    return f"{_FOLDER}/{name}/{part}" + ("" if part == _MANIFEST else ".jsonl.gz")


def _passing(function: Callable[[T], None]) -> Callable[[T], T]:
    def passing(given: T) -> T:
        function(given)
        return given

    return passing


def _in_parallel(function: Callable[[T], R], given: Iterable[T]) -> Iterator[R]:
    """In order; a chunk at a time, so that neither what is given nor what comes of it has to fit into memory."""
    iterator = iter(given)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="backup") as pool:
        while chunk := list(islice(iterator, _CHUNK)):
            yield from pool.map(function, chunk)
