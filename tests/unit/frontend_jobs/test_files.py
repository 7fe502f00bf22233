"""Downloads and the log."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from frontend.jobs import files
from shared.core.jobs import JobState
from tests.client import Browser
from tests.unit.frontend_jobs.world import JobsWorld


@pytest.mark.parametrize(
    ("kind", "saved_as"),
    [
        ("vcf", "patient_7.annotated.vcf.gz"),
        ("tbi", "patient_7.annotated.vcf.gz.tbi"),
        ("tsv", "patient_7.annotated.tsv.gz"),
        ("log", "patient_7.log.txt"),
    ],
)
def test_a_download_leads_to_storage_for_five_minutes_under_the_right_name(
    world: JobsWorld, alice: Browser, kind: str, saved_as: str
) -> None:
    job = world.job(JobState.COMPLETED, name="patient 7.vcf.gz")
    answer = alice.get(f"/jobs/{job.job_id}/files/{kind}")
    assert answer.status == 302
    target = urlsplit(answer.location or "")
    assert target.path == f"/{job.results[kind].key}"
    assert parse_qs(target.query) == {"filename": [saved_as], "expires": ["300"]}
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("kind", ["bam", "vcf.gz", "input", "__class__"])
def test_there_are_no_other_files(world: JobsWorld, alice: Browser, kind: str) -> None:
    job = world.job(JobState.COMPLETED)
    assert alice.get(f"/jobs/{job.job_id}/files/{kind}").status == 404


@pytest.mark.parametrize("path", ["files/vcf", "log"])
@pytest.mark.parametrize("state", [JobState.CREATED, JobState.QUEUED, JobState.RUNNING, JobState.CANCELLED])
def test_before_there_are_results_there_is_nothing_to_download(
    world: JobsWorld, alice: Browser, path: str, state: JobState
) -> None:
    job = world.job(state)
    assert alice.get(f"/jobs/{job.job_id}/{path}").status == 404


def test_the_page_offers_every_file_that_there_is(world: JobsWorld, alice: Browser) -> None:
    job = world.job(JobState.COMPLETED)
    offered = {link.get("href") for link in alice.get(f"/jobs/{job.job_id}").all("a")}
    assert {f"/jobs/{job.job_id}/files/{kind}" for kind in ("vcf", "tbi", "tsv", "log")} <= offered


@pytest.mark.parametrize("state", [JobState.COMPLETED, JobState.FAILED])
def test_the_log_can_be_read_on_a_page_and_is_only_text_there(
    world: JobsWorld, alice: Browser, state: JobState
) -> None:
    job = world.job(state)
    page = alice.get(f"/jobs/{job.job_id}/log")
    [log] = page.all("pre")
    assert log.text == "log of <b>exome.vcf</b>\n"
    assert "This is the beginning" not in page.words


def test_a_long_log_is_shown_from_its_beginning_and_says_so(
    world: JobsWorld, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LOG_ON_PAGE", 5)
    job = world.job(JobState.COMPLETED)
    page = alice.get(f"/jobs/{job.job_id}/log")
    assert page.all("pre")[0].text == "log o"
    assert "the rest is in the file" in page.words


def test_a_log_with_broken_bytes_is_shown_all_the_same(world: JobsWorld, alice: Browser) -> None:
    job = world.job(JobState.COMPLETED)
    world.results.write(job.results["log"].key, b"caf\xe9 \x1b[31m\0", content_type="text/plain")
    assert alice.get(f"/jobs/{job.job_id}/log").all("pre")[0].text == "caf\ufffd \ufffd[31m\ufffd"


def test_a_log_that_was_cleared_away_meanwhile_is_a_kind_404(world: JobsWorld, alice: Browser) -> None:
    job = world.job(JobState.COMPLETED)
    world.results.objects.clear()
    assert alice.get(f"/jobs/{job.job_id}/log").status == 404
