"""How a job begins: by upload, by paste, with the example."""

from __future__ import annotations

from typing import Any

import pytest

from frontend.jobs import intake, paste
from frontend.jobs.new import EXAMPLE
from shared.core.errors import Unavailable
from shared.core.jobs import JobState
from tests.client import Browser, Page
from tests.unit.frontend_jobs.world import VCF, JobsWorld, call

MIB = 1024 * 1024


def begin(browser: Browser, **given: Any) -> Any:
    return call(browser, "/jobs", {"name": "exome.vcf", "size": len(VCF), **given})


def upload(world: JobsWorld, browser: Browser, content: bytes = VCF, **given: Any) -> Any:
    """Begins, and stores the content as S3 would. Answers what the script was told."""
    body = begin(browser, **given).response.json
    world.inputs.write(body["upload"]["fields"]["key"], content, content_type="")
    return body


def page_after(browser: Browser, body: Any) -> Page:
    """Submits, and goes where the script is sent."""
    answer: Any = call(browser, body["submit"]).response.json
    return browser.get(answer["page"])


# ---- beginning an upload ----


def test_an_upload_begins_with_a_job_and_a_form_for_its_file_alone(world: JobsWorld, alice: Browser) -> None:
    answer = begin(alice)
    assert answer.status == 201
    job = world.stored(answer.response.json["job_id"])
    assert (job.state, job.user_id, job.name) == (JobState.CREATED, world.alice.user_id, "exome.vcf")
    fields = answer.response.json["upload"]["fields"]
    assert fields == {"key": job.input.key, "policy": f"{50 * MIB} bytes, 3600 s"}
    assert world.announced == []


def test_an_upload_can_begin_with_a_form_too(world: JobsWorld, alice: Browser) -> None:
    page = alice.get("/jobs/new")
    [token] = {item.get("value") for item in page.all("input", name="csrf_token")}
    answer = alice.post("/jobs", {"csrf_token": token, "name": "exome.vcf", "size": "12"})
    assert answer.status == 201


def test_the_file_name_is_no_part_of_the_key(world: JobsWorld, alice: Browser) -> None:
    name = "../../../etc/“passwd” <script>.vcf"
    body = begin(alice, name=name).response.json
    job = world.stored(body["job_id"])
    assert job.name == name
    assert body["upload"]["fields"]["key"] == f"{world.alice.user_id}/{job.job_id}/input.vcf"


def test_a_name_of_300_characters_with_half_a_character_is_cut_and_stored(world: JobsWorld, alice: Browser) -> None:
    begin(alice, name="\ud83d" + "x" * 300)
    assert world.only_job().name == "x" * 255


@pytest.mark.parametrize(
    "given",
    [
        {"name": None},
        {"name": 7},
        {"name": ["a"]},
        {"size": None},
        {"size": -1},
        {"size": 1.5},
        {"size": True},
        {"size": "many"},
        {"size": "9" * 40},
        {"size": {}},
    ],
)
def test_nonsense_begins_nothing(world: JobsWorld, alice: Browser, given: Any) -> None:
    answer = begin(alice, **given)
    assert answer.status == 400
    assert "size in bytes" in answer.response.json["error"]
    assert not world.jobs.jobs


@pytest.mark.parametrize("body", [[], "text", 7])
def test_a_body_that_is_no_object_begins_nothing(world: JobsWorld, alice: Browser, body: Any) -> None:
    assert call(alice, "/jobs", body).status == 400
    assert not world.jobs.jobs


def test_an_empty_file_begins_nothing(world: JobsWorld, alice: Browser) -> None:
    answer = begin(alice, size=0)
    assert answer.status == 400
    assert "is empty" in answer.response.json["error"]
    assert not world.jobs.jobs


def test_a_file_over_the_limit_begins_nothing_and_is_told_the_limit(world: JobsWorld, alice: Browser) -> None:
    answer = begin(alice, size=50 * MIB + 1)
    assert answer.status == 413
    assert "at most 50 MiB" in answer.response.json["error"]
    assert not world.jobs.jobs


def test_a_premium_file_over_the_free_limit_is_taken(world: JobsWorld, alice: Browser) -> None:
    world.change(world.alice, plan="premium")
    assert begin(alice, size=50 * MIB + 1).status == 201


def test_a_small_premium_file_goes_by_a_form_that_takes_what_s3_takes(world: JobsWorld, alice: Browser) -> None:
    world.change(world.alice, plan="premium")
    answer: Any = begin(alice).response.json
    assert answer["upload"]["fields"]["policy"] == f"{5 * 1024 * MIB} bytes, 3600 s"


def test_the_page_says_and_enforces_the_plan_s_limit(world: JobsWorld, alice: Browser) -> None:
    page = alice.get("/jobs/new")
    assert "up to 50 MiB each" in page.words
    [form] = page.all("form", id="upload")
    assert form.get("data-max-bytes") == str(50 * MIB)
    world.change(world.alice, plan="premium")
    page = alice.get("/jobs/new")
    assert "of any size" in page.words
    [form] = page.all("form", id="upload")
    assert form.get("data-max-bytes") == str(5 * 1024 * 1024 * MIB)


def test_a_file_of_exactly_the_limit_is_taken(alice: Browser) -> None:
    assert begin(alice, size=50 * MIB).status == 201


def test_a_runaway_script_is_slowed_down(
    world: JobsWorld, alice: Browser, bob: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MAX_JOBS_AN_HOUR", 2)
    assert [begin(alice).status for _ in range(3)] == [201, 201, 429]
    assert begin(bob).status == 201
    world.later(hours=1)
    assert begin(alice).status == 201


# ---- submitting ----


def test_a_submitted_upload_is_queued_with_its_size_and_announced_once(world: JobsWorld, alice: Browser) -> None:
    body = upload(world, alice)
    answer = call(alice, body["submit"])
    assert answer.response.json == {"page": f"/jobs/{body['job_id']}"}
    job = world.stored(body["job_id"])
    assert (job.state, job.input.size, job.queued_at) == (JobState.QUEUED, len(VCF), world.time)
    [message] = world.announced
    assert (message.job_id, message.run, message.request_id) == (job.job_id, 1, answer.headers["X-Request-Id"])
    world.later(minutes=1)
    assert not world.jobs.unannounced(before=world.time)


def test_submitting_twice_is_harmless(world: JobsWorld, alice: Browser) -> None:
    body = upload(world, alice)
    first, second = call(alice, body["submit"]), call(alice, body["submit"])
    assert first.response.json == second.response.json
    assert len(world.announced) == 1


@pytest.mark.parametrize("state", [state for state in JobState if state is not JobState.CREATED])
def test_submitting_a_job_that_is_further_on_changes_nothing(world: JobsWorld, alice: Browser, state: JobState) -> None:
    job = world.job(state)
    assert call(alice, f"/jobs/{job.job_id}/submit").status == 200
    assert world.stored(job) == job
    assert world.announced == []


def test_a_job_submitted_by_another_request_at_the_same_moment_is_announced_by_that_alone(
    world: JobsWorld, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = upload(world, alice)
    size_of = world.inputs.size

    def submitted_meanwhile(key: str) -> int | None:
        world.jobs.submit(body["job_id"], pack="rcrs", why="", size=len(VCF), request_id="other", now=world.time)
        return size_of(key)

    monkeypatch.setattr(world.inputs, "size", submitted_meanwhile)
    assert call(alice, body["submit"]).status == 200
    assert world.stored(body["job_id"]).request_id == "other"
    assert world.announced == []


def test_without_a_file_the_job_goes_on_waiting_for_it(world: JobsWorld, alice: Browser) -> None:
    body = begin(alice).response.json
    answer = call(alice, body["submit"])
    assert answer.status == 409
    assert "has not arrived" in str(answer.response.json)
    assert world.stored(body["job_id"]).state is JobState.CREATED


def test_without_a_file_a_person_is_told_on_the_jobs_page(world: JobsWorld, alice: Browser) -> None:
    job = world.job()
    page = alice.follow(alice.submit(alice.get(f"/jobs/{job.job_id}"), "It is uploaded: start the job"))
    assert "has not arrived" in page.words
    assert page.h1 == job.name


def test_an_empty_object_fails_the_job_in_plain_words(world: JobsWorld, alice: Browser) -> None:
    body = upload(world, alice, b"")
    page = page_after(alice, body)
    assert world.stored(body["job_id"]).state is JobState.FAILED
    assert "The uploaded file is empty." in page.words
    assert world.announced == []


def test_an_object_over_the_limit_fails_the_job_and_is_deleted(alice: Browser, world: JobsWorld) -> None:
    body = upload(world, alice, b"x" * (50 * MIB + 1))
    page = page_after(alice, body)
    assert world.stored(body["job_id"]).state is JobState.FAILED
    assert "at most 50 MiB are accepted" in page.words
    assert not world.inputs.objects
    assert world.announced == []


def test_a_job_that_cannot_be_announced_now_is_queued_all_the_same(world: JobsWorld, alice: Browser) -> None:
    body = upload(world, alice)
    world.topics.fail_with = Unavailable("SNS is away.")
    page = page_after(alice, body)
    assert "Queued" in page.words
    world.later(seconds=11)
    assert [job.job_id for job in world.jobs.unannounced(before=world.time)] == [body["job_id"]]


# ---- pasting ----


def test_pasted_variants_become_a_queued_job(world: JobsWorld, alice: Browser) -> None:
    answer = alice.submit(alice.get("/jobs/new"), "Annotate", variants="m.3243A>G\r\nMT:8993:T:G")
    job = world.only_job()
    assert answer.location == f"/jobs/{job.job_id}"
    assert (job.state, job.name) == (JobState.QUEUED, "m.3243A>G and 1 more")
    assert b"MT\t8993\t.\tT\tG" in world.inputs.objects[job.input.key]
    assert job.input.size == len(world.inputs.objects[job.input.key])
    assert [message.job_id for message in world.announced] == [job.job_id]


def test_what_cannot_be_read_is_explained_beside_the_text_which_is_kept(world: JobsWorld, alice: Browser) -> None:
    text = "m.3243A>G\n<b>bold</b>\nMT 5 A"
    page = alice.submit(alice.get("/jobs/new"), "Annotate", variants=text)
    assert page.status == 422
    [box] = page.all("textarea")
    assert (box.text or "").strip("\n") == text
    assert box.get("aria-invalid") == "true"
    assert "Line 2 <b>bold</b>" in page.words
    assert "Line 3 MT 5 A" in page.words
    assert not world.jobs.jobs


def test_a_first_empty_line_of_the_pasted_text_is_kept_too(alice: Browser) -> None:
    page = alice.submit(alice.get("/jobs/new"), "Annotate", variants="\nnonsense")
    assert "Line 2 nonsense" in page.words
    assert page.all("textarea")[0].text == "\nnonsense"


def test_the_box_takes_a_megabyte(world: JobsWorld, alice: Browser) -> None:
    page = alice.get("/jobs/new")
    alice.submit(page, "Annotate", variants="m.3243A>G\n" * 99_000)
    assert world.only_job().name == "m.3243A>G and 98,999 more"


def test_more_than_the_box_takes_is_refused_kindly(
    world: JobsWorld, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paste, "MAX_CHARACTERS", 100)
    page = alice.submit(alice.get("/jobs/new"), "Annotate", variants="m.3243A>G\n" * 11)
    assert page.status == 422
    assert "upload that" in page.words
    assert not world.jobs.jobs


# ---- the example ----


def test_the_example_is_one_click_away_and_is_a_vcf(world: JobsWorld, alice: Browser) -> None:
    answer = alice.submit(alice.get("/jobs/new"), "Try with example data")
    job = world.only_job()
    assert answer.location == f"/jobs/{job.job_id}"
    assert (job.state, job.name) == (JobState.QUEUED, "mitochondria.vcf")
    assert world.inputs.objects[job.input.key] == EXAMPLE.read_bytes()
    assert EXAMPLE.read_bytes().startswith(b"##fileformat=VCF")


def test_an_empty_list_offers_the_example_too(world: JobsWorld, alice: Browser) -> None:
    alice.submit(alice.get("/jobs"), "Try with example data")
    assert world.only_job().state is JobState.QUEUED
