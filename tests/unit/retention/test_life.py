"""A free user's files go to the archive when their time is over, and come back when they pay."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.core.errors import Retryable, Unavailable
from shared.core.messages import AccountChanged, ArchiveDue, JobFinished, RestoreRequested
from shared.core.retention import FilesState
from shared.core.users import SubscriptionStatus
from tests.util_world import NOTICE, RETENTION, World
from util_hook.handlers import account_changed


def test_a_free_users_job_waits_for_the_retention_from_its_completion() -> None:
    world = World()
    job = world.waiting_job(world.user())
    assert job.archive_at == world.time + RETENTION
    assert world.waits.started[job.job_id, job.wait] == (world.time + RETENTION - NOTICE, world.time + RETENTION)
    assert world.waits.owners[job.job_id] == job.user_id


def test_a_free_users_cancelled_job_waits_from_when_it_was_cancelled() -> None:
    world = World()
    running = world.run_again(world.waiting_job(world.user()))
    world.pass_time(timedelta(hours=1))
    world.jobs.cancel(running.job_id, now=world.time)
    world.deliver(RestoreRequested(job_id=running.job_id, user_id=running.user_id))
    assert world.present(running).archive_at == world.time + RETENTION
    world.pass_time(RETENTION)
    world.settle_down()
    assert world.storage(running) == {"archived"}


def test_a_premium_users_job_does_not_wait() -> None:
    world = World()
    alice = world.user()
    world.upgrade(alice)
    assert world.waiting_job(alice).archive_at is None
    assert world.waits.started == {}


def test_a_wait_that_could_not_be_started_is_started_later_without_a_second_email() -> None:
    world = World()
    job = world.job(world.user())
    message = world.take(JobFinished)
    world.waits.fail_with = Unavailable("Step Functions is away.")
    with pytest.raises(Retryable):
        world.deliver(message)
    world.waits.fail_with = None
    world.deliver(message)
    assert (job.job_id, world.present(job).wait) in world.waits.started
    assert len(world.mailer.sent) == 1


def test_a_wait_is_started_though_the_email_could_not_be_sent() -> None:
    world = World()
    job = world.job(world.user())
    world.mailer.fail_with = Unavailable("SES is away.")
    with pytest.raises(Retryable):
        world.deliver(world.take(JobFinished))
    assert (job.job_id, world.present(job).wait) in world.waits.started


def test_a_job_finished_twice_has_one_wait() -> None:
    world = World()
    job = world.job(world.user())
    message = world.take(JobFinished)
    world.deliver(message)
    world.deliver(message)
    assert list(world.waits.started) == [(job.job_id, 1)]


def test_when_the_time_is_over_all_files_of_a_free_user_are_in_glacier_and_the_job_says_so() -> None:
    world = World()
    job = world.waiting_job(world.user())
    world.pass_time(RETENTION)
    world.settle_down()
    assert world.present(job).files is FilesState.ARCHIVED
    assert world.storage(job) == {"archived"}


def test_after_an_upgrade_all_files_come_back_by_themselves() -> None:
    world = World()
    alice = world.user()
    jobs = [world.archived_job(alice) for _ in range(3)]
    world.upgrade(alice)
    world.settle_down(with_glacier=True)
    for job in jobs:
        assert world.present(job).files is FilesState.AVAILABLE
        assert world.storage(job) == {"standard"}
        assert world.present(job).archive_at is None
    assert {tier for archive in world.archives.values() for _, tier in archive.asked} == {"Expedited"}


def test_files_are_asked_for_slowly_while_there_is_no_capacity_for_more() -> None:
    world = World()
    alice = world.user()
    job = world.archived_job(alice)
    for archive in world.archives.values():
        archive.without_capacity = {"Expedited"}
    world.upgrade(alice)
    world.settle_down(with_glacier=True)
    assert {tier for archive in world.archives.values() for _, tier in archive.asked} == {"Standard"}
    assert world.present(job).files is FilesState.AVAILABLE


def test_files_are_asked_for_again_later_while_there_is_no_capacity_at_all() -> None:
    world = World()
    alice = world.user()
    job = world.archived_job(alice)
    for archive in world.archives.values():
        archive.without_capacity = {"Expedited", "Standard"}
    world.upgrade(alice)
    world.deliver(world.take(AccountChanged))
    message = world.take(RestoreRequested)
    with pytest.raises(Retryable):
        world.deliver(message)
    for archive in world.archives.values():
        archive.without_capacity = set()
    world.pending.append(message)
    world.settle_down(with_glacier=True)
    assert world.storage(job) == {"standard"}


def test_a_temporary_copy_that_expired_before_it_was_copied_is_asked_for_again() -> None:
    world = World()
    alice = world.user()
    job = world.archived_job(alice)
    world.upgrade(alice)
    world.settle_down()
    asked = len(world.archives["inputs"].asked)
    world.glacier_hands_out("inputs", job.input.key)
    world.pending.clear()  # the restore function never ran
    world.copy_expires("inputs", job.input.key)
    world.settle_down(with_glacier=True)
    assert len(world.archives["inputs"].asked) == asked + 1
    assert world.present(job).files is FilesState.AVAILABLE


def test_a_copy_that_expires_at_the_moment_when_it_is_moved_is_asked_for_again() -> None:
    world = World()
    alice = world.user()
    job = world.archived_job(alice)
    world.upgrade(alice)
    world.settle_down()
    key = job.input.key
    world.archives["inputs"].finish(key)
    world.at("make_standard", lambda: world.archives["inputs"].expire(key))
    world.deliver(RestoreRequested(job_id=job.job_id, user_id=alice.user_id))
    assert key in world.buckets["inputs"].restoring


def test_one_message_for_each_archived_job_and_none_for_the_others() -> None:
    world = World()
    alice = world.user()
    away = {world.archived_job(alice).job_id for _ in range(3)}
    world.waiting_job(alice)
    world.upgrade(alice)
    world.deliver(world.take(AccountChanged))
    assert {one.job_id for one in world.pending if isinstance(one, RestoreRequested)} == away


def test_many_jobs_are_done_page_by_page_and_what_takes_long_is_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_changed, "PAGE", 2)
    monkeypatch.setattr(account_changed, "SLICE", timedelta(0))
    world = World()
    alice = world.user()
    jobs = [world.archived_job(alice) for _ in range(5)]
    world.upgrade(alice)
    messages = 0
    while any(isinstance(one, AccountChanged) for one in world.pending):
        world.deliver(world.take(AccountChanged))
        messages += 1
    assert messages == 3
    assert sorted(one.job_id for one in world.pending if isinstance(one, RestoreRequested)) == sorted(
        job.job_id for job in jobs
    )


def test_a_server_that_stops_leaves_the_rest_to_another(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    alice = world.user()
    job = world.archived_job(alice)
    world.upgrade(alice)
    message = world.take(AccountChanged)
    with pytest.raises(Retryable):
        world.deliver(message, world.lost_lease())
    world.deliver(message)
    assert [one.job_id for one in world.pending if isinstance(one, RestoreRequested)] == [job.job_id]


def test_after_a_downgrade_the_wait_of_each_job_begins_on_that_day() -> None:
    world = World()
    alice = world.user()
    world.upgrade(alice)
    jobs = [world.waiting_job(alice) for _ in range(3)]
    world.pass_time(timedelta(days=30))
    world.downgrade(alice)
    world.settle_down()
    for job in jobs:
        present = world.present(job)
        assert present.archive_at == world.time + RETENTION
        assert world.waits.started[job.job_id, present.wait][1] == world.time + RETENTION


def test_a_downgrade_whose_waits_could_not_all_be_started_is_done_again() -> None:
    world = World()
    alice = world.user()
    world.upgrade(alice)
    job = world.waiting_job(alice)
    world.downgrade(alice)
    messages = [one for one in world.pending if isinstance(one, AccountChanged)]
    world.waits.fail_with = Unavailable("Step Functions is away.")
    with pytest.raises(Retryable):
        world.deliver(messages[-1])
    world.waits.fail_with = None
    world.deliver(messages[-1])
    assert (job.job_id, world.present(job).wait) in world.waits.started


def test_archived_jobs_stay_archived_when_somebody_downgrades_or_asks_without_paying() -> None:
    world = World()
    alice = world.user()
    job = world.archived_job(alice)
    world.pending.append(AccountChanged(user_id=alice.user_id, epoch=0))
    world.pending.append(RestoreRequested(user_id=alice.user_id, job_id=job.job_id))
    world.settle_down(with_glacier=True)
    assert world.present(job).files is FilesState.ARCHIVED
    assert world.archives["inputs"].asked == []


def test_restoring_what_is_not_archived_changes_nothing() -> None:
    world = World()
    alice = world.user()
    job = world.waiting_job(alice)
    world.deliver(RestoreRequested(user_id=alice.user_id, job_id=job.job_id))
    assert world.present(job) == job
    assert world.archives["inputs"].asked == []


def test_a_payment_that_is_past_due_keeps_the_files() -> None:
    world = World()
    alice = world.user()
    world.upgrade(alice)
    job = world.waiting_job(alice)
    world.becomes(alice, SubscriptionStatus.PAST_DUE)
    world.pass_time(RETENTION * 2)
    world.settle_down()
    assert world.present(job).files is FilesState.AVAILABLE


def test_everything_of_a_closed_account_is_deleted() -> None:
    world = World()
    alice, bob = world.user(), world.user()
    jobs = [world.archived_job(alice), world.waiting_job(alice)]
    running = world.run_again(jobs[1])
    kept = world.waiting_job(bob)
    world.close(alice)
    world.settle_down()
    assert alice.user_id not in world.users.users
    assert set(world.jobs.jobs) == {kept.job_id}
    assert running.job_id not in world.jobs.jobs
    owners = {key.split("/")[0] for objects in world.buckets.values() for key in objects.objects}
    assert owners == {bob.user_id}


def test_a_closed_account_with_many_jobs_is_deleted_by_several_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_changed, "PAGE", 2)
    monkeypatch.setattr(account_changed, "SLICE", timedelta(0))
    world = World()
    alice = world.user()
    for _ in range(5):
        world.waiting_job(alice)
    world.close(alice)
    world.deliver(world.take(AccountChanged))
    assert len(world.jobs.jobs) == 3
    world.settle_down()
    assert world.jobs.jobs == {}
    assert world.users.users == {}


def test_what_was_uploaded_after_its_job_was_deleted_goes_with_the_account() -> None:
    world = World()
    alice, bob = world.user(), world.user()
    kept = world.waiting_job(bob)
    for user in (alice, bob):
        world.write("inputs", f"{user.user_id}/deleted/input.vcf")  # by a form that still held
        world.buckets["inputs"].start_parts(f"{user.user_id}/deleted/input.vcf")
    world.close(alice)
    world.settle_down()
    objects = world.buckets["inputs"]
    assert set(objects.objects) == {f"{bob.user_id}/deleted/input.vcf", kept.input.key}
    assert [upload.key.split("/")[0] for upload in objects.uploads.values()] == [bob.user_id]


def test_who_became_a_customer_while_they_deleted_their_account_pays_for_nothing() -> None:
    world = World()
    alice = world.user(customer_id="")
    world.close(alice)
    world.users.set_customer(alice.user_id, "cus_late")  # in another tab
    world.billing.owners["cus_late"] = alice.user_id
    world.billing.subscribe("cus_late")
    world.settle_down()
    assert alice.user_id not in world.users.users
    assert world.billing.subscriptions["cus_late"][0].status is SubscriptionStatus.CANCELED
    assert world.audit.of("customer#cus_late", limit=1)  # by which the webhook ends what is paid later


def test_a_job_that_finishes_after_its_account_was_deleted_is_deleted_too() -> None:
    world = World()
    alice = world.user()
    job = world.job(alice)
    world.users.delete(alice.user_id)  # the index did not name the job yet
    world.settle_down()
    assert job.job_id not in world.jobs.jobs
    assert world.storage(job) == {"gone"}


def test_a_job_of_an_account_that_is_gone_is_deleted_when_it_is_seen() -> None:
    world = World()
    alice = world.user()
    job = world.waiting_job(alice)
    world.users.delete(alice.user_id)
    world.pass_time(RETENTION)
    world.settle_down()
    assert job.job_id not in world.jobs.jobs
    assert world.buckets["inputs"].objects == {}


def test_archiving_goes_on_where_a_server_that_died_stopped() -> None:
    world = World()
    job = world.waiting_job(world.user())
    world.pass_time(RETENTION)
    world.take(ArchiveDue)
    due = world.take(ArchiveDue)
    world.at("archive", world.dies, nth=2)
    with pytest.raises(SystemExit):
        world.deliver(due)
    assert world.present(job).files is FilesState.ARCHIVING
    world.deliver(due)
    assert world.present(job).files is FilesState.ARCHIVED
    assert world.storage(job) == {"archived"}


def test_a_server_that_lost_its_lease_archives_nothing_more() -> None:
    world = World()
    job = world.waiting_job(world.user())
    world.pass_time(RETENTION)
    world.take(ArchiveDue)
    with pytest.raises(Retryable):
        world.deliver(world.take(ArchiveDue), world.lost_lease())
    assert world.storage(job) == {"standard"}
