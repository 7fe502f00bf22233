"""What S3 and Step Functions are asked, and what their answers mean. No socket opens: answers are stubbed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import Stubber

from shared.aws import glacier
from shared.aws.glacier import S3Archive
from shared.aws.session import client
from shared.aws.waits import StepFunctionsWaits
from shared.core.errors import NoCapacity, Permanent, Unavailable
from shared.core.retention import ArchivedObject, Tier
from shared.core.settings import Settings
from tests.factories import NOON

CLOUD = Settings(public_url="https://gas.example.org", region="eu-west-1")
KEY, ETAG = "alice/1/input.vcf", '"abc"'
HEAD: dict[str, Any] = {"ContentLength": 12, "ETag": ETAG, "StorageClass": "GLACIER"}
COPIED = {**HEAD, "Restore": 'ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"'}


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


@pytest.fixture
def s3() -> Any:
    return client(CLOUD, "s3")


@pytest.fixture
def stub(s3: Any) -> Iterator[Stubber]:
    with Stubber(s3) as stub:
        yield stub
        stub.assert_no_pending_responses()


@pytest.fixture
def archive(s3: Any) -> S3Archive:
    return S3Archive(s3, "files", restore_days=2, once=s3)


@pytest.mark.parametrize(
    ("headers", "standing"),
    [
        ({}, ArchivedObject(12, archived=False)),
        ({"StorageClass": "STANDARD_IA"}, ArchivedObject(12, archived=False)),
        ({"StorageClass": "GLACIER_IR"}, ArchivedObject(12, archived=False)),
        ({"StorageClass": "GLACIER"}, ArchivedObject(12, archived=True)),
        (
            {"StorageClass": "GLACIER", "Restore": 'ongoing-request="true"'},
            ArchivedObject(12, archived=True, restoring=True),
        ),
        (COPIED, ArchivedObject(12, archived=True, copy_until=datetime(2012, 12, 21, tzinfo=UTC))),
    ],
)
def test_how_an_object_stands_is_read_from_its_headers(
    archive: S3Archive, stub: Stubber, headers: dict[str, Any], standing: ArchivedObject
) -> None:
    stub.add_response("head_object", {"ContentLength": 12, "ETag": ETAG, **headers})
    assert archive.look(KEY) == standing


def test_an_expedited_copy_is_asked_for_once_and_a_standard_one_with_patience(s3: Any) -> None:
    once: Any = client(CLOUD, "s3", tries=1)
    assert once.meta.config.retries["total_max_attempts"] == 1
    archive = S3Archive(s3, "files", restore_days=2, once=once)
    with Stubber(s3) as patient, Stubber(once) as impatient:
        impatient.add_client_error("restore_object", "GlacierExpeditedRetrievalNotAvailable", http_status_code=503)
        with pytest.raises(NoCapacity):
            archive.restore(KEY, tier="Expedited")
        patient.add_response("restore_object", {})
        archive.restore(KEY, tier="Standard")


@pytest.mark.parametrize("tier", ["Expedited", "Standard"])
def test_a_copy_is_asked_for_with_its_days_and_tier(archive: S3Archive, stub: Stubber, tier: Tier) -> None:
    wanted = {"Days": 2, "GlacierJobParameters": {"Tier": tier}}
    stub.add_response("restore_object", {}, {"Bucket": "files", "Key": KEY, "RestoreRequest": wanted})
    archive.restore(KEY, tier=tier)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("RestoreAlreadyInProgress", 409),
        ("InvalidObjectState", 403),
        ("ObjectAlreadyInActiveTierError", 403),
        ("NoSuchKey", 404),
    ],
)
def test_an_answer_that_there_is_nothing_to_ask_for_is_harmless(
    archive: S3Archive, stub: Stubber, code: str, status: int
) -> None:
    stub.add_client_error("restore_object", code, http_status_code=status)
    archive.restore(KEY, tier="Expedited")


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("GlacierExpeditedRetrievalNotAvailable", 503, NoCapacity),
        ("SlowDown", 503, Unavailable),
        ("AccessDenied", 403, Unavailable),
        ("MalformedXML", 400, Permanent),
    ],
)
def test_an_answer_that_nothing_was_asked_for_is_an_error(
    archive: S3Archive, stub: Stubber, code: str, status: int, error: type[Exception]
) -> None:
    stub.add_client_error("restore_object", code, http_status_code=status)
    with pytest.raises(error) as caught:
        archive.restore(KEY, tier="Expedited")
    assert type(caught.value) is error


def test_an_object_is_moved_only_while_it_is_the_one_that_was_looked_at(archive: S3Archive, stub: Stubber) -> None:
    stub.add_response("head_object", {"ContentLength": 12, "ETag": ETAG})
    stub.add_response(
        "copy_object",
        {},
        {
            "Bucket": "files",
            "Key": KEY,
            "CopySource": {"Bucket": "files", "Key": KEY},
            "CopySourceIfMatch": ETAG,
            "IfMatch": ETAG,
            "StorageClass": "GLACIER",
            "MetadataDirective": "COPY",
        },
    )
    archive.archive(KEY)


@pytest.mark.parametrize("code", ["PreconditionFailed", "ConditionalRequestConflict"])
def test_an_object_that_was_changed_meanwhile_is_looked_at_again_later(
    archive: S3Archive, stub: Stubber, code: str
) -> None:
    stub.add_response("head_object", {"ContentLength": 12, "ETag": ETAG})
    stub.add_client_error("copy_object", code, http_status_code=412)
    with pytest.raises(Unavailable):
        archive.archive(KEY)


def test_a_copy_in_parts_that_a_deletion_forgot_is_looked_at_again_later(
    archive: S3Archive, stub: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(glacier, "LARGEST_COPY", 10)
    stub.add_response("head_object", {"ContentLength": 12, "ETag": ETAG})
    stub.add_response("create_multipart_upload", {"UploadId": "u"})
    stub.add_client_error("upload_part_copy", "NoSuchUpload", http_status_code=404)
    stub.add_client_error("abort_multipart_upload", "NoSuchUpload", http_status_code=404)
    with pytest.raises(Unavailable):
        archive.archive(KEY)


@pytest.mark.parametrize("code", ["NoSuchKey", "ObjectNotInActiveTierError", "InvalidObjectState"])
def test_an_object_that_went_or_was_archived_by_somebody_else_meanwhile_is_no_error(
    archive: S3Archive, stub: Stubber, code: str
) -> None:
    stub.add_response("head_object", {"ContentLength": 12, "ETag": ETAG})
    stub.add_client_error("copy_object", code, http_status_code=403)
    archive.archive(KEY)


@pytest.mark.parametrize("code", ["NoSuchKey", "ObjectNotInActiveTierError", "InvalidObjectState"])
def test_a_copy_that_expired_before_it_was_moved_is_said_to_be_gone(
    archive: S3Archive, stub: Stubber, code: str
) -> None:
    stub.add_response("head_object", COPIED)
    stub.add_client_error("copy_object", code, http_status_code=403)
    assert archive.make_standard(KEY) is False


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOON, "2026-03-06T12:00:00Z"),
        (NOON + timedelta(microseconds=1), "2026-03-06T12:00:01Z"),
        (NOON + timedelta(seconds=59, microseconds=999_999), "2026-03-06T12:01:00Z"),
    ],
)
def test_a_wait_never_ends_early(moment: datetime, text: str) -> None:
    stepfunctions = client(CLOUD, "stepfunctions")
    given = f'{{"job_id": "1", "user_id": "alice", "wait": 2, "soon_at": "{text}", "due_at": "{text}"}}'
    arn = "arn:aws:states:eu-west-1:123456789012:stateMachine:archive-waits"
    with Stubber(stepfunctions) as stub:
        stub.add_response(
            "start_execution",
            {"executionArn": f"{arn}:1-2", "startDate": NOON},
            {"stateMachineArn": arn, "name": "1-2", "input": given},
        )
        StepFunctionsWaits(stepfunctions, arn).start(job_id="1", user_id="alice", wait=2, soon_at=moment, due_at=moment)
        stub.assert_no_pending_responses()
