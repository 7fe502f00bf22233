"""A finished job's owner gets exactly one e-mail, whatever is delivered twice and whoever dies."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.core.errors import Retryable, Unavailable
from shared.core.inbox import About
from shared.core.jobs import Job, JobError, JobState, Ledger
from shared.core.messages import JobFinished, MailEvent
from shared.core.users import User
from shared.inbox.route import Lease
from tests.factories import a_job, a_user
from tests.util_world import NOON
from tests.util_world import World as Surroundings
from util_hook.handlers import job_finished, mail_feedback


class World(Surroundings):
    """One job, and its owner."""

    def __init__(self, job: Job | None = None, owner: User | None = None) -> None:
        super().__init__()
        self.owner = owner or a_user(email="alice@example.org", name="Alice")
        self.users.create(self.owner)
        self.one = replace(
            job or a_job(state=JobState.COMPLETED, ledger=Ledger(12, 11, {"ref-mismatch": 1})),
            user_id=self.owner.user_id,
        )
        self.jobs.create(self.one)

    def finished(self, **changes: object) -> None:
        message = JobFinished(job_id=self.one.job_id, run=self.one.run, outcome="COMPLETED")
        job_finished.handle(message.model_copy(update=changes), Lease("job-results#1", 1), self.services)

    def ses_says(self, kind: str, **more: object) -> None:
        sent = self.mailer.sent[-1]
        mail = {"messageId": "m", "destination": [sent.to], "tags": {key: [value] for key, value in sent.tags.items()}}
        event = MailEvent.model_validate({"eventType": kind, "mail": mail, **more})
        mail_feedback.handle(event, Lease("mail-feedback#1", 1), self.services)


def test_the_owner_of_a_completed_job_gets_its_link_and_its_counts() -> None:
    world = World()
    world.finished()
    [mail] = world.mailer.sent
    assert mail.to == "alice@example.org"
    for body in (mail.text, mail.html):
        assert f"https://gas.example.org/jobs/{world.one.job_id}" in body
        assert "11 of 12 records" in body


def test_the_owner_of_a_failed_job_reads_what_is_wrong_where_and_how_to_mend_it() -> None:
    error = JobError("columns", "Line 7 has 6 columns.", "Separate columns by tabs.", 7)
    world = World(a_job(state=JobState.FAILED, error=error))
    world.finished(outcome="FAILED")
    [mail] = world.mailer.sent
    for body in (mail.text, mail.html):
        assert "Line 7 has 6 columns." in body
        assert "Separate columns by tabs." in body
        assert "line 7" in body


def test_what_ses_reports_says_which_job_whose_and_which_request_it_is_about() -> None:
    world = World()
    world.finished()
    tags = {name: [value] for name, value in world.mailer.sent[0].tags.items()}
    event = MailEvent.model_validate({"eventType": "Delivery", "mail": {"messageId": "m", "tags": tags}})
    assert event.about() == About(world.one.job_id, world.owner.user_id, world.one.request_id)


def test_a_message_delivered_twice_sends_one_email() -> None:
    world = World()
    world.finished()
    world.finished()
    assert len(world.mailer.sent) == 1


def test_a_server_that_died_after_sending_does_not_cause_a_second_email() -> None:
    world = World()
    world.mailer.die_after_sending = True
    with pytest.raises(SystemExit):
        world.finished()
    world.mailer.die_after_sending = False
    with pytest.raises(Retryable):
        world.finished()
    world.ses_says("Send")
    world.time += timedelta(hours=1)
    world.finished()
    assert len(world.mailer.sent) == 1


def test_a_server_that_died_before_sending_does_not_lose_the_email() -> None:
    world = World()
    world.mailer.fail_with = Unavailable("SES is away.")
    with pytest.raises(Retryable):
        world.finished()
    world.mailer.fail_with = None
    world.time += timedelta(minutes=3)
    world.finished()
    assert len(world.mailer.sent) == 1


def test_a_job_that_was_run_again_is_not_reported_by_the_earlier_runs_message() -> None:
    world = World(a_job(state=JobState.RUNNING, run=2))
    world.finished(run=1)
    assert world.mailer.sent == []


def test_each_run_has_an_email_of_its_own() -> None:
    world = World()
    world.finished()
    world.jobs.run_again(world.one.job_id, run=1, request_id="", now=NOON)
    again = world.jobs.get(world.one.job_id)
    world.jobs.delete(again.job_id)
    world.one = replace(again, state=JobState.COMPLETED, ledger=Ledger(1, 1))
    world.jobs.create(world.one)
    world.finished()
    assert len(world.mailer.sent) == 2


def test_nobody_is_written_to_about_a_deleted_job() -> None:
    world = World()
    world.jobs.delete(world.one.job_id)
    world.finished()
    assert world.mailer.sent == []


def test_an_address_that_bounced_for_good_is_not_written_to_again() -> None:
    world = World()
    world.finished()
    world.ses_says("Bounce", bounce={"bounceType": "Permanent"})
    second = a_job(state=JobState.COMPLETED, user_id=world.owner.user_id, ledger=Ledger(1, 1))
    world.jobs.create(second)
    world.finished(job_id=second.job_id, run=second.run)
    assert len(world.mailer.sent) == 1


def test_an_address_that_bounced_for_now_is_written_to_again() -> None:
    world = World()
    world.finished()
    world.ses_says("Bounce", bounce={"bounceType": "Transient"})
    assert world.users.get(world.owner.user_id).mail_blocked == ""


def test_an_address_that_complained_is_not_written_to_again() -> None:
    world = World()
    world.finished()
    world.ses_says("Complaint")
    assert world.users.get(world.owner.user_id).mail_blocked == "complaint"


@pytest.mark.parametrize("name", ["<script>alert(1)</script>.vcf", "a\"b'c & d.vcf", "naïve 试验.vcf"])
def test_a_file_name_is_escaped_in_html_and_verbatim_in_text(name: str) -> None:
    world = World(a_job(state=JobState.COMPLETED, name=name, ledger=Ledger(1, 1)))
    world.finished()
    [mail] = world.mailer.sent
    assert "<script>" not in mail.html
    assert name in mail.text


def test_a_file_name_with_line_breaks_cannot_add_a_header() -> None:
    world = World(a_job(state=JobState.COMPLETED, name="a\r\nBcc: eve@example.org\r\n.vcf", ledger=Ledger(1, 1)))
    world.finished()
    assert "\n" not in world.mailer.sent[0].subject
    assert "\r" not in world.mailer.sent[0].subject


def test_a_very_long_file_name_is_shortened_in_the_subject() -> None:
    world = World(a_job(state=JobState.COMPLETED, name="x" * 300, ledger=Ledger(1, 1)))
    world.finished()
    assert len(world.mailer.sent[0].subject) < 120
