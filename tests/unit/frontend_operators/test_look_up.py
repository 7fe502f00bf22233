"""Looking people, jobs and messages up, and running a job again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest

from shared.core.errors import Conflict, Unavailable
from shared.core.jobs import Job, JobState, PackQuestion, StoredFile
from shared.core.messages import JobRequested
from shared.core.retention import FilesState
from tests.client import Browser
from tests.factories import a_completed_job, a_job
from tests.unit.frontend_operators.world import WHY, OperatorsWorld, message_path, some_id


def look_up(browser: Browser, asked: str) -> str | None:
    """Where the box leads."""
    return browser.submit(browser.get("/operators/look-up"), "Look up", q=asked).location


def a_failed_job(world: OperatorsWorld, **fields: Any) -> Job:
    """Of alice, with its file."""
    job = a_completed_job(user_id=world.alice.user_id, state=JobState.FAILED, **fields)
    world.jobs.create(job)
    return job


def test_an_address_leads_to_the_person(world: OperatorsWorld, operator: Browser) -> None:
    found = look_up(operator, " Alice@Example.org ")
    assert found == f"/operators/users/{world.alice.user_id}"
    page = operator.get(found)
    assert page.h1 == "alice@example.org"
    assert "free" in page.words


def test_a_job_that_waits_for_an_answer_does_not_ask_the_operator(world: OperatorsWorld, operator: Browser) -> None:
    job = a_job(user_id=world.alice.user_id, state=JobState.CREATED, pack_question=PackQuestion("Which?"))
    world.jobs.create(job)
    for path in (f"/operators/jobs/{job.job_id}", f"/operators/users/{world.alice.user_id}"):
        page = operator.get(path)
        assert "Waits for its owner's answer" in page.words
        assert "Needs your answer" not in page.text


def test_an_id_leads_to_whatever_has_it(world: OperatorsWorld, operator: Browser) -> None:
    job = a_failed_job(world)
    entry = world.push("job-results")
    assert look_up(operator, job.job_id) == f"/operators/jobs/{job.job_id}"
    assert look_up(operator, world.bob.user_id.upper()) == f"/operators/users/{world.bob.user_id}"
    assert look_up(operator, entry.message_id) == message_path(entry)
    assert look_up(operator, entry.entry_id) == message_path(entry)


@pytest.mark.parametrize(("number", "words"), [(1, {"run", "attempt"}), (2, {"runs", "attempts"})])
def test_one_is_not_said_to_be_several(world: OperatorsWorld, operator: Browser, number: int, words: set[str]) -> None:
    a_failed_job(world, run=number)
    message = JobRequested(job_id=some_id(), run=1, user_id=world.alice.user_id, request_id="req-1")
    world.push(message=message, attempts=number)
    page = operator.get(f"/operators/users/{world.alice.user_id}")
    assert {label for cell in page.all("td") if (label := cell.get("data-label"))} == words


@pytest.mark.parametrize("asked", ["charlie@example.org", "0" * 32, "%", "x" * 320, "@", "#", "ÿ@ÿ"])
def test_what_is_nothing_is_said_to_be_nothing(operator: Browser, asked: str) -> None:
    page = operator.submit(operator.get("/operators/look-up"), "Look up", q=asked)
    assert page.status == 404
    assert "Nothing has this address or id" in page.words


@pytest.mark.parametrize("path", ["jobs", "users"])
def test_a_page_of_nobody_is_not_found(operator: Browser, path: str) -> None:
    assert operator.get(f"/operators/{path}/{some_id()}").status == 404
    assert operator.get(f"/operators/{path}/..%2f").status == 404


def test_a_person_is_shown_with_their_jobs_and_messages(world: OperatorsWorld, operator: Browser) -> None:
    job = a_failed_job(world)
    entry = world.push(message=JobRequested(job_id=job.job_id, run=1, user_id=world.alice.user_id))
    world.change(world.alice, mail_blocked="bounce")
    page = operator.get(f"/operators/users/{world.alice.user_id}")
    assert page.all("a", href=f"/operators/jobs/{job.job_id}")
    assert page.all("a", href=message_path(entry))
    assert "no e-mail: bounce" in page.words


def test_a_job_is_shown_with_its_owner_and_messages_but_without_its_variants(
    world: OperatorsWorld, operator: Browser
) -> None:
    summary = {"genes": [{"symbol": "BRCA2", "variants": 1}], "highlights": [{"gene": "BRCA2"}]}
    job = a_completed_job(user_id=world.alice.user_id, summary=summary)
    world.jobs.create(job)
    entry = world.push(message=JobRequested(job_id=job.job_id, run=1, user_id=world.alice.user_id))
    page = operator.get(f"/operators/jobs/{job.job_id}")
    assert page.all("a", href=f"/operators/users/{world.alice.user_id}")
    assert page.all("a", href=message_path(entry))
    assert "BRCA2" not in page.text


def test_an_operator_runs_a_job_again(world: OperatorsWorld, operator: Browser) -> None:
    job = a_failed_job(world)
    page = operator.get(f"/operators/jobs/{job.job_id}")
    page = operator.follow(operator.submit(page, "Run it again", why=WHY))
    assert "Run 2 is on its way" in page.words
    again = world.jobs.get(job.job_id)
    assert (again.state, again.run) == (JobState.QUEUED, 2)
    [(topic, text)] = world.topics.published
    assert topic == world.settings.job_requests_topic
    assert JobRequested.from_json(text).run == 2
    [said] = world.audit.of(f"job#{job.job_id}", limit=5)
    assert (said.who, said.why, said.what) == ("operator@example.org", WHY, "Ran the job again, as run 2.")


def test_a_second_click_starts_nothing(world: OperatorsWorld, operator: Browser) -> None:
    job = a_failed_job(world)
    page = operator.get(f"/operators/jobs/{job.job_id}")
    operator.submit(page, "Run it again", why=WHY)
    world.jobs.jobs[job.job_id] = replace(world.jobs.get(job.job_id), state=JobState.FAILED)
    late = operator.follow(operator.submit(page, "Run it again", why=WHY))
    assert "is being run again already" in late.words
    assert world.jobs.get(job.job_id).run == 2


def test_no_job_is_run_again_while_the_audit_log_is_away(world: OperatorsWorld, operator: Browser) -> None:
    job = a_failed_job(world)
    page = operator.get(f"/operators/jobs/{job.job_id}")
    world.audit.fail_with = Unavailable("DynamoDB is away.")
    assert operator.submit(page, "Run it again", why=WHY).status == 503
    assert world.jobs.get(job.job_id) == job
    assert world.topics.published == []


def test_the_audit_log_says_when_a_job_was_not_run_again_after_all(world: OperatorsWorld, operator: Browser) -> None:
    job = a_failed_job(world)
    page = operator.get(f"/operators/jobs/{job.job_id}")
    world.jobs.run_again = Mock(side_effect=Conflict("Somebody was quicker."))  # type: ignore[method-assign]  # a double's method, for this test
    late = operator.follow(operator.submit(page, "Run it again", why=WHY))
    assert "is being run again already" in late.words
    assert [entry.what for entry in world.audit.entries] == [
        "Ran the job again, as run 2.",
        "Ran the job again, as run 2. That was not done: Somebody was quicker.",
    ]


@pytest.mark.parametrize("run", ["", "one", "2", "01"])
def test_only_the_run_that_was_seen_is_run_again(world: OperatorsWorld, operator: Browser, run: str) -> None:
    job = a_failed_job(world)
    page = operator.get(f"/operators/jobs/{job.job_id}")
    late = operator.follow(operator.submit(page, "Run it again", why=WHY, run=run))
    assert "is being run again already" in late.words
    assert (world.jobs.get(job.job_id), world.audit.entries) == (job, [])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"state": JobState.RUNNING}, "it has not come to its end"),
        ({"files": FilesState.ARCHIVED}, "have to be brought back first"),
        ({"input": StoredFile("a/b/input.vcf", 0)}, "There is no file to run again"),
    ],
)
def test_what_cannot_be_run_again_says_why(
    world: OperatorsWorld, operator: Browser, fields: dict[str, Any], said: str
) -> None:
    job = a_job(user_id=world.alice.user_id, input=StoredFile("a/b/input.vcf", 7), state=JobState.FAILED)
    world.jobs.create(job)
    page = operator.get(f"/operators/jobs/{job.job_id}")
    world.jobs.jobs[job.job_id] = replace(job, **fields)
    assert said in operator.get(f"/operators/jobs/{job.job_id}").words
    assert said in operator.follow(operator.submit(page, "Run it again", why=WHY)).words
    assert world.topics.published == []


def test_nothing_is_run_without_a_reason(world: OperatorsWorld, operator: Browser) -> None:
    job = a_failed_job(world)
    page = operator.submit(operator.get(f"/operators/jobs/{job.job_id}"), "Run it again", why="")
    assert page.status == 422
    assert "Say why" in page.words
    assert world.jobs.get(job.job_id).run == 1


def test_the_job_of_a_deleted_account_can_be_looked_at(world: OperatorsWorld, operator: Browser) -> None:
    job = a_failed_job(world)
    world.users.delete(world.alice.user_id)
    assert "has no account any more" in operator.get(f"/operators/jobs/{job.job_id}").words


def test_packs_are_listed(operator: Browser) -> None:
    page = operator.get("/operators/packs")
    assert "Human mitochondrial genome (rCRS)" in page.words
    assert "16,569 bases" in page.words
