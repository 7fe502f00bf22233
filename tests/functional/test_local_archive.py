"""Archive and restoration in the local cloud: the stack's own waits, Glacier, and the restore function between them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from deploy.local import stack
from shared.aws.glacier import S3Archive
from shared.core.errors import NoCapacity
from shared.core.messages import ArchiveDue, RestoreRequested
from shared.core.retention import ArchivedObject
from tests.functional.local_cloud import Endpoint, LocalCloud, endpoint, running_cloud
from tests.whole import wait_for

PUSHED = 7
"""Subscriptions that the endpoint has to confirm."""
MIB = 1024 * 1024
NO_RETRIES = Config(retries={"total_max_attempts": 1})


@dataclass(frozen=True)
class File:
    """An object of alice's."""

    s3: Any
    bucket: str
    key: str

    @property
    def place(self) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": self.key}

    def put(self, data: bytes = b"##fileformat") -> File:
        self.s3.put_object(**self.place, Body=data, ContentType="text/plain")
        return self

    def move(self, storage_class: str) -> None:
        self.s3.copy_object(**self.place, CopySource=self.place, StorageClass=storage_class)

    def restore(self, tier: str = "Expedited") -> int:
        request = {"Days": 2, "GlacierJobParameters": {"Tier": tier}}
        status: int = self.s3.restore_object(**self.place, RestoreRequest=request)["ResponseMetadata"]["HTTPStatusCode"]
        return status

    def storage_class(self) -> str:
        return str(self.s3.head_object(**self.place).get("StorageClass", "STANDARD"))

    def restoration(self) -> str | None:
        found: str | None = self.s3.head_object(**self.place).get("Restore")
        return found


@dataclass(frozen=True)
class Scene:
    cloud: LocalCloud
    outputs: dict[str, str]
    util: Endpoint

    def file(self, key: str, bucket: str = "InputsBucket") -> File:
        return File(self.cloud.aws("s3", config=NO_RETRIES), self.outputs[bucket], key)


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """Its Glacier has Expedited capacity for two, and is quick."""
    with ExitStack() as opened:
        options = ("--restore-seconds", "0.3", "--expedited-at-once", "2")
        cloud, util = opened.enter_context(running_cloud(*options)), opened.enter_context(endpoint())
        base = util.url.removesuffix("/hooks/test")
        parameters = {"AnnotatorUrl": base, "UtilUrl": base, "FrontendUrl": "http://127.0.0.1:8000"}
        outputs = stack.create(cloud.url, {**parameters, "HookProtocol": "http"})
        sns = cloud.aws("sns")
        for _ in range(PUSHED):
            envelope = util.next().envelope
            sns.confirm_subscription(TopicArn=envelope["TopicArn"], Token=envelope["Token"])
        yield Scene(cloud, outputs, util)


def code(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


class TestWaits:
    @staticmethod
    def start(scene: Scene, name: str, soon: float, due: float) -> Any:
        now = datetime.now(UTC)
        moments = {"soon_at": now + timedelta(seconds=soon), "due_at": now + timedelta(seconds=due)}
        document = {
            "job_id": "j1",
            "user_id": "alice",
            "wait": 3,
            **{key: at.isoformat() for key, at in moments.items()},
        }
        return scene.cloud.aws("stepfunctions").start_execution(
            stateMachineArn=scene.outputs["ArchiveWaits"], name=name, input=json.dumps(document)
        )

    def test_util_hears_soon_and_due(self, scene: Scene) -> None:
        started = self.start(scene, "j1-3", 0.1, 0.6)
        envelopes = [scene.util.next().envelope for _ in range(2)]
        assert {envelope["TopicArn"] for envelope in envelopes} == {scene.outputs["ArchiveDueTopic"]}
        messages = [ArchiveDue.from_json(envelope["Message"]) for envelope in envelopes]
        steps: tuple[Literal["soon", "due"], ...] = ("soon", "due")
        assert messages == [ArchiveDue(job_id="j1", user_id="alice", wait=3, step=step) for step in steps]
        states = scene.cloud.aws("stepfunctions")

        def succeeded() -> bool:
            return bool(states.describe_execution(executionArn=started["executionArn"])["status"] == "SUCCEEDED")

        wait_for("the end of the execution", succeeded)

    def test_a_wait_has_one_execution(self, scene: Scene) -> None:
        self.start(scene, "j2-1", 3600, 7200)
        with pytest.raises(ClientError) as error:
            self.start(scene, "j2-1", 3601, 7200)
        assert code(error) == ("ExecutionAlreadyExists", 400)


class TestGlacier:
    def test_an_archived_file_cannot_be_read_or_copied(self, scene: Scene) -> None:
        file = scene.file("alice/g1/input.vcf").put()
        file.move("GLACIER")
        assert (file.storage_class(), file.restoration()) == ("GLACIER", None)
        with pytest.raises(ClientError) as error:
            file.s3.get_object(**file.place)
        assert code(error) == ("InvalidObjectState", 403)
        with pytest.raises(ClientError) as error:
            file.move("STANDARD")
        assert code(error) == ("InvalidObjectState", 403)
        upload = file.s3.create_multipart_upload(**file.place)["UploadId"]
        with pytest.raises(ClientError) as error:
            file.s3.upload_part_copy(**file.place, UploadId=upload, PartNumber=1, CopySource=file.place)
        assert code(error) == ("InvalidObjectState", 403)

    def test_a_copy_is_of_the_version_that_is_meant(self, scene: Scene) -> None:
        file = scene.file("alice/g2/input.vcf").put()
        with pytest.raises(ClientError) as error:
            file.s3.copy_object(
                **file.place, CopySource=file.place, StorageClass="GLACIER", CopySourceIfMatch='"of-another"'
            )
        assert code(error) == ("PreconditionFailed", 412)

    def test_parts_do_not_become_an_object_that_was_deleted_or_changed(self, scene: Scene) -> None:
        file = scene.file("alice/g8/input.vcf").put()
        etag = file.s3.head_object(**file.place)["ETag"]
        upload = {**file.place, "UploadId": file.s3.create_multipart_upload(**file.place)["UploadId"]}
        part = {"PartNumber": 1, "ETag": file.s3.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]}
        file.put(b"something else")
        with pytest.raises(ClientError) as error:
            file.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]}, IfMatch=etag)
        assert code(error) == ("PreconditionFailed", 412)
        file.s3.delete_object(**file.place)
        with pytest.raises(ClientError) as error:
            file.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]}, IfMatch=etag)
        assert code(error) == ("NoSuchKey", 404)

    @pytest.mark.parametrize("bucket", ["InputsBucket", "ResultsBucket"])
    def test_a_restored_file_goes_back_to_standard_storage_and_util_hears(self, scene: Scene, bucket: str) -> None:
        file = scene.file("alice/g 3/input ä.vcf", bucket).put()
        file.move("GLACIER")
        assert file.restore() == 202
        assert file.restoration() == 'ongoing-request="true"'
        envelope = scene.util.next().envelope
        assert envelope["TopicArn"] == scene.outputs["RestoreRequestsTopic"]
        assert json.loads(envelope["Message"]) == {"user_id": "alice", "job_id": "g 3"}
        assert (file.storage_class(), file.restoration()) == ("STANDARD", None)
        answer = file.s3.get_object(**file.place)
        assert (answer["Body"].read(), answer["ContentType"]) == (b"##fileformat", "text/plain")

    def test_what_the_function_says_is_what_util_understands(self, scene: Scene) -> None:
        file = scene.file("alice/g4/input.vcf").put()
        file.move("GLACIER")
        file.restore()
        message = RestoreRequested.from_json(scene.util.next().envelope["Message"])
        assert message == RestoreRequested(job_id="g4", user_id="alice")

    def test_asking_twice_and_asking_too_much_is_refused_as_s3_does(self, scene: Scene) -> None:
        files = [scene.file(f"alice/g5/{number}.vcf").put() for number in range(3)]
        for file in files:
            file.move("GLACIER")
        assert [files[0].restore(), files[1].restore()] == [202, 202]
        with pytest.raises(ClientError) as error:
            files[0].restore()
        assert code(error) == ("RestoreAlreadyInProgress", 409)
        with pytest.raises(ClientError) as error:
            files[2].restore()
        assert code(error) == ("GlacierExpeditedRetrievalNotAvailable", 503)
        assert files[2].restore("Standard") == 202
        for _ in files:
            scene.util.next()
        assert {file.storage_class() for file in files} == {"STANDARD"}

    def test_what_is_not_archived_or_not_there_is_not_restored(self, scene: Scene) -> None:
        file = scene.file("alice/g6/input.vcf").put()
        with pytest.raises(ClientError) as error:
            file.restore()
        assert code(error) == ("InvalidObjectState", 403)
        with pytest.raises(ClientError) as error:
            replace(file, key="alice/g6/nothing").restore()
        assert code(error) == ("NoSuchKey", 404)

    def test_a_file_may_be_archived_in_parts(self, scene: Scene) -> None:
        data = b"x" * (5 * MIB + 1)
        file = scene.file("alice/g7/input.vcf").put(data)
        upload = {
            **file.place,
            "UploadId": file.s3.create_multipart_upload(**file.place, StorageClass="GLACIER")["UploadId"],
        }
        parts = []
        for number, (first, last) in enumerate([(0, 5 * MIB - 1), (5 * MIB, 5 * MIB)], 1):
            answer = file.s3.upload_part_copy(
                **upload, PartNumber=number, CopySource=file.place, CopySourceRange=f"bytes={first}-{last}"
            )
            parts.append({"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]})
        file.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
        assert file.storage_class() == "GLACIER"
        file.restore()
        scene.util.next()
        assert file.s3.get_object(**file.place)["Body"].read() == data


class TestGas:
    """What GAS itself makes of it."""

    @pytest.fixture
    def archive(self, scene: Scene) -> S3Archive:
        s3 = scene.cloud.aws("s3", config=NO_RETRIES)  # or capacity would be there again
        return S3Archive(s3, scene.outputs["InputsBucket"], restore_days=2, once=s3)

    def test_a_file_goes_to_glacier_and_comes_back(self, scene: Scene, archive: S3Archive) -> None:
        file = scene.file("alice/h1/input.vcf").put()
        archive.archive(file.key)
        archive.archive(file.key)
        assert archive.look(file.key) == ArchivedObject(size=12, archived=True)
        assert not archive.make_standard(file.key)
        archive.restore(file.key, tier="Standard")
        archive.restore(file.key, tier="Standard")
        assert archive.look(file.key) == ArchivedObject(size=12, archived=True, restoring=True)
        scene.util.next()
        assert archive.look(file.key) == ArchivedObject(size=12, archived=False)

    def test_a_tier_without_capacity_is_said_so(self, scene: Scene, archive: S3Archive) -> None:
        files = [scene.file(f"alice/h2/{number}.vcf").put() for number in range(3)]
        for file in files:
            archive.archive(file.key)
        archive.restore(files[0].key, tier="Expedited")
        archive.restore(files[1].key, tier="Expedited")
        with pytest.raises(NoCapacity):
            archive.restore(files[2].key, tier="Expedited")
        for _ in files[:2]:
            scene.util.next()


class TestParts:
    """Uploads in parts that are not as they should be."""

    @pytest.mark.parametrize(
        ("order", "complaint"), [((2, 1), "InvalidPartOrder"), ((1, 1), "InvalidPartOrder"), ((1, 3), "InvalidPart")]
    )
    def test_parts_out_of_order_or_missing_are_refused(
        self, scene: Scene, order: tuple[int, ...], complaint: str
    ) -> None:
        file = scene.file("alice/p1/input.vcf")
        upload = {**file.place, "UploadId": file.s3.create_multipart_upload(**file.place)["UploadId"]}
        etags = {
            number: file.s3.upload_part(**upload, PartNumber=number, Body=b"x" * 5 * MIB)["ETag"] for number in (1, 2)
        }
        parts = [{"PartNumber": number, "ETag": etags.get(number, etags[1])} for number in order]
        with pytest.raises(ClientError) as error:
            file.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
        assert code(error) == (complaint, 400)
        file.s3.abort_multipart_upload(**upload)

    def test_a_part_that_is_too_small_is_refused_unless_it_is_the_last(self, scene: Scene) -> None:
        file = scene.file("alice/p2/input.vcf")
        upload = {**file.place, "UploadId": file.s3.create_multipart_upload(**file.place)["UploadId"]}
        etags = [file.s3.upload_part(**upload, PartNumber=number, Body=b"x")["ETag"] for number in (1, 2)]
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
        with pytest.raises(ClientError) as error:
            file.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
        assert code(error) == ("EntityTooSmall", 400)
        file.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts[:1]})

    def test_an_upload_that_is_not_there_is_said_so(self, scene: Scene) -> None:
        file = scene.file("alice/p3/input.vcf")
        parts = {"Parts": [{"PartNumber": 1, "ETag": '"e"'}]}
        calls: list[tuple[Any, dict[str, Any]]] = [
            (file.s3.upload_part, {"PartNumber": 1, "Body": b"x"}),
            (file.s3.complete_multipart_upload, {"MultipartUpload": parts}),
            (file.s3.list_parts, {}),
            (file.s3.abort_multipart_upload, {}),
        ]
        for call, more in calls:
            with pytest.raises(ClientError) as error:
                call(**file.place, UploadId="no-such-upload", **more)
            assert code(error) == ("NoSuchUpload", 404)


def test_nothing_was_pushed_or_buried_that_nobody_asked_for(scene: Scene) -> None:
    """By the tests above, and by the test events that S3 sends when a bucket is told of a topic."""
    assert scene.util.is_quiet()
    counts = scene.cloud.aws("sqs").get_queue_attributes(
        QueueUrl=scene.outputs["ObjectRestoredDeadLetters"], AttributeNames=["ApproximateNumberOfMessages"]
    )
    assert counts["Attributes"]["ApproximateNumberOfMessages"] == "0"
