"""The storage classes of a bucket's objects, on the fake and on S3."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from moto.moto_api import state_manager

from shared.aws import glacier
from shared.aws.glacier import S3Archive
from shared.aws.objects import MIB, S3Objects
from shared.aws.session import client
from shared.core.errors import NotFound, Permanent
from shared.core.ports import Objects
from shared.core.retention import Archive, Tier
from tests.contract.conftest import SETTINGS
from tests.fakes import FakeArchive, FakeObjects

KEY = "alice/1/input.vcf"


@dataclass
class Bucket:
    """A bucket, and what time does to it."""

    objects: Objects
    archive: Archive

    def ask(self, key: str, tier: Tier) -> None:
        """A temporary copy is on its way."""
        self.archive.restore(key, tier=tier)
        if not isinstance(self.archive, FakeArchive):
            # moto begins when the object is looked at for the first time, and then stays where it is.
            state_manager.set_transition("s3::keyrestore", {"progression": "manual", "times": 1})
            self.archive.look(key)
            state_manager.set_transition("s3::keyrestore", {"progression": "manual", "times": 1_000_000})

    def finish(self, key: str) -> None:
        """The temporary copy is there."""
        if isinstance(self.archive, FakeArchive):
            self.archive.finish(key)
        else:
            state_manager.set_transition("s3::keyrestore", {"progression": "immediate"})

    def standing(self, key: str = KEY) -> tuple[bool, bool, bool]:
        """Whether it is archived, being restored, has a copy."""
        found = self.archive.look(key)
        assert found is not None
        return found.archived, found.restoring, found.copy_until is not None


@pytest.fixture
def bucket(kind: str) -> Iterator[Bucket]:
    if kind == "fake":
        objects = FakeObjects()
        yield Bucket(objects, FakeArchive(objects))
        return
    s3 = client(SETTINGS, "s3")
    s3.create_bucket(Bucket="files")
    yield Bucket(S3Objects(s3, "files"), S3Archive(s3, "files", restore_days=2, once=s3))
    state_manager.unset_transition("s3::keyrestore")


def an_object(bucket: Bucket, key: str = KEY) -> str:
    bucket.objects.write(key, b"##fileformat", content_type="text/x-vcf")
    return key


def an_archived_object(bucket: Bucket) -> str:
    bucket.archive.archive(an_object(bucket))
    return KEY


def a_restored_object(bucket: Bucket) -> str:
    bucket.ask(an_archived_object(bucket), "Expedited")
    bucket.finish(KEY)
    return KEY


def test_a_new_object_is_in_standard_storage(bucket: Bucket) -> None:
    an_object(bucket)
    assert bucket.standing() == (False, False, False)
    found = bucket.archive.look(KEY)
    assert found is not None
    assert found.size == 12


def test_an_archived_object_is_still_there_and_cannot_be_read(bucket: Bucket, tmp_path: Path) -> None:
    an_archived_object(bucket)
    assert bucket.standing() == (True, False, False)
    assert bucket.objects.size(KEY) == 12
    with pytest.raises(Permanent) as caught:
        bucket.objects.read(KEY, limit=10)
    assert not isinstance(caught.value, NotFound)
    with pytest.raises(Permanent):
        bucket.objects.download(KEY, tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_archiving_twice_is_harmless(bucket: Bucket) -> None:
    bucket.archive.archive(an_archived_object(bucket))
    assert bucket.standing() == (True, False, False)


def test_an_object_on_its_way_back_says_so_and_cannot_be_read(bucket: Bucket) -> None:
    bucket.ask(an_archived_object(bucket), "Standard")
    assert bucket.standing() == (True, True, False)
    with pytest.raises(Permanent):
        bucket.objects.read(KEY, limit=10)
    assert bucket.archive.make_standard(KEY) is False
    assert bucket.standing() == (True, True, False)


def test_a_temporary_copy_can_be_read_and_becomes_standard(bucket: Bucket) -> None:
    a_restored_object(bucket)
    assert bucket.standing() == (True, False, True)
    assert bucket.objects.read(KEY, limit=100) == b"##fileformat"
    assert bucket.archive.make_standard(KEY) is True
    assert bucket.standing() == (False, False, False)
    assert bucket.objects.read(KEY, limit=100) == b"##fileformat"


def test_what_came_back_can_be_archived_again(bucket: Bucket) -> None:
    bucket.archive.make_standard(a_restored_object(bucket))
    bucket.archive.archive(KEY)
    assert bucket.standing() == (True, False, False)


def test_archiving_what_has_a_temporary_copy_leaves_the_copy(bucket: Bucket) -> None:
    bucket.archive.archive(a_restored_object(bucket))
    assert bucket.standing() == (True, False, True)


def test_asking_again_is_harmless(bucket: Bucket) -> None:
    an_archived_object(bucket)
    bucket.ask(KEY, "Expedited")
    bucket.archive.restore(KEY, tier="Standard")
    bucket.finish(KEY)
    bucket.archive.restore(KEY, tier="Expedited")
    assert bucket.standing() == (True, False, True)


def test_what_was_never_archived_is_neither_restored_nor_made_standard_again(bucket: Bucket) -> None:
    bucket.archive.restore(an_object(bucket), tier="Expedited")
    assert bucket.archive.make_standard(KEY) is True
    assert bucket.standing() == (False, False, False)


def test_what_is_archived_without_a_copy_cannot_be_made_standard(bucket: Bucket) -> None:
    assert bucket.archive.make_standard(an_archived_object(bucket)) is False
    assert bucket.standing() == (True, False, False)


def test_what_is_not_there_is_neither_archived_nor_restored(bucket: Bucket) -> None:
    assert bucket.archive.look("nothing") is None
    bucket.archive.archive("nothing")
    bucket.archive.restore("nothing", tier="Expedited")
    assert bucket.archive.make_standard("nothing") is False
    assert bucket.objects.size("nothing") is None


def test_only_the_object_that_was_meant_moves(bucket: Bucket) -> None:
    other = an_object(bucket, "alice/1/input.vcf.gz")
    an_archived_object(bucket)
    assert bucket.standing(other) == (False, False, False)


def test_what_is_written_anew_is_in_standard_storage(bucket: Bucket) -> None:
    an_archived_object(bucket)
    an_object(bucket)
    assert bucket.standing() == (False, False, False)
    assert bucket.objects.read(KEY, limit=100) == b"##fileformat"


def test_archived_objects_are_deleted_as_others_are(bucket: Bucket) -> None:
    an_archived_object(bucket)
    bucket.objects.delete_under("alice/1/")
    assert bucket.archive.look(KEY) is None


@pytest.mark.usefixtures("moto")
class TestOnMoto:
    @pytest.fixture
    def s3(self) -> Any:
        s3 = client(SETTINGS, "s3")
        s3.create_bucket(Bucket="files")
        return s3

    @pytest.fixture(params=["whole", "in parts"])
    def large(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        """S3 copies a few bytes at a time."""
        if request.param == "in parts":
            monkeypatch.setattr(glacier, "LARGEST_COPY", 5 * MIB)
            monkeypatch.setattr(glacier, "PART", 5 * MIB)

    @pytest.mark.usefixtures("large")
    def test_an_object_goes_there_and_back_as_it_was(self, s3: Any) -> None:
        data = bytes(range(256)) * (11 * 4096) + b"end"
        s3.put_object(Bucket="files", Key=KEY, Body=data, ContentType="application/gzip", Metadata={"checked": "yes"})
        archive = S3Archive(s3, "files", restore_days=2, once=s3)
        archive.archive(KEY)
        assert s3.head_object(Bucket="files", Key=KEY)["StorageClass"] == "GLACIER"
        archive.restore(KEY, tier="Expedited")
        assert archive.make_standard(KEY)
        answer = s3.get_object(Bucket="files", Key=KEY)
        assert answer.get("StorageClass", "STANDARD") == "STANDARD"
        assert (answer["ContentType"], answer["Metadata"]) == ("application/gzip", {"checked": "yes"})
        assert answer["Body"].read() == data
        assert "Uploads" not in s3.list_multipart_uploads(Bucket="files")

    def test_a_copy_in_parts_that_fails_leaves_nothing_behind(self, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(glacier, "LARGEST_COPY", 10)
        monkeypatch.setattr(glacier, "PART", 10)  # less than S3 takes
        s3.put_object(Bucket="files", Key=KEY, Body=b"x" * 25)
        with pytest.raises(Permanent):
            S3Archive(s3, "files", restore_days=2, once=s3).archive(KEY)
        assert "StorageClass" not in s3.head_object(Bucket="files", Key=KEY)
        assert "Uploads" not in s3.list_multipart_uploads(Bucket="files")
