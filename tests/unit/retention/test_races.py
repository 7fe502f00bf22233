"""No order of events takes files away from somebody who pays, or leaves them where nobody looks for them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.core.jobs import FilesAway, files_of
from shared.core.messages import AccountChanged, ArchiveDue, RestoreRequested
from shared.core.retention import FilesState
from shared.core.users import SubscriptionStatus
from tests.util_world import RETENTION, StripeEvent, World


def due(world: World) -> ArchiveDue:
    """The message that says that a job's time is over now."""
    world.pass_time(RETENTION)
    world.take(ArchiveDue)
    return world.take(ArchiveDue)


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_upgrade_while_archiving(nth: int) -> None:
    world = World()
    alice = world.user()
    job = world.waiting_job(alice)
    message = due(world)
    world.at("archive", lambda: world.upgrade(alice), nth=nth)
    world.deliver(message)
    world.settle_down(with_glacier=True)
    assert world.present(job).files is FilesState.AVAILABLE
    assert world.storage(job) == {"standard"}


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_upgrade_while_archiving_with_everything_restored_before_the_copy_ends(nth: int) -> None:
    world = World()
    alice = world.user()
    job = world.waiting_job(alice)
    message = due(world)

    def upgrade_and_restore() -> None:
        world.upgrade(alice)
        world.settle_down(with_glacier=True)
        assert world.present(job).files is FilesState.AVAILABLE

    world.at("archive", upgrade_and_restore, nth=nth)
    world.deliver(message)  # this copy comes late: the files were all back
    world.settle_down(with_glacier=True)
    assert world.storage(job) == {"standard"}
    assert world.present(job).files is FilesState.AVAILABLE


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_upgrade_and_downgrade_before_the_copy_ends(nth: int) -> None:
    world = World()
    alice = world.user()
    job = world.waiting_job(alice)
    message = due(world)

    def come_and_go() -> None:
        world.upgrade(alice)
        world.settle_down(with_glacier=True)
        world.downgrade(alice)
        world.settle_down()

    world.at("archive", come_and_go, nth=nth)
    world.deliver(message)  # this copy comes late: the files wait for their new time in standard storage
    world.settle_down(with_glacier=True)
    assert world.storage(job) == {"standard"}
    assert world.present(job).archive_at == world.time + RETENTION


def test_once_the_files_are_asked_back_no_more_of_them_are_archived() -> None:
    world = World()
    alice = world.user()
    job = world.waiting_job(alice)
    message = due(world)

    def upgrade() -> None:
        world.upgrade(alice)
        world.deliver(world.take(AccountChanged))
        world.deliver(world.take(RestoreRequested))

    world.at("archive", upgrade, nth=2)
    world.deliver(message)
    assert world.buckets["results"].archived == {job.results["vcf"].key}  # whose copy was under way


def test_a_late_copy_of_a_server_that_died_after_it_is_found_by_the_next_attempt() -> None:
    world = World()
    alice = world.user()
    job = world.waiting_job(alice)
    message = due(world)

    def upgrade_and_restore() -> None:
        world.upgrade(alice)
        world.settle_down(with_glacier=True)
        world.archives["inputs"].archive(job.input.key)
        world.dies()

    world.at("archive", upgrade_and_restore)
    with pytest.raises(SystemExit):
        world.deliver(message)
    assert "archived" in world.storage(job)
    world.deliver(message)
    world.settle_down(with_glacier=True)
    assert world.storage(job) == {"standard"}


def test_upgrade_in_the_last_moment_of_archiving() -> None:
    world = World()
    alice = world.user()
    job = world.waiting_job(alice)
    message = due(world)
    archived = world.jobs.archived

    def late(*args: object, **fields: object) -> object:
        world.subscribes(alice)
        world.deliver(world.take(StripeEvent))
        world.take(AccountChanged)  # looked at the job as the index still had it, AVAILABLE without a wait
        return archived(*args, **fields)  # type: ignore[arg-type]  # handed on as they came

    world.jobs.archived = late  # type: ignore[method-assign, assignment]  # a double's method, for this test
    world.deliver(message)
    assert world.present(job).files is FilesState.RESTORING


def test_an_upgrade_that_meets_a_job_at_the_moment_when_its_archiving_begins_asks_for_it() -> None:
    world = World()
    alice = world.user()
    job = world.waiting_job(alice)
    world.upgrade(alice)
    end_wait = world.jobs.end_wait

    def late(job_id: str) -> object:
        world.jobs.begin_archive(job_id, wait=job.wait, now=world.time)
        return end_wait(job_id)

    world.jobs.end_wait = late  # type: ignore[method-assign, assignment]  # a double's method, for this test
    world.deliver(world.take(AccountChanged))
    assert [one.job_id for one in world.pending if isinstance(one, RestoreRequested)] == [job.job_id]


def test_a_change_that_another_followed_is_left_to_that() -> None:
    world = World()
    alice = world.user()
    job = world.archived_job(alice)
    world.upgrade(alice)
    world.downgrade(alice)
    world.upgrade(alice)
    for _ in range(3):
        world.deliver(world.take(AccountChanged))
    assert [one.job_id for one in world.pending if isinstance(one, RestoreRequested)] == [job.job_id]


def test_downgrade_while_restoring_begins_the_wait_when_the_files_are_back() -> None:
    world = World()
    alice = world.user()
    job = world.archived_job(alice)
    world.upgrade(alice)
    world.settle_down()
    world.downgrade(alice)
    world.settle_down()
    world.pass_time(timedelta(hours=4))
    world.settle_down(with_glacier=True)
    assert world.present(job).archive_at == world.time + RETENTION


def test_downgrade_while_restoring() -> None:
    world = World()
    alice = world.user()
    job = world.archived_job(alice)
    world.upgrade(alice)
    world.settle_down()
    assert world.present(job).files is FilesState.RESTORING
    world.downgrade(alice)
    world.settle_down(with_glacier=True)
    present = world.present(job)
    assert present.files is FilesState.AVAILABLE
    assert present.archive_at == world.time + RETENTION
    assert (job.job_id, present.wait) in world.waits.started


def test_a_downgrade_before_the_restoration_began_leaves_the_files_in_the_archive() -> None:
    world = World()
    alice = world.user()
    job = world.archived_job(alice)
    world.upgrade(alice)
    world.deliver(world.take(AccountChanged))
    world.downgrade(alice)
    world.settle_down(with_glacier=True)
    assert world.present(job).files is FilesState.ARCHIVED
    assert world.storage(job) == {"archived"}


def test_archive_due_after_upgrade() -> None:
    world = World()
    alice = world.user()
    job = world.waiting_job(alice)
    message = due(world)
    world.upgrade(alice)  # and nothing was done about it yet
    world.deliver(message)
    assert world.present(job).files is FilesState.AVAILABLE
    assert world.storage(job) == {"standard"}
    assert world.present(job).archive_at is None


def test_upgrade_while_a_wait_begins_for_the_free_plan_that_was_read_before() -> None:
    world = World()
    alice = world.user()
    job = world.waiting_job(alice)

    def upgrade() -> None:
        world.upgrade(alice)
        world.settle_down()

    world.at("look", upgrade)
    world.deliver(RestoreRequested(user_id=alice.user_id, job_id=job.job_id))
    present = world.present(job)
    assert present.archive_at is None
    assert (job.job_id, present.wait) not in world.waits.started


def test_archive_due_twice() -> None:
    world = World()
    job = world.waiting_job(world.user())
    message = due(world)
    world.deliver(message)
    once = world.present(job)
    world.deliver(message)
    assert world.present(job) == once
    assert world.storage(job) == {"archived"}
    assert world.subjects().count(f"{job.name} is archived") == 1


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_archive_due_twice_at_the_same_time(nth: int) -> None:
    world = World()
    job = world.waiting_job(world.user())
    message = due(world)
    world.at("archive", lambda: world.deliver(message), nth=nth)
    world.deliver(message)
    assert world.present(job).files is FilesState.ARCHIVED
    assert world.storage(job) == {"archived"}


def test_delete_while_archived() -> None:
    world = World()
    alice = world.user()
    job = world.archived_job(alice)
    world.delete(job)
    world.upgrade(alice)
    world.settle_down(with_glacier=True)
    assert world.jobs.jobs == {}
    assert world.storage(job) == {"gone"}


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_delete_while_archiving(nth: int) -> None:
    world = World()
    job = world.waiting_job(world.user())
    message = due(world)

    def delete_and_come_back() -> None:
        world.delete(job)
        for bucket, stored in files_of(job):
            world.write(bucket, stored.key)  # the copies that were under way bring them back

    world.at("archive", delete_and_come_back, nth=nth)
    world.deliver(message)
    world.settle_down()
    assert world.storage(job) == {"gone"}


def test_the_account_is_deleted_while_a_copy_is_under_way() -> None:
    world = World()
    alice = world.user()
    job = world.waiting_job(alice)
    world.close(alice)
    delete = world.jobs.delete

    def late(job_id: str) -> None:
        world.write("inputs", job.input.key)  # the copy ends after its object was deleted, and before the job is
        delete(job_id)

    world.jobs.delete = late  # type: ignore[method-assign]  # a double's method, for this test
    world.settle_down()
    assert world.storage(job) == {"gone"}


def test_delete_while_restoring() -> None:
    world = World()
    alice = world.user()
    job, other = world.archived_job(alice), world.archived_job(alice)
    world.upgrade(alice)
    world.settle_down()
    world.delete(job)
    world.settle_down(with_glacier=True)
    assert world.storage(job) == {"gone"}
    assert world.present(other).files is FilesState.AVAILABLE


def test_a_restore_event_for_a_deleted_job_deletes_what_the_copy_brought_back() -> None:
    world = World()
    alice = world.user()
    job = world.archived_job(alice)
    world.upgrade(alice)
    world.settle_down()
    world.delete(job)
    world.write("inputs", job.input.key)  # by a copy that was under way
    world.deliver(RestoreRequested(user_id=alice.user_id, job_id=job.job_id))
    assert world.storage(job) == {"gone"}


def test_a_restore_request_that_names_a_stranger_deletes_nothing_of_the_owners() -> None:
    world = World()
    alice, eve = world.user(), world.user()
    job = world.waiting_job(alice)
    world.deliver(RestoreRequested(user_id=eve.user_id, job_id=job.job_id))
    assert world.storage(job) == {"standard"}


def test_upgrade_downgrade_upgrade_within_a_minute() -> None:
    world = World()
    alice = world.user()
    archived, waiting = world.archived_job(alice), world.waiting_job(alice)
    for change in (world.upgrade, world.downgrade, world.upgrade):
        world.pass_time(timedelta(seconds=20))
        change(alice)
    world.pending.reverse()  # and the messages come in the wrong order
    world.settle_down(with_glacier=True)
    world.pass_time(RETENTION * 2)
    world.settle_down(with_glacier=True)
    for job in (archived, waiting):
        assert world.present(job).files is FilesState.AVAILABLE
        assert world.present(job).archive_at is None
        assert world.storage(job) == {"standard"}


def test_upgrade_and_downgrade_within_a_minute_begin_the_wait_again() -> None:
    world = World()
    alice = world.user()
    job = world.waiting_job(alice)
    world.pass_time(timedelta(days=3))
    world.upgrade(alice)
    world.downgrade(alice)
    world.settle_down()
    present = world.present(job)
    assert present.archive_at == world.time + RETENTION
    assert world.waits.started[job.job_id, present.wait][1] == present.archive_at
    world.pass_time(RETENTION - timedelta(days=3))  # the first wait is over
    world.settle_down()
    assert world.present(job).files is FilesState.AVAILABLE


def test_a_wait_that_fires_for_a_job_that_was_run_again() -> None:
    world = World()
    alice = world.user()
    job = world.waiting_job(alice)
    running = world.run_again(job)
    message = due(world)
    world.deliver(message)
    assert "archived" not in world.storage(running)
    world.finish(running)
    world.deliver(message)
    assert world.storage(world.present(job)) == {"standard"}


def test_a_wait_that_fires_at_the_moment_when_the_job_is_run_again() -> None:
    world = World()
    job = world.waiting_job(world.user())
    message = due(world)
    begin = world.jobs.begin_archive

    def late(*args: object, **fields: object) -> object:
        world.run_again(job)
        return begin(*args, **fields)  # type: ignore[arg-type]  # handed on as they came

    world.jobs.begin_archive = late  # type: ignore[method-assign, assignment]  # a double's method, for this test
    world.deliver(message)
    assert world.storage(job) == {"standard"}


def test_a_job_cannot_be_run_again_while_its_files_are_away() -> None:
    world = World()
    job = world.archived_job(world.user())
    with pytest.raises(FilesAway):
        world.run_again(job)


def test_a_late_copy_of_a_job_that_was_run_again_brings_its_input_back() -> None:
    world = World()
    alice = world.user()
    job = world.waiting_job(alice)
    message = due(world)
    world.upgrade(alice)
    world.settle_down()
    running = world.run_again(world.present(job))
    world.archives["inputs"].archive(job.input.key)  # by somebody who then dies
    world.deliver(message)
    world.settle_down(with_glacier=True)
    assert world.storage(world.present(running)) == {"standard"}


def test_a_restoration_that_is_in_progress_already_is_not_begun_twice() -> None:
    world = World()
    alice = world.user()
    job = world.archived_job(alice)
    world.upgrade(alice)
    world.settle_down()
    world.deliver(RestoreRequested(user_id=alice.user_id, job_id=job.job_id))
    keys = [key for archive in world.archives.values() for key, _ in archive.asked]
    assert len(keys) == len(set(keys)) == 3


def test_a_restoration_that_somebody_else_began_at_this_moment_is_not_begun_twice() -> None:
    world = World()
    alice = world.user()
    job = world.archived_job(alice)
    world.upgrade(alice)
    world.deliver(world.take(AccountChanged))
    message = world.take(RestoreRequested)
    world.at("restore", lambda: world.deliver(message))  # Glacier answers RestoreAlreadyInProgress to the slower one
    world.deliver(message)
    world.settle_down(with_glacier=True)
    assert world.present(job).files is FilesState.AVAILABLE
    assert len(world.archives["inputs"].asked) == 1


def test_an_object_that_is_in_standard_storage_again_when_it_is_asked_for() -> None:
    world = World()
    alice = world.user()
    job = world.archived_job(alice)
    world.upgrade(alice)
    key = job.input.key
    world.at("restore", lambda: world.buckets["inputs"].archived.discard(key))  # Glacier answers InvalidObjectState
    world.settle_down(with_glacier=True)
    world.deliver(RestoreRequested(user_id=alice.user_id, job_id=job.job_id))
    assert world.present(job).files is FilesState.AVAILABLE


def test_stripes_deleted_event_before_created() -> None:
    world = World()
    alice = world.user()
    job = world.waiting_job(alice)
    world.subscribes(alice)
    world.becomes(alice, SubscriptionStatus.CANCELED)
    world.pending.reverse()
    world.settle_down()
    assert world.users.get(alice.user_id).plan == "free"
    world.pass_time(RETENTION)
    world.settle_down()
    assert world.present(job).files is FilesState.ARCHIVED


def test_a_restoration_asked_for_an_earlier_plan_is_one_email_for_the_later() -> None:
    world = World()
    alice = world.user()
    world.archived_job(alice)
    world.upgrade(alice)
    world.settle_down()
    world.downgrade(alice)
    world.upgrade(alice)
    world.settle_down(with_glacier=True)
    assert world.subjects().count("Your files are back") == 1
