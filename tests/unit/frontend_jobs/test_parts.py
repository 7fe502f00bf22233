"""Large uploads of premium users, in parts."""

from __future__ import annotations

from typing import Any

import pytest

from frontend.jobs import parts
from frontend.jobs.parts import MOST_PARTS, SMALLEST_PART, Division
from shared.core.errors import Unavailable
from shared.core.jobs import JobState
from tests.client import Browser
from tests.unit.frontend_jobs.world import VCF, JobsWorld, call

MIB = 1024 * 1024
GIB = 1024 * MIB
TIB = 1024 * GIB
PART = 10
"""Bytes of a part in these tests."""


@pytest.fixture
def alice(world: JobsWorld, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """Premium, with parts that are small enough to write down."""
    monkeypatch.setattr(parts, "PARTS_FROM", 20)
    monkeypatch.setattr(Division, "part_size", PART)
    world.inputs.smallest_part = PART
    world.change(world.alice, plan="premium")
    return world.browser(world.alice)


class Upload:
    """What the page's script does."""

    def __init__(self, world: JobsWorld, browser: Browser, content: bytes = VCF) -> None:
        self.world, self.browser, self.content = world, browser, content
        answer: Any = call(browser, "/jobs", {"name": "exome.vcf", "size": len(content)})
        assert answer.status == 201
        self.body = answer.response.json
        self.told = self.body["parts"]
        self.job = world.stored(self.body["job_id"])

    def put(self, *numbers: int, data: bytes | None = None) -> None:
        for number in numbers:
            piece = self.content[(number - 1) * PART : number * PART] if data is None else data
            self.world.inputs.put_part(self.job.input.key, self.told["upload_id"], number, piece)

    def ask(self, what: str, **more: Any) -> Any:
        given = {"upload_id": self.told["upload_id"], "size": self.told["size"], **more}
        return call(self.browser, self.told[what], given).response

    @property
    def all(self) -> range:
        return range(1, self.told["count"] + 1)


# ---- how a file is divided ----


@pytest.mark.parametrize("size", [16 * MIB, 16 * MIB + 1, 5 * GIB, 79 * GIB, 1 * TIB + 7, 5 * TIB])
def test_a_file_is_divided_into_parts_that_s3_takes(size: int) -> None:
    division = Division(size)
    assert 5 * MIB <= division.part_size <= 5 * GIB
    assert division.part_size % MIB == 0
    assert 1 <= division.count <= MOST_PARTS
    last = division.size_of(division.count)
    assert 1 <= last <= division.part_size
    assert division.part_size * (division.count - 1) + last == size


def test_parts_grow_only_where_there_would_be_too_many() -> None:
    assert Division(SMALLEST_PART * MOST_PARTS).part_size == SMALLEST_PART
    assert Division(SMALLEST_PART * MOST_PARTS + 1).part_size == SMALLEST_PART + MIB


# ---- who may ----


@pytest.mark.parametrize(("size", "kind"), [(19, "upload"), (20, "parts")])
def test_a_large_file_goes_in_parts_and_a_small_one_by_a_form(alice: Browser, size: int, kind: str) -> None:
    answer: Any = call(alice, "/jobs", {"name": "exome.vcf", "size": size}).response.json
    assert {"upload", "parts"} & answer.keys() == {kind}


def test_a_file_of_more_than_5_gib_is_taken(alice: Browser) -> None:
    assert call(alice, "/jobs", {"name": "cohort.vcf.gz", "size": 60 * GIB}).status == 201


def test_what_s3_does_not_take_is_refused(world: JobsWorld, alice: Browser) -> None:
    answer: Any = call(alice, "/jobs", {"name": "cohort.vcf.gz", "size": 5 * TIB + 1})
    assert answer.status == 413
    assert "at most 5 TiB are accepted." in answer.response.json["error"]
    assert not world.jobs.jobs


def test_the_free_plan_has_no_uploads_in_parts(world: JobsWorld, bob: Browser, alice: Browser) -> None:
    answer: Any = call(bob, "/jobs", {"name": "exome.vcf", "size": 30 * MIB}).response.json
    assert "parts" not in answer
    assert world.inputs.uploads == {}


def test_an_upload_that_a_plan_s_end_overtook_is_refused(world: JobsWorld, alice: Browser) -> None:
    upload = Upload(world, alice)
    world.change(world.alice, plan="free")
    for what in ("look", "addresses", "complete"):
        answer = upload.ask(what, size=50 * MIB + 1, numbers=[1])
        assert answer.status_code == 413
        assert "on the free plan" in answer.json["error"]


def test_a_false_size_opens_no_way_around_the_limit(world: JobsWorld, alice: Browser) -> None:
    upload = Upload(world, alice)
    upload.put(*upload.all)
    world.change(world.alice, plan="free")
    assert upload.ask("complete", size=len(VCF) - 5).status_code == 409
    assert upload.job.input.key not in world.inputs.objects


@pytest.mark.parametrize("what", ["look", "addresses", "complete"])
def test_nobody_touches_another_s_upload(world: JobsWorld, alice: Browser, bob: Browser, what: str) -> None:
    world.change(world.bob, plan="premium")
    upload = Upload(world, alice)
    upload.browser = bob
    assert upload.ask(what, numbers=[1]).status_code == 404


def test_an_upload_of_another_job_is_not_found_under_one_s_own(world: JobsWorld, alice: Browser, bob: Browser) -> None:
    world.change(world.bob, plan="premium")
    theirs, mine = Upload(world, alice), Upload(world, bob)
    assert mine.ask("look", upload_id=theirs.told["upload_id"]).status_code == 404
    assert mine.ask("complete", upload_id=theirs.told["upload_id"]).status_code == 404


# ---- sending ----


def test_addresses_are_for_one_part_each(world: JobsWorld, alice: Browser) -> None:
    upload = Upload(world, alice)
    addresses = upload.ask("addresses", numbers=[3, 1]).json["addresses"]
    assert addresses.keys() == {"1", "3"}
    assert addresses["3"].endswith(f"{upload.job.input.key}?partNumber=3&uploadId={upload.told['upload_id']}")


@pytest.mark.parametrize("numbers", [None, [], [0], [-1], [99], ["1"], [True], [1.0], "12", [1] * 101, {}])
def test_addresses_are_for_parts_of_the_file_alone(world: JobsWorld, alice: Browser, numbers: Any) -> None:
    assert Upload(world, alice).ask("addresses", numbers=numbers).status_code == 400


@pytest.mark.parametrize(
    "given", [{"upload_id": None}, {"upload_id": ""}, {"upload_id": "a b"}, {"upload_id": "x" * 2000}]
)
@pytest.mark.parametrize("what", ["look", "addresses", "complete"])
def test_an_id_that_is_none_is_refused(world: JobsWorld, alice: Browser, what: str, given: Any) -> None:
    assert Upload(world, alice).ask(what, numbers=[1], **given).status_code == 400


@pytest.mark.parametrize("size", [None, 0, -1, "12", True, 1.5])
def test_a_size_that_is_none_is_refused(world: JobsWorld, alice: Browser, size: Any) -> None:
    assert Upload(world, alice).ask("look", size=size).status_code == 400


@pytest.mark.parametrize("body", [[], "text", 7, None])
def test_a_body_that_is_no_object_is_refused(world: JobsWorld, alice: Browser, body: Any) -> None:
    upload = Upload(world, alice)
    answer = call(alice, upload.told["look"], body if body is not None else [None])
    assert answer.status == 400


# ---- completing ----


def test_parts_in_any_order_become_the_file_and_the_file_a_job(world: JobsWorld, alice: Browser) -> None:
    upload = Upload(world, alice)
    upload.put(*reversed(upload.all))
    assert upload.ask("complete").json == {"stored": True}
    assert world.inputs.objects[upload.job.input.key] == VCF
    call(alice, upload.body["submit"])
    stored = world.stored(upload.job)
    assert (stored.state, stored.input.size) == (JobState.QUEUED, len(VCF))


def test_missing_parts_are_named(world: JobsWorld, alice: Browser) -> None:
    upload = Upload(world, alice)
    upload.put(*(number for number in upload.all if number not in {2, 4}))
    answer = upload.ask("complete")
    assert answer.status_code == 409
    assert answer.json["error"] == f"Of {len(upload.all)} parts, 2, 4 are missing or not whole. Send them again."
    assert upload.job.input.key not in world.inputs.objects


def test_of_many_missing_parts_some_are_named(world: JobsWorld, alice: Browser) -> None:
    upload = Upload(world, alice)
    upload.put(1)
    assert f"2, 3, 4, 5, 6 and {len(upload.all) - 6} more are missing" in upload.ask("complete").json["error"]


@pytest.mark.parametrize("data", [b"", b"short", b"longer than a part"])
def test_a_part_that_is_not_whole_is_to_be_sent_again(world: JobsWorld, alice: Browser, data: bytes) -> None:
    upload = Upload(world, alice)
    upload.put(*upload.all)
    upload.put(3, data=data)
    assert 3 not in upload.ask("look").json["have"]
    assert upload.ask("complete").status_code == 409
    upload.put(3)
    assert upload.ask("complete").status_code == 200
    assert world.inputs.objects[upload.job.input.key] == VCF


def test_parts_beyond_the_file_are_left_out(world: JobsWorld, alice: Browser) -> None:
    upload = Upload(world, alice)
    upload.put(*upload.all)
    upload.put(upload.all[-1] + 1, data=b"0123456789")
    assert upload.ask("complete").status_code == 200
    assert world.inputs.objects[upload.job.input.key] == VCF


def test_completing_twice_is_harmless(world: JobsWorld, alice: Browser) -> None:
    upload = Upload(world, alice)
    upload.put(*upload.all)
    assert [upload.ask("complete").status_code for _ in range(2)] == [200, 200]


def test_nothing_is_stored_before_it_is_complete(world: JobsWorld, alice: Browser) -> None:
    upload = Upload(world, alice)
    upload.put(*upload.all)
    answer: Any = call(alice, upload.body["submit"])
    assert answer.status == 409
    assert "has not arrived yet" in answer.response.json["error"]


def test_while_s3_is_away_trying_again_is_asked_for(world: JobsWorld, alice: Browser) -> None:
    upload = Upload(world, alice)
    world.inputs.fail_with = Unavailable("S3 does not answer.")
    assert upload.ask("complete").status_code == 503


# ---- going on ----


def test_what_is_there_already_is_told(world: JobsWorld, alice: Browser) -> None:
    upload = Upload(world, alice)
    upload.put(1, 2, upload.all[-1])
    assert upload.ask("look").json == {"stored": False, "have": [1, 2, upload.all[-1]]}


def test_a_file_that_is_whole_already_need_not_be_sent(world: JobsWorld, alice: Browser) -> None:
    upload = Upload(world, alice)
    upload.put(*upload.all)
    upload.ask("complete")
    assert upload.ask("look").json == {"stored": True, "have": []}


@pytest.mark.parametrize("what", ["look", "complete"])
def test_an_upload_that_s3_forgot_is_gone(world: JobsWorld, alice: Browser, what: str) -> None:
    upload = Upload(world, alice)
    world.inputs.uploads.clear()
    assert upload.ask(what).status_code == 404


@pytest.mark.parametrize("what", ["look", "addresses", "complete"])
@pytest.mark.parametrize("state", [state for state in JobState if state is not JobState.CREATED])
def test_a_job_that_has_its_file_takes_no_parts(world: JobsWorld, alice: Browser, what: str, state: JobState) -> None:
    upload = Upload(world, alice)
    job = world.job(state)
    path = upload.told[what].replace(upload.job.job_id, job.job_id)
    assert call(alice, path, {"upload_id": "u", "size": 1000, "numbers": [1]}).status == 404
    of_its_file = call(alice, path, {"upload_id": "u", "size": len(VCF), "numbers": [1]})
    assert of_its_file.status == (404 if what == "addresses" else 200)


def test_a_premium_job_waits_a_week_for_its_file(world: JobsWorld, alice: Browser) -> None:
    upload = Upload(world, alice)
    world.later(days=6, hours=23)
    alice = world.browser(world.alice)
    alice.get("/jobs")
    assert upload.job.job_id in world.jobs.jobs
    world.later(hours=2)
    alice.get("/jobs")
    assert world.jobs.jobs == {}


# ---- giving up ----


def test_an_upload_that_is_given_up_goes_away_with_its_job(world: JobsWorld, alice: Browser) -> None:
    upload = Upload(world, alice)
    upload.put(1)
    assert call(alice, upload.body["discard"], {"upload_id": upload.told["upload_id"]}).status == 200
    assert (world.inputs.uploads, world.jobs.jobs) == ({}, {})


def test_giving_up_too_late_takes_nothing_away(world: JobsWorld, alice: Browser) -> None:
    upload = Upload(world, alice)
    upload.put(*upload.all)
    upload.ask("complete")
    call(alice, upload.body["submit"])
    assert call(alice, upload.body["discard"], {"upload_id": upload.told["upload_id"]}).status == 404
    assert upload.job.job_id in world.jobs.jobs
