"""What owners are told about the archive: once, when it is true, and only if they want it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.core.errors import Retryable, Unavailable
from shared.core.jobs import Job
from shared.core.mail_links import UNSUBSCRIBE_PATH, read
from shared.core.messages import AccountChanged, ArchiveDue, JobFinished, MailEvent, RestoreRequested
from shared.core.retention import FilesState
from shared.core.users import MailKind
from shared.inbox.route import Lease
from tests.fakes import SentMail
from tests.util_world import EVIDENCE, NOTICE, PUBLIC_URL, RETENTION, World
from util_hook.handlers import mail_feedback

SOON = "Some of your files will be archived soon"


def last(world: World) -> SentMail:
    return world.mailer.sent[-1]


def told_soon(world: World) -> list[SentMail]:
    return [mail for mail in world.mailer.sent if mail.subject.endswith("will be archived soon")]


def told_archived(world: World) -> list[SentMail]:
    return [mail for mail in world.mailer.sent if mail.subject.endswith("is archived")]


def test_a_day_before_the_owner_is_told_which_files_are_archived_when() -> None:
    world = World()
    job = world.waiting_job(world.user(), name="exome.vcf")
    world.pass_time(RETENTION - NOTICE)
    world.settle_down()
    mail = last(world)
    assert mail.subject == "exome.vcf will be archived soon"
    for body in (mail.text, mail.html):
        assert "exome.vcf" in body
        assert "13 March 2026, 12:00 UTC" in body
        assert f"{PUBLIC_URL}/jobs/{job.job_id}" in body


def test_all_jobs_of_a_day_are_in_one_email() -> None:
    world = World()
    alice, bob = world.user(), world.user()
    for name in ("first.vcf", "second.vcf", "third.vcf"):
        world.waiting_job(alice, name=name)
        world.pass_time(timedelta(hours=2))
    world.waiting_job(bob, name="other.vcf")
    world.pass_time(timedelta(hours=6))
    world.waiting_job(alice, name="tomorrow.vcf")
    world.pass_time(RETENTION - NOTICE - timedelta(hours=1))
    world.settle_down()
    assert sorted(mail.subject for mail in told_soon(world)) == [SOON, "other.vcf will be archived soon"]
    [mail] = [mail for mail in told_soon(world) if mail.subject == SOON]
    assert all(name in mail.text for name in ("first.vcf", "second.vcf", "third.vcf"))
    assert "tomorrow.vcf" not in mail.text


def test_an_email_about_very_many_jobs_names_the_first_twenty() -> None:
    world = World()
    alice = world.user()
    for number in range(25):
        world.waiting_job(alice, name=f"file-{number:02}.vcf")
    world.pass_time(RETENTION - NOTICE)
    world.settle_down()
    [mail] = told_soon(world)
    assert mail.text.count(".vcf") == 20
    assert "and others" in mail.text


def test_nobody_is_told_of_a_notice_that_is_longer_than_the_retention() -> None:
    world = World()
    world.services = replace(world.services, archive_notice=RETENTION * 2)
    world.waiting_job(world.user())
    world.settle_down()
    assert told_soon(world) == []


def test_a_premium_user_is_not_told_that_files_are_archived_soon() -> None:
    world = World()
    alice = world.user()
    world.waiting_job(alice)
    world.pass_time(RETENTION - NOTICE)
    world.upgrade(alice)
    world.settle_down()
    assert told_soon(world) == []


def test_a_stale_wait_tells_nobody() -> None:
    world = World()
    job = world.waiting_job(world.user())
    world.run_again(job)
    world.pass_time(RETENTION - NOTICE)
    world.settle_down()
    assert told_soon(world) == []


def test_the_owner_is_told_once_a_day_that_files_were_archived() -> None:
    world = World()
    alice = world.user()
    world.waiting_job(alice, name="first.vcf")
    world.waiting_job(alice, name="second.vcf")
    world.pass_time(RETENTION)
    world.settle_down()
    [mail] = told_archived(world)
    assert "Upgrade to restore" in mail.text
    assert f"{PUBLIC_URL}/account" in mail.html


def test_a_server_that_died_before_it_told_of_the_archive_does_not_lose_the_email() -> None:
    world = World()
    world.waiting_job(world.user())
    world.pass_time(RETENTION)
    world.take(ArchiveDue)
    due = world.take(ArchiveDue)
    world.mailer.fail_with = Unavailable("SES is away.")
    with pytest.raises(Retryable):
        world.deliver(due)
    world.mailer.fail_with = None
    world.pending.append(due)
    world.settle_down()
    assert len(told_archived(world)) == 1


def test_a_server_that_died_after_it_told_does_not_tell_twice() -> None:
    world = World()
    world.waiting_job(world.user())
    world.pass_time(RETENTION)
    world.take(ArchiveDue)
    due = world.take(ArchiveDue)
    world.mailer.die_after_sending = True
    with pytest.raises(SystemExit):
        world.deliver(due)
    world.mailer.die_after_sending = False
    ses_says(world, "Send")
    world.time += EVIDENCE * 2
    world.deliver(due)
    assert len(told_archived(world)) == 1


def test_when_all_files_are_back_and_not_before_there_is_one_email() -> None:
    world = World()
    alice = world.user()
    jobs = [world.archived_job(alice) for _ in range(3)]
    world.upgrade(alice)
    world.settle_down()
    for job in jobs:
        assert "Your files are back" not in world.subjects()
        world.glacier_hands_out("inputs", job.input.key)
        for stored in job.results.values():
            world.glacier_hands_out("results", stored.key)
        world.settle_down()
    assert world.subjects().count("Your files are back") == 1


def test_all_is_not_back_while_a_job_is_not_even_asked_for() -> None:
    world = World()
    alice = world.user()
    job, other = world.archived_job(alice), world.archived_job(alice)
    world.upgrade(alice)
    world.deliver(world.take(AccountChanged))
    late = next(one for one in world.pending if isinstance(one, RestoreRequested) and one.job_id == other.job_id)
    world.pending.remove(late)
    world.settle_down(with_glacier=True)
    assert world.storage(job) == {"standard"}
    assert "Your files are back" not in world.subjects()
    world.pending.append(late)
    world.settle_down(with_glacier=True)
    assert world.subjects().count("Your files are back") == 1


def test_an_index_that_is_behind_does_not_hold_the_email_back() -> None:
    world = World()
    alice = world.user()
    world.archived_job(alice)
    world.upgrade(alice)
    world.settle_down()
    behind = world.jobs.away(alice.user_id, FilesState.RESTORING, limit=10)

    def away(user_id: str, files: FilesState, *, limit: int) -> list[Job]:
        return [job for job in behind if job.files is files][:limit]

    world.jobs.away = away  # type: ignore[method-assign]  # a double's method, for this test
    world.settle_down(with_glacier=True)
    assert world.subjects().count("Your files are back") == 1


def test_an_index_that_still_names_many_that_are_back_does_not_let_the_email_go_early() -> None:
    world = World()
    alice = world.user()
    jobs = [world.archived_job(alice) for _ in range(25)]
    world.upgrade(alice)
    world.settle_down()
    behind = world.jobs.away(alice.user_id, FilesState.RESTORING, limit=100)

    def away(user_id: str, files: FilesState, *, limit: int) -> list[Job]:
        return [job for job in behind if job.files is files][:limit]

    world.jobs.away = away  # type: ignore[method-assign]  # a double's method, for this test
    for job in jobs:
        assert "Your files are back" not in world.subjects()
        world.glacier_hands_out("inputs", job.input.key)
        for stored in job.results.values():
            world.glacier_hands_out("results", stored.key)
        world.settle_down()
    assert world.subjects().count("Your files are back") == 1


def test_a_server_that_died_before_it_told_that_all_is_back_does_not_lose_the_email() -> None:
    world = World()
    alice = world.user()
    world.archived_job(alice)
    world.upgrade(alice)
    world.settle_down()
    world.mailer.fail_with = Unavailable("SES is away.")
    for bucket, objects in world.buckets.items():
        for key in list(objects.restoring):
            world.archives[bucket].finish(key)
    message = RestoreRequested(user_id=alice.user_id, job_id=next(iter(world.jobs.jobs)))
    with pytest.raises(Retryable):
        world.deliver(message)
    world.mailer.fail_with = None
    world.pending.append(message)
    world.settle_down()
    assert world.subjects().count("Your files are back") == 1


def test_each_upgrade_has_an_email_of_its_own() -> None:
    world = World()
    alice = world.user()
    job = world.archived_job(alice)
    for _ in range(2):
        world.upgrade(alice)
        world.settle_down(with_glacier=True)
        world.downgrade(alice)
        world.settle_down()
        world.pass_time(RETENTION)
        world.settle_down()
        assert world.storage(job) == {"archived"}
    assert world.subjects().count("Your files are back") == 2


def test_an_ask_long_after_tells_nothing_again() -> None:
    world = World()
    alice = world.user()
    job = world.archived_job(alice)
    world.upgrade(alice)
    world.settle_down(with_glacier=True)
    world.mails.mails.clear()  # forgotten after a month
    world.time += timedelta(days=31)
    world.deliver(RestoreRequested(user_id=alice.user_id, job_id=job.job_id))
    assert world.subjects().count("Your files are back") == 1


@pytest.mark.parametrize("kind", ["completed", "archive"])
def test_an_email_of_a_kind_that_can_be_turned_off_says_how_by_one_click(kind: MailKind) -> None:
    world = World()
    alice = world.user()
    world.waiting_job(alice)
    if kind == "archive":
        world.pass_time(RETENTION)
        world.settle_down()
    mail = last(world)
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = mail.headers["List-Unsubscribe"].removeprefix("<").removesuffix(">")
    assert link in mail.text
    assert link in mail.html
    assert link.startswith(f"{PUBLIC_URL}{UNSUBSCRIBE_PATH}")
    token = link.removeprefix(f"{PUBLIC_URL}{UNSUBSCRIBE_PATH}")
    assert read(token, world.services.secret_keys) == (alice.user_id, kind)


@pytest.mark.parametrize("wanted", [True, False])
def test_that_files_are_back_is_told_to_whoever_wants_emails_about_the_archive(wanted: bool) -> None:
    world = World()
    alice = world.user(mail_off=("completed", "failed") if wanted else ("completed", "failed", "archive"))
    world.archived_job(alice)
    world.upgrade(alice)
    world.settle_down(with_glacier=True)
    assert ("Your files are back" in world.subjects()) is wanted
    assert all("List-Unsubscribe" in mail.headers for mail in world.mailer.sent)


def test_somebody_who_wants_no_emails_about_results_gets_none_and_the_wait_begins() -> None:
    world = World()
    job = world.waiting_job(world.user(mail_off=("completed",)))
    assert world.mailer.sent == []
    assert job.archive_at is not None


def test_somebody_who_wants_no_emails_about_the_archive_gets_the_others() -> None:
    world = World()
    alice = world.user(mail_off=("archive",))
    job = world.archived_job(alice)
    assert world.subjects() == [f"{job.name} is annotated"]


def test_a_blocked_address_gets_nothing() -> None:
    world = World()
    alice = world.user(mail_blocked="bounce")
    world.archived_job(alice)
    world.upgrade(alice)
    world.settle_down(with_glacier=True)
    assert world.mailer.sent == []


def test_a_file_name_is_escaped_in_html() -> None:
    world = World()
    world.archived_job(world.user(), name="<script>alert(1)</script>.vcf")
    assert len(world.mailer.sent) == 3
    assert not [mail for mail in world.mailer.sent if "<script>" in mail.html]


def test_ses_saying_that_an_email_went_out_ends_the_doubt_about_it() -> None:
    world = World()
    world.archived_job(world.user())
    name = last(world).tags["mail_id"]
    world.mails.mails[name] = False, world.time
    ses_says(world, "Send")
    assert world.mails.mails[name][0]


def test_no_message_that_waits_for_evidence_is_dropped() -> None:
    world = World()
    job = world.job(world.user())
    world.jobs.claim_mail(job.job_id, run=1, now=world.time, lapsed=EVIDENCE)
    with pytest.raises(Retryable):
        world.deliver(world.take(JobFinished))


def ses_says(world: World, kind: str) -> None:
    sent = last(world)
    mail = {"messageId": "m", "destination": [sent.to], "tags": {name: [value] for name, value in sent.tags.items()}}
    event = MailEvent.model_validate({"eventType": kind, "mail": mail})
    mail_feedback.handle(event, Lease("mail-feedback#1", 1), world.services)
