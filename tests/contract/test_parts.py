"""Uploads in parts, on the fake and on S3: a browser sends each part to an address of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import requests

from shared.aws.objects import MIB
from shared.core.errors import NotFound, Permanent
from shared.core.ports import Objects, UploadedPart
from tests.fakes import FakeObjects

KEY = "alice/1/input.vcf"
LARGE, SMALL = b"a" * (5 * MIB), b"the end"
Put = Callable[[str, int, bytes], UploadedPart]


@pytest.fixture
def put(objects: Objects) -> Put:
    """Sends one part."""

    def put(upload_id: str, number: int, data: bytes) -> UploadedPart:
        if isinstance(objects, FakeObjects):
            return objects.put_part(KEY, upload_id, number, data)
        url = objects.part_url(KEY, upload_id, number, expires=timedelta(minutes=5))
        answer = requests.put(url, data=data, timeout=10)
        assert answer.status_code == 200
        return UploadedPart(number, answer.headers["ETag"], len(data))

    return put


def test_parts_become_one_object_in_the_order_of_their_numbers(objects: Objects, put: Put) -> None:
    upload_id = objects.start_parts(KEY)
    last, first = put(upload_id, 2, SMALL), put(upload_id, 1, LARGE)
    assert objects.size(KEY) is None
    objects.complete_parts(KEY, upload_id, [last, first])
    assert objects.read(KEY, limit=6 * MIB) == LARGE + SMALL


def test_what_is_there_already_is_told_by_number(objects: Objects, put: Put) -> None:
    upload_id = objects.start_parts(KEY)
    assert list(objects.parts(KEY, upload_id)) == []
    second, first = put(upload_id, 2, b"xy"), put(upload_id, 1, b"x")
    assert list(objects.parts(KEY, upload_id)) == [first, second]
    assert [part.size for part in (first, second)] == [1, 2]


def test_a_part_that_is_sent_again_replaces_the_earlier_one(objects: Objects, put: Put) -> None:
    upload_id = objects.start_parts(KEY)
    first = put(upload_id, 1, b"x")
    again = put(upload_id, 1, b"yy")
    assert list(objects.parts(KEY, upload_id)) == [again]
    with pytest.raises(Permanent, match="missing"):
        objects.complete_parts(KEY, upload_id, [first])
    objects.complete_parts(KEY, upload_id, [again])
    assert objects.read(KEY, limit=10) == b"yy"


@pytest.mark.parametrize("numbers", [(), (2,), (1, 3), (1, 1, 2)])
def test_a_file_with_a_hole_is_not_put_together(objects: Objects, put: Put, numbers: tuple[int, ...]) -> None:
    upload_id = objects.start_parts(KEY)
    sent = {number: put(upload_id, number, LARGE) for number in set(numbers)}
    with pytest.raises(Permanent, match="missing"):
        objects.complete_parts(KEY, upload_id, [sent[number] for number in numbers])
    assert objects.size(KEY) is None
    assert len(objects.parts(KEY, upload_id)) == len(sent)


def test_a_part_that_was_never_sent_is_missing(objects: Objects, put: Put) -> None:
    upload_id = objects.start_parts(KEY)
    first = put(upload_id, 1, LARGE)
    with pytest.raises(Permanent, match="missing"):
        objects.complete_parts(KEY, upload_id, [first, UploadedPart(2, first.etag)])
    assert objects.size(KEY) is None


def test_a_part_other_than_the_last_may_not_be_small(objects: Objects, put: Put) -> None:
    upload_id = objects.start_parts(KEY)
    parts = [put(upload_id, number, SMALL) for number in (1, 2)]
    with pytest.raises(Permanent, match="small"):
        objects.complete_parts(KEY, upload_id, parts)
    assert objects.size(KEY) is None


@pytest.mark.parametrize("end", ["complete", "abort"])
def test_an_upload_that_ended_is_not_known_any_more(objects: Objects, put: Put, end: str) -> None:
    upload_id = objects.start_parts(KEY)
    part = put(upload_id, 1, SMALL)
    if end == "complete":
        objects.complete_parts(KEY, upload_id, [part])
    for _ in range(2):
        objects.abort_parts(KEY, upload_id)
    with pytest.raises(NotFound):
        objects.parts(KEY, upload_id)
    if isinstance(objects, FakeObjects):  # moto fails on it; see tests/unit/aws/test_clients.py for S3's answer
        with pytest.raises(NotFound):
            objects.complete_parts(KEY, upload_id, [part])
    assert objects.size(KEY) == (len(SMALL) if end == "complete" else None)


def test_two_uploads_of_one_file_do_not_meet(objects: Objects, put: Put) -> None:
    first, second = objects.start_parts(KEY), objects.start_parts(KEY)
    put(first, 1, b"first")
    assert list(objects.parts(KEY, second)) == []


def test_an_address_is_of_one_part_of_one_upload(objects: Objects) -> None:
    upload_id = objects.start_parts(KEY)
    url = objects.part_url(KEY, upload_id, 7, expires=timedelta(minutes=5))
    assert KEY in url
    assert "partNumber=7" in url
    assert f"uploadId={upload_id}" in url


def test_what_is_deleted_under_a_prefix_cannot_be_completed_afterwards(objects: Objects, put: Put) -> None:
    mine = [objects.start_parts(KEY) for _ in range(2)]
    other = objects.start_parts("alice/10/input.vcf")
    parts = [put(upload_id, 1, SMALL) for upload_id in mine]
    objects.delete_under("alice/1/")
    for upload_id in mine:
        with pytest.raises(NotFound):
            objects.parts(KEY, upload_id)
    if isinstance(objects, FakeObjects):  # moto fails on it; see tests/unit/aws/test_clients.py for S3's answer
        with pytest.raises(NotFound):
            objects.complete_parts(KEY, mine[0], parts[:1])
    assert list(objects.parts("alice/10/input.vcf", other)) == []
