"""The restore function copies what Glacier hands out, and tells the utility server."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from shared.core.messages import RestoreRequested

CODE = Path(__file__).parents[3] / "deploy" / "lambda" / "restore" / "handler.py"
TOPIC = "arn:aws:sns:us-east-1:123456789012:gas-restore-requests"
KEY = "alice/job-1/run-1.1/annotated.vcf.gz"
PLACE = {"Bucket": "results", "Key": KEY}


class Recorder:
    """An SNS that keeps what is published."""

    def __init__(self, told: list[str]) -> None:
        self._told = told

    def publish(self, *, TopicArn: str, Message: str) -> None:  # noqa: N803 - boto3's names
        self._told.append(Message)


class Function:
    """The function's module, its S3 and its SNS."""

    def __init__(self) -> None:
        spec = importlib.util.spec_from_file_location("restore_handler", CODE)
        assert spec is not None
        assert spec.loader is not None
        self.module: Any = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)
        self.s3, self.sns = Stubber(self.module.s3), Stubber(self.module.sns)
        self.s3.activate()
        self.sns.activate()

    def hears(self, name: str, key: str = KEY) -> None:
        record = {"eventName": name, "s3": {"bucket": {"name": "results"}, "object": {"key": key}}}
        self.hears_text(json.dumps({"Records": [record]}))

    def hears_text(self, text: str) -> None:
        self.module.handle({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": text}}]}, None)

    def will_find(self, size: int = 100, **head: Any) -> None:
        found = {"ContentLength": size, "ETag": '"e"', "StorageClass": "GLACIER", **head}
        self.s3.add_response("head_object", found, PLACE)

    def will_copy(self) -> None:
        self.s3.add_response(
            "copy_object",
            {},
            {
                **PLACE,
                "CopySource": PLACE,
                "CopySourceIfMatch": '"e"',
                "StorageClass": "STANDARD",
                "MetadataDirective": "COPY",
            },
        )

    def will_announce(self, job_id: str = "job-1", user_id: str = "alice") -> None:
        text = json.dumps({"user_id": user_id, "job_id": job_id})
        self.sns.add_response("publish", {"MessageId": "m"}, {"TopicArn": TOPIC, "Message": text})


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Iterator[Function]:
    for name, value in {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "RESTORE_REQUESTS_TOPIC": TOPIC,
    }.items():
        monkeypatch.setenv(name, value)
    loaded = Function()
    yield loaded
    loaded.s3.assert_no_pending_responses()
    loaded.sns.assert_no_pending_responses()


@pytest.mark.parametrize("name", ["ObjectRestore:Completed", "s3:ObjectRestore:Completed"])
def test_a_restored_object_goes_to_standard_storage_and_its_job_is_looked_at(function: Function, name: str) -> None:
    function.will_find()
    function.will_copy()
    function.will_announce()
    function.hears(name)


def test_an_object_that_is_in_standard_storage_already_is_not_copied_again(function: Function) -> None:
    function.s3.add_response("head_object", {"ContentLength": 100, "ETag": '"e"'}, PLACE)
    function.will_announce()
    function.hears("ObjectRestore:Completed")


def test_an_object_over_5_gib_is_copied_in_parts_with_its_headers(
    function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(function.module, "LARGEST_COPY", 10)
    monkeypatch.setattr(function.module, "PART", 10)
    monkeypatch.setattr(function.module, "_AT_ONCE", 1)
    function.will_find(25, ContentType="application/gzip")
    function.s3.add_response(
        "create_multipart_upload",
        {"UploadId": "u"},
        {**PLACE, "StorageClass": "STANDARD", "ContentType": "application/gzip"},
    )
    for number, span in enumerate(["0-9", "10-19", "20-24"], 1):
        function.s3.add_response(
            "upload_part_copy",
            {"CopyPartResult": {"ETag": f"part-{number}"}},
            {
                **PLACE,
                "UploadId": "u",
                "PartNumber": number,
                "CopySource": PLACE,
                "CopySourceIfMatch": '"e"',
                "CopySourceRange": f"bytes={span}",
            },
        )
    parts = [{"PartNumber": number, "ETag": f"part-{number}"} for number in (1, 2, 3)]
    function.s3.add_response(
        "complete_multipart_upload", {}, {**PLACE, "UploadId": "u", "MultipartUpload": {"Parts": parts}}
    )
    function.will_announce()
    function.hears("ObjectRestore:Completed")


def test_a_copy_in_parts_that_fails_is_forgotten_and_tried_again(
    function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(function.module, "LARGEST_COPY", 10)
    function.will_find(25)
    function.s3.add_response("create_multipart_upload", {"UploadId": "u"})
    function.s3.add_client_error("upload_part_copy", "InternalError", "no", 500)
    function.s3.add_response("abort_multipart_upload", {}, {**PLACE, "UploadId": "u"})
    with pytest.raises(ClientError):
        function.hears("ObjectRestore:Completed")


def test_a_copy_in_parts_that_a_deletion_forgot_is_told_and_not_tried_again(
    function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(function.module, "LARGEST_COPY", 10)
    function.will_find(25)
    function.s3.add_response("create_multipart_upload", {"UploadId": "u"})
    function.s3.add_client_error("upload_part_copy", "NoSuchUpload", "no", 404)
    function.s3.add_client_error("abort_multipart_upload", "NoSuchUpload", "no", 404)
    function.will_announce()
    function.hears("ObjectRestore:Completed")


@pytest.mark.parametrize("code", ["InvalidObjectState", "ObjectNotInActiveTierError"])
def test_a_temporary_copy_that_expired_before_it_was_copied_is_told_so_that_it_is_asked_for_again(
    function: Function, code: str
) -> None:
    function.will_find()
    function.s3.add_client_error("copy_object", code, "no", 403)
    function.will_announce()
    function.hears("ObjectRestore:Completed")


def test_a_temporary_copy_that_expired_is_told_so_that_it_is_asked_for_again(function: Function) -> None:
    function.will_announce()
    function.hears("ObjectRestore:Delete")


def test_nothing_is_told_of_an_object_that_was_deleted(function: Function) -> None:
    function.s3.add_client_error("head_object", "404", "no", 404)
    function.hears("ObjectRestore:Completed")


def test_nothing_is_told_of_an_object_that_was_deleted_while_it_was_copied(function: Function) -> None:
    function.will_find()
    function.s3.add_client_error("copy_object", "NoSuchKey", "no", 404)
    function.hears("ObjectRestore:Completed")


def test_a_failure_of_s3_is_raised_so_that_lambda_tries_again(function: Function) -> None:
    function.will_find()
    function.s3.add_client_error("copy_object", "SlowDown", "no", 503)
    with pytest.raises(ClientError):
        function.hears("ObjectRestore:Completed")


@pytest.mark.parametrize("text", ['{"Event": "s3:TestEvent"}', '{"Records": []}'])
def test_the_test_event_of_s3_is_ignored(function: Function, text: str) -> None:
    function.hears_text(text)


def test_an_announcement_of_a_restoration_that_began_is_ignored(function: Function) -> None:
    function.hears("ObjectRestore:Post")


def test_keys_are_decoded_as_s3_encodes_them_in_events(function: Function) -> None:
    function.will_announce()
    function.hears("ObjectRestore:Delete", KEY.replace("/", "%2F"))


def test_an_object_that_belongs_to_no_job_is_ignored(function: Function) -> None:
    function.hears("ObjectRestore:Delete", "inventory.csv")


def test_what_is_told_is_a_message_that_the_utility_server_reads(
    function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(function.module, "sns", Recorder(told))
    function.hears("ObjectRestore:Delete")
    assert RestoreRequested.from_json(told[0]) == RestoreRequested(job_id="job-1", user_id="alice")
