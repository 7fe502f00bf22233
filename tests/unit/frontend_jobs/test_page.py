"""One job's page: how it stands, and what came of it."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from shared.core.errors import Unavailable
from shared.core.jobs import JobError, JobState, Ledger, Progress
from tests.client import Browser, Page, text_of
from tests.unit.frontend_jobs.test_list import live_tag
from tests.unit.frontend_jobs.world import SUMMARY, JobsWorld

STEPS = ["done", "now", "todo", "stopped"]


def steps(page: Page) -> list[tuple[str, str]]:
    """The timeline: the name and the state of each step."""
    found = []
    for item in page.all("li"):
        classes = (item.get("class") or "").split()
        if "step" in classes:
            [name] = [text_of(part) for part in item.iter("span") if part.get("class") == "step-name"]
            [state] = [state for state in STEPS if f"step-{state}" in classes]
            found.append((name.removesuffix(" (not yet)"), state))
    return found


def live_parts(page: Page) -> list[str]:
    """What on the page asks for itself."""
    return [address for item in page.root.iter() if (address := item.get("hx-get"))]


# ---- how it stands ----


@pytest.mark.parametrize(
    ("state", "progress", "reached"),
    [
        (JobState.CREATED, None, ["now", "todo", "todo", "todo", "todo"]),
        (JobState.QUEUED, None, ["done", "now", "todo", "todo", "todo"]),
        (JobState.RUNNING, Progress("checking"), ["done", "done", "now", "todo", "todo"]),
        (JobState.RUNNING, Progress("normalising", 3, 9), ["done", "done", "now", "todo", "todo"]),
        (JobState.RUNNING, Progress("annotating", 3, 9), ["done", "done", "done", "now", "todo"]),
        (JobState.RUNNING, Progress("writing", 3, 9), ["done", "done", "done", "now", "todo"]),
        (JobState.COMPLETED, Progress("writing", 9, 9), ["done", "done", "done", "done", "done"]),
        (JobState.FAILED, Progress("checking"), ["done", "done", "stopped", "todo", "todo"]),
        (JobState.FAILED, Progress("annotating", 3, 9), ["done", "done", "done", "stopped", "todo"]),
    ],
)
def test_the_timeline_shows_how_far_the_job_has_come(
    world: JobsWorld, alice: Browser, state: JobState, progress: Progress | None, reached: list[str]
) -> None:
    job = world.job(state, progress=progress)
    assert [state for _, state in steps(alice.get(f"/jobs/{job.job_id}"))] == reached


def test_the_timeline_says_what_is_going_on(world: JobsWorld, alice: Browser) -> None:
    job = world.job(JobState.RUNNING, progress=Progress("annotating", 61_200, 100_000))
    page = alice.get(f"/jobs/{job.job_id}")
    assert [name for name, _ in steps(page)] == ["Uploaded", "Queued", "Checked", "Annotating", "Done"]
    assert "61,200 of 100,000" in page.words
    [bar] = page.all("progress")
    assert (bar.get("value"), bar.get("max")) == ("61200", "100000")


def test_a_job_cancelled_before_its_file_came_stopped_at_the_upload(world: JobsWorld, alice: Browser) -> None:
    job = world.job()
    world.jobs.cancel(job.job_id, now=world.time)
    assert steps(alice.get(f"/jobs/{job.job_id}"))[0] == ("Upload", "stopped")


@pytest.mark.parametrize(
    ("state", "title"),
    [
        (JobState.CREATED, "Waiting for file · exome.vcf · GAS"),
        (JobState.QUEUED, "Queued · exome.vcf · GAS"),
        (JobState.RUNNING, "Annotating 40 % · exome.vcf · GAS"),
        (JobState.COMPLETED, "✓ Done · exome.vcf · GAS"),
        (JobState.FAILED, "✗ Failed · exome.vcf · GAS"),
        (JobState.CANCELLED, "Cancelled · exome.vcf · GAS"),
    ],
)
def test_the_tab_says_how_the_job_stands(world: JobsWorld, alice: Browser, state: JobState, title: str) -> None:
    job = world.job(state)
    assert alice.get(f"/jobs/{job.job_id}").title == title


def test_who_waits_is_told_that_an_email_will_come(world: JobsWorld, alice: Browser) -> None:
    job = world.job(JobState.QUEUED)
    assert "You can close this page. We will e-mail alice@example.org" in alice.get(f"/jobs/{job.job_id}").words


def test_whoever_cannot_be_emailed_is_told_so_instead(world: JobsWorld, alice: Browser) -> None:
    world.change(world.alice, mail_blocked="bounce")
    job = world.job(JobState.RUNNING)
    page = alice.get(f"/jobs/{job.job_id}")
    assert "We cannot e-mail you" in page.words
    assert "We will e-mail" not in page.words


# ---- the live part ----


@pytest.mark.parametrize("state", [JobState.CREATED, JobState.QUEUED, JobState.RUNNING])
def test_the_page_asks_for_itself_while_the_job_moves(world: JobsWorld, alice: Browser, state: JobState) -> None:
    job = world.job(state)
    assert live_parts(alice.get(f"/jobs/{job.job_id}")) == [f"/jobs/{job.job_id}/live"]


@pytest.mark.parametrize("state", [JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED])
def test_the_page_rests_once_the_job_is_final(world: JobsWorld, alice: Browser, state: JobState) -> None:
    job = world.job(state)
    assert live_parts(alice.get(f"/jobs/{job.job_id}")) == []
    assert live_parts(alice.get(f"/jobs/{job.job_id}/live")) == []


def test_an_unchanged_job_costs_a_304_without_a_body(world: JobsWorld, alice: Browser) -> None:
    job = world.job(JobState.RUNNING)
    tag = live_tag(alice.get(f"/jobs/{job.job_id}"))
    answer = alice.get(f"/jobs/{job.job_id}/live", headers={"HX-Request": "true", "If-None-Match": tag})
    assert answer.status == 304
    assert answer.response.data == b""


@pytest.mark.parametrize(
    "change",
    [
        {"progress": Progress("annotating", 41, 100)},
        {"state": JobState.COMPLETED, "ledger": Ledger(1, 1)},
        {"run": 2},
    ],
)
def test_whatever_changes_is_sent_with_the_tabs_new_title(world: JobsWorld, alice: Browser, change: object) -> None:
    job = world.job(JobState.RUNNING)
    tag = live_tag(alice.get(f"/jobs/{job.job_id}"))
    assert isinstance(change, dict)
    world.jobs.jobs[job.job_id] = replace(job, **change)
    answer = alice.get(f"/jobs/{job.job_id}/live", headers={"HX-Request": "true", "If-None-Match": tag})
    assert answer.status == 200
    assert answer.title.endswith("· exome.vcf · GAS")
    assert answer.all("article", id="job")


def test_the_live_part_and_the_page_show_the_same(world: JobsWorld, alice: Browser) -> None:
    job = world.job(JobState.RUNNING)
    [on_page] = alice.get(f"/jobs/{job.job_id}").all("article")
    [alone] = alice.get(f"/jobs/{job.job_id}/live").all("article")
    assert text_of(on_page) == text_of(alone)
    assert on_page.attrib == alone.attrib


def test_while_the_store_is_away_the_live_part_stays_and_asks_again(world: JobsWorld, alice: Browser) -> None:
    job = world.job(JobState.RUNNING)
    [part] = alice.get(f"/jobs/{job.job_id}").all("article")
    assert part.get("hx-status:5xx") == "swap:none"
    world.jobs.fail_with = Unavailable("DynamoDB is away.")
    assert alice.get(f"/jobs/{job.job_id}/live", headers={"HX-Request": "true"}).status == 503


# ---- what came of it ----


def test_the_ledger_is_a_sentence_with_its_reasons(world: JobsWorld, alice: Browser) -> None:
    job = world.job(JobState.COMPLETED)
    words = alice.get(f"/jobs/{job.job_id}").words
    assert "12 records in = 11 annotated + 1 skipped" in words
    assert "1 The allele is symbolic (such as <DEL>): its sequence is not given." in words


def test_a_reason_without_a_sentence_is_shown_by_its_code(world: JobsWorld, alice: Browser) -> None:
    job = world.job(JobState.COMPLETED, ledger=Ledger(3, 1, {"too_odd": 2}))
    assert "2 too odd" in alice.get(f"/jobs/{job.job_id}").words


def test_a_file_without_records_says_that_there_was_nothing(world: JobsWorld, alice: Browser) -> None:
    empty = {**SUMMARY, "variants": 0, "classes": {}, "consequences": {}, "impact": {}, "clinvar": {}}
    job = world.job(JobState.COMPLETED, ledger=Ledger(0, 0), summary={**empty, "genes": [], "highlights": []})
    assert "The file holds no records" in alice.get(f"/jobs/{job.job_id}").words


def test_every_number_of_the_summary_is_written_beside_its_bar(world: JobsWorld, alice: Browser) -> None:
    job = world.job(JobState.COMPLETED)
    page = alice.get(f"/jobs/{job.job_id}")
    for shown in (
        "HIGH 1",
        "MODERATE 4",
        "LOW 6",
        "MODIFIER 0",
        "missense variant 4 36.4 %",
        "synonymous variant 6 54.5 %",
        "SNV 10 90.9 %",
        "Pathogenic 3 75.0 %",
        "MT-ND4 1 of 3",
    ):
        assert shown in page.words, shown
    assert "deletion" not in page.words
    bars = [item for item in page.root.iter() if item.get("class") == "share-value"]
    assert [bar.get("width") for bar in bars][:4] == ["9.09", "36.36", "54.55", "0"]


def test_what_to_look_at_first_is_a_table(world: JobsWorld, alice: Browser) -> None:
    job = world.job(JobState.COMPLETED)
    page = alice.get(f"/jobs/{job.job_id}")
    [table] = page.all("table", **{"class": "highlights"})
    [row] = [text_of(row) for body in table.iter("tbody") for row in body.iter("tr")]
    assert row.startswith("m.11778G>Ap.Arg340His MT-ND4 missense variant MODERATE Pathogenic")
    assert "review status 2 of 4 stars" in row
    assert row.endswith("Leber optic atrophy")


def test_many_variants_to_look_at_are_folded(world: JobsWorld, alice: Browser) -> None:
    many = {**SUMMARY, "highlights": SUMMARY["highlights"] * 13}
    job = world.job(JobState.COMPLETED, summary=many)
    page = alice.get(f"/jobs/{job.job_id}")
    assert [text_of(item) for item in page.all("summary")] == ["Show 3 more"]
    assert len(page.all("table", **{"class": "highlights"})) == 2


def test_the_page_says_where_everything_comes_from(world: JobsWorld, alice: Browser) -> None:
    job = world.job(JobState.COMPLETED)
    words = alice.get(f"/jobs/{job.job_id}").words
    for shown in (
        "Human mitochondrial genome (NC_012920.1)",
        "ClinVar 2024-12-15",
        "GAS 0.1.0, bcftools 1.24",
        job.job_id,
    ):
        assert shown in words


def test_a_result_of_an_older_gas_with_an_empty_summary_can_be_seen(world: JobsWorld, alice: Browser) -> None:
    job = world.job(JobState.COMPLETED)
    world.jobs.jobs[job.job_id] = replace(job, summary={}, ledger=None)
    assert alice.get(f"/jobs/{job.job_id}").status == 200


def test_what_a_vcf_says_cannot_break_out_of_the_page(world: JobsWorld, alice: Browser) -> None:
    nasty = "<img src=x onerror=alert(1)>"
    found = {**SUMMARY["highlights"][0], "change": nasty, "gene": nasty, "condition": nasty, "clinvar": nasty}
    job = world.job(
        JobState.COMPLETED,
        name=nasty,
        summary={**SUMMARY, "highlights": [found], "consequences": {nasty: 1}, "warnings": [nasty]},
    )
    page = alice.get(f"/jobs/{job.job_id}")
    assert page.h1 == nasty
    assert not page.all("img")


# ---- failures ----


def test_a_failure_says_what_is_wrong_where_and_how_to_mend_it(world: JobsWorld, alice: Browser) -> None:
    job = world.job(JobState.FAILED)
    page = alice.get(f"/jobs/{job.job_id}")
    [alert] = page.all("div", role="alert")
    assert "Line 1,841: This record has 7 columns instead of 10." in text_of(alert)
    assert "How to mend it: Was the file cut off?" in text_of(alert)
    assert [link.get("href") for link in alert.iter("a")] == [f"/jobs/{job.job_id}/log", "/jobs/new"]
    assert [text_of(code) for code in page.all("code") if "data-copy" in code.attrib] == [job.job_id]


@pytest.mark.parametrize("sentence", ["Line 1841 has 7 columns.", "There are 7 columns in line 1,841."])
def test_a_sentence_that_names_its_line_is_not_given_it_twice(world: JobsWorld, alice: Browser, sentence: str) -> None:
    job = world.job(JobState.FAILED, error=JobError("columns", sentence, line=1841))
    [alert] = alice.get(f"/jobs/{job.job_id}").all("div", role="alert")
    assert text_of(alert).startswith(f"This file could not be annotated {sentence}")


def test_our_own_failures_are_called_ours(world: JobsWorld, alice: Browser) -> None:
    job = world.job(JobState.FAILED, error=JobError("internal", "Something failed on our side."))
    page = alice.get(f"/jobs/{job.job_id}")
    assert "This is our fault" in page.words
    assert "Read the log" not in page.words


# ---- speed ----


@pytest.mark.parametrize("path", ["/jobs", "/jobs/new", "/jobs/{job_id}"])
def test_a_page_is_made_within_a_tenth_of_a_second(world: JobsWorld, alice: Browser, path: str) -> None:
    summary = {
        **SUMMARY,
        "highlights": SUMMARY["highlights"] * 50,
        "genes": SUMMARY["genes"] * 50,
        "consequences": {f"consequence_{number}": number for number in range(1, 60)},
    }
    jobs = [world.job(JobState.COMPLETED, summary=summary) for _ in range(25)]
    address = path.format(job_id=jobs[0].job_id)
    alice.client.get(address)  # templates are compiled once
    spent = []
    for _ in range(5):
        began = time.process_time()
        assert alice.client.get(address).status_code == 200
        spent.append(time.process_time() - began)
    assert min(spent) < 0.1
