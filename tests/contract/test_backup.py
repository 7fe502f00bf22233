"""Backups on moto: S3 takes over a file's type and metadata by itself, but not of the largest, which are copied in parts; there
boto3 does it. `functional/test_backup.py` has the rest."""

from __future__ import annotations

import pytest
from boto3.s3.transfer import TransferConfig

from shared.aws import backup
from shared.aws.backup import BUCKETS, TABLES, Backups, Stores
from shared.aws.session import client
from shared.core.clock import utc_now
from tests.contract import tables
from tests.contract.conftest import SETTINGS

MIB = 1024**2
SMALLEST_PART = 5 * MIB
TOLD = {
    "ContentType": "application/gzip",
    "ContentDisposition": 'attachment; filename="a.vcf.gz"',
    "Metadata": {"of": "a"},
}


@pytest.mark.parametrize(
    "size", [10, SMALLEST_PART, SMALLEST_PART + 1], ids=["small", "just too large", "in two parts"]
)
def test_a_file_comes_back_with_its_type_however_large_it_is(
    moto: None, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    parts = TransferConfig(multipart_threshold=SMALLEST_PART, multipart_chunksize=SMALLEST_PART)
    monkeypatch.setattr(backup, "_COPY", parts)  # in place of 5 GiB
    s3, dynamodb = client(SETTINGS, "s3"), client(SETTINGS, "dynamodb")
    for bucket in ("backups", *map(str.lower, BUCKETS)):
        s3.create_bucket(Bucket=bucket)
    stores = Stores(
        {table: tables.create(dynamodb, table) for table in TABLES}, {bucket: bucket.lower() for bucket in BUCKETS}
    )
    s3.put_object(Bucket="results", Key="alice/job/a.vcf.gz", Body=b"a" * size, **TOLD)  # type: ignore[arg-type]  # one call's
    backups = Backups(dynamodb, s3, "backups")
    made = backups.create(stores, now=utc_now(), gas="1.0.0")
    s3.delete_object(Bucket="results", Key="alice/job/a.vcf.gz")
    backups.restore(made, stores)
    found = s3.head_object(Bucket="results", Key="alice/job/a.vcf.gz")
    assert found["ContentLength"] == size
    assert {name: value for name, value in found.items() if name in TOLD} == TOLD
