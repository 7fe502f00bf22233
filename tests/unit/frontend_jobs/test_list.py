"""The list of one's jobs."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from shared.core.jobs import JobState, Progress
from tests.client import Browser, Page, text_of
from tests.unit.frontend_jobs.world import JobsWorld


def rows(page: Page) -> list[str]:
    return [text_of(row) for body in page.all("tbody") for row in body.iter("tr")]


def live_tag(page: Page) -> str:
    """The ETag that the live part carries in its own markup."""
    found = re.search(r"""hx-headers='\{"If-None-Match": "\\"(\w+)\\""\}'""", page.text)
    assert found is not None, page.text
    return f'"{found.group(1)}"'


def test_somebody_new_is_shown_where_to_begin(alice: Browser) -> None:
    page = alice.get("/jobs")
    assert "No jobs yet" in page.words
    assert not page.all("table")


def test_jobs_are_listed_newest_first(world: JobsWorld, alice: Browser) -> None:
    for name in ("first.vcf", "second.vcf", "third.vcf"):
        world.job(name=name)
        world.later(minutes=1)
    assert [row.split()[0] for row in rows(alice.get("/jobs"))] == ["third.vcf", "second.vcf", "first.vcf"]


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (JobState.CREATED, "Waiting for file"),
        (JobState.QUEUED, "Queued"),
        (JobState.RUNNING, "Annotating 40 %"),
        (JobState.COMPLETED, "Done"),
        (JobState.FAILED, "Failed"),
        (JobState.CANCELLED, "Cancelled"),
    ],
)
def test_a_state_is_a_word_with_an_icon(world: JobsWorld, alice: Browser, state: JobState, word: str) -> None:
    world.job(state)
    page = alice.get("/jobs")
    assert word in rows(page)[0]
    [badge] = [item for item in page.all("span") if "badge" in (item.get("class") or "").split()]
    assert any(str(item.tag).endswith("svg") for item in badge)


def test_a_finished_job_shows_its_counts(world: JobsWorld, alice: Browser) -> None:
    world.job(JobState.COMPLETED)
    assert "11 of 12 1 " in rows(alice.get("/jobs"))[0]


def test_a_failed_job_says_why(world: JobsWorld, alice: Browser) -> None:
    world.job(JobState.FAILED)
    assert "7 columns instead of 10" in rows(alice.get("/jobs"))[1]


def test_only_a_job_with_results_counts_down_in_the_list(world: JobsWorld, alice: Browser) -> None:
    until = world.time + timedelta(minutes=9)
    world.job(JobState.FAILED, archive_at=until)
    assert "Archive" not in rows(alice.get("/jobs"))[0]
    world.later(minutes=1)
    world.job(JobState.COMPLETED, archive_at=until)
    assert "Archive" in rows(alice.get("/jobs"))[0]


def test_a_long_list_is_paged_and_nothing_is_lost_between_pages(world: JobsWorld, alice: Browser) -> None:
    names = [f"file-{number}.vcf" for number in range(60)]
    for name in names:
        world.job(name=name)
        world.later(seconds=1)
    seen: list[str] = []
    page = alice.get("/jobs")
    while True:
        seen += [row.split()[0] for row in rows(page)]
        older = [link.get("href", "") for link in page.all("a") if text_of(link) == "Older"]
        if not older:
            break
        page = alice.get(older[0])
    assert seen == names[::-1]
    assert "Newest" in page.words


def test_a_nonsense_place_in_the_list_is_a_kind_400(world: JobsWorld, alice: Browser) -> None:
    assert alice.get("/jobs?start=nonsense").status == 400


def test_the_list_asks_for_itself_while_a_job_moves(world: JobsWorld, alice: Browser) -> None:
    world.job(JobState.RUNNING)
    page = alice.get("/jobs")
    [live] = [item for item in page.all("div") if item.get("hx-get")]
    assert live.get("hx-get") == "/jobs/live"
    assert live.get("hx-trigger") == "every 2s"


def test_the_list_rests_when_every_job_is_final(world: JobsWorld, alice: Browser) -> None:
    for state in (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED):
        world.job(state)
    page = alice.get("/jobs")
    assert not [item for item in page.root.iter() if item.get("hx-get")]
    assert "htmx" not in page.text


def test_an_unchanged_list_costs_a_304(world: JobsWorld, alice: Browser) -> None:
    job = world.job(JobState.RUNNING)
    asked = {"HX-Request": "true", "If-None-Match": live_tag(alice.get("/jobs"))}
    assert alice.get("/jobs/live", headers=asked).status == 304
    world.jobs.jobs[job.job_id] = world.job(JobState.RUNNING, job_id="f" * 32, progress=Progress("annotating", 50, 100))
    changed = alice.get("/jobs/live", headers=asked)
    assert changed.status == 200
    assert "50 %" in changed.words


def test_the_live_part_of_a_later_page_asks_for_that_page(world: JobsWorld, alice: Browser) -> None:
    for _ in range(26):
        world.job()
        world.later(seconds=1)
    [older] = [link.get("href", "") for link in alice.get("/jobs").all("a") if text_of(link) == "Older"]
    [live] = [item for item in alice.get(older).all("div") if item.get("hx-get")]
    assert live.get("hx-get") == older.replace("/jobs?", "/jobs/live?")
    assert len(rows(alice.get(live.get("hx-get", "")))) == 1


def test_a_live_part_leads_to_the_sign_in_when_the_session_has_ended(world: JobsWorld) -> None:
    page = world.browser().get("/jobs/live", headers={"HX-Request": "true"})
    assert page.status == 401
    assert page.headers["HX-Redirect"] == "/sign-in"


def test_an_upload_that_never_came_is_forgotten_after_a_day(world: JobsWorld, alice: Browser) -> None:
    abandoned = world.job(name="abandoned.vcf")
    world.inputs.write(abandoned.input.key, b"half", content_type="")
    world.later(hours=23)
    world.job(JobState.COMPLETED, name="kept.vcf")
    assert len(rows(alice.get("/jobs"))) == 2
    world.later(hours=2)
    assert [row.split()[0] for row in rows(alice.get("/jobs"))] == ["kept.vcf"]
    assert abandoned.job_id not in world.jobs.jobs
    assert abandoned.input.key not in world.inputs.objects


def test_a_name_cannot_break_out_of_the_page(world: JobsWorld, alice: Browser) -> None:
    name = """<script>alert(1)</script>"'><img src=x onerror=alert(1)>"""
    world.job(JobState.COMPLETED, name=name)
    page = alice.get("/jobs")
    assert name in rows(page)[0]
    assert not page.all("img")
