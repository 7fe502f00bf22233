"""Whatever happens, in whatever order, twice, late or half: no file is lost, nobody who pays stays without theirs.

A state machine drives Stripe, owners, the annotator, Glacier, the restore function, time, outages and crashes around
the real handlers. After each step the world as it stands is brought to rest on a copy: everything pending is delivered,
Glacier hands out what was asked for. There, every promise must hold; a job that had no way out would show.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import pytest
import structlog
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from shared.core.billing import plan_of
from shared.core.errors import Retryable, Unavailable
from shared.core.jobs import Job, JobState, job_prefix
from shared.core.messages import ArchiveDue, RestoreRequested
from shared.core.retention import Bucket, FilesState, Tier
from shared.core.users import SubscriptionStatus, User
from tests.fake_jobs import Fake
from tests.fakes import FakeObjects
from tests.util_world import NOTICE, RETENTION, Pending, World

RUNS, STEPS = 100, 50
MOST_JOBS = 6
STATUSES = [
    SubscriptionStatus.ACTIVE,
    SubscriptionStatus.PAST_DUE,
    SubscriptionStatus.CANCELED,
    SubscriptionStatus.UNPAID,
]
OUTSIDE = ["jobs", "users", "mailer", "mails", "topics", "waits", "inputs", "results"]
methods = st.sampled_from(["look", "restore", "make_standard"])
picks = st.integers(min_value=0, max_value=1000)
nths = st.integers(min_value=1, max_value=3)
T = TypeVar("T")


class Killed(BaseException):
    """The server is killed at this point."""


class AnyOrder(RuleBasedStateMachine):
    """Two people, some jobs, and everything that may happen to them."""

    steps = 0
    """Of all runs together."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.people: list[User] = []
        self.known: dict[str, Job] = {}
        """Every job that ever was."""

    @initialize()
    def two_people_with_jobs(self) -> None:
        self.people = [self.world.user(), self.world.user()]
        for user in self.people:
            self._note(self.world.archived_job(user))
            self._note(self.world.waiting_job(user))

    # Owners

    @precondition(lambda self: len(self.world.jobs.jobs) < MOST_JOBS and self._owners())
    @rule(who=picks, is_known=st.booleans())
    def a_job_finishes(self, who: int, is_known: bool) -> None:
        self._note(self.world.waiting_job(self._owner(who)) if is_known else self.world.job(self._owner(who)))

    @precondition(lambda self: self._ready())
    @rule(which=picks)
    def is_run_again(self, which: int) -> None:
        self.world.run_again(self._of(self._ready(), which))

    @precondition(lambda self: self._running())
    @rule(which=picks)
    def the_run_finishes(self, which: int) -> None:
        self._note(self.world.finish(self._of(self._running(), which)))

    @precondition(lambda self: self._running())
    @rule(which=picks)
    def the_run_is_cancelled(self, which: int) -> None:
        self.world.cancel(self._of(self._running(), which))

    @precondition(lambda self: self.world.jobs.jobs)
    @rule(which=picks)
    def is_deleted(self, which: int) -> None:
        self.world.delete(self._of(self._jobs(), which))

    @precondition(lambda self: self.world.jobs.jobs)
    @rule(which=picks)
    def is_asked_for(self, which: int) -> None:
        job = self._of(self._jobs(), which)
        self.world.pending.append(RestoreRequested(job_id=job.job_id, user_id=job.user_id))

    @precondition(lambda self: self._owners())
    @rule(who=picks, dice=st.integers(min_value=1, max_value=6))
    def deletes_their_account(self, who: int, dice: int) -> None:
        if dice == 6:  # seldom: little happens to somebody who is gone
            self.world.close(self._owner(who))

    # Stripe

    @precondition(lambda self: self._owners())
    @rule(who=picks, status=st.sampled_from([None, *STATUSES]))
    def the_subscription_becomes(self, who: int, status: SubscriptionStatus | None) -> None:
        if status is None:
            self.world.subscribes(self._owner(who))
        else:
            self.world.becomes(self._owner(who), status)

    @precondition(lambda self: self._owners())
    @rule(who=picks, up=st.booleans())
    def changes_plan_at_once(self, who: int, up: bool) -> None:
        self._change_plan(self._owner(who), up=up)

    # Time and Glacier

    @rule(length=st.sampled_from([timedelta(minutes=1), timedelta(hours=7), NOTICE]))
    def time_passes(self, length: timedelta) -> None:
        self.world.pass_time(length)

    @rule()
    def the_retention_passes(self) -> None:
        self.world.pass_time(RETENTION)

    @precondition(lambda self: self._restoring())
    @rule(which=picks)
    def glacier_hands_out_one(self, which: int) -> None:
        self.world.glacier_hands_out(*self._of(self._restoring(), which))

    @precondition(lambda self: self._restoring())
    @rule()
    def glacier_hands_out_everything(self) -> None:
        for bucket, key in self._restoring():
            self.world.glacier_hands_out(bucket, key)

    @precondition(lambda self: self._copies())
    @rule(which=picks)
    def a_temporary_copy_expires(self, which: int) -> None:
        self.world.copy_expires(*self._of(self._copies(), which))

    @rule(tiers=st.sets(st.sampled_from(["Expedited", "Standard"])))
    def glacier_has_no_capacity_for(self, tiers: set[Tier]) -> None:
        for archive in self.world.archives.values():
            archive.without_capacity = set(tiers)

    # Messages

    @precondition(lambda self: self.world.pending)
    @rule(which=picks, twice=st.booleans())
    def a_message_is_delivered(self, which: int, twice: bool) -> None:
        one = self._of(self.world.pending, which)
        if not twice:
            self.world.pending.remove(one)
        self._deliver(one)

    @precondition(lambda self: self.world.pending)
    @rule(backwards=st.booleans())
    def everything_is_delivered(self, backwards: bool) -> None:
        for one in self.world.pending[:: -1 if backwards else 1]:
            if one in self.world.pending:
                self.world.pending.remove(one)
                self._deliver(one)

    @precondition(lambda self: self._due() or self._waiting())
    @rule(which=picks, nth=nths, what=st.sampled_from(["delivery", "the same"]), who=picks)
    def archiving_is_disturbed_by_messages(self, which: int, nth: int, what: str, who: int) -> None:
        self._archive_disturbed(which, nth, what, who)

    @precondition(lambda self: self._due() or self._waiting())
    @rule(which=picks, nth=nths, what=st.sampled_from(["deletion", "upgrade", "downgrade"]), who=picks)
    def archiving_is_disturbed_by_their_owner(self, which: int, nth: int, what: str, who: int) -> None:
        self._archive_disturbed(which, nth, what, who)

    @precondition(lambda self: self._due() or self._waiting())
    @rule(which=picks, nth=nths, what=st.sampled_from(["back", "back and gone"]), who=picks)
    def archiving_is_disturbed_by_a_whole_restoration(self, which: int, nth: int, what: str, who: int) -> None:
        self._archive_disturbed(which, nth, what, who)

    @precondition(lambda self: self._due() or self._waiting())
    @rule(which=picks, nth=nths, what=st.sampled_from(["kill", "late copy"]), who=picks)
    def archiving_is_disturbed_by_death(self, which: int, nth: int, what: str, who: int) -> None:
        self._archive_disturbed(which, nth, what, who)

    @precondition(lambda self: self._asked() or self._archived())
    @rule(which=picks, method=methods, nth=nths, what=st.sampled_from(["delivery", "the same"]), who=picks)
    def restoring_is_disturbed_by_messages(self, which: int, method: str, nth: int, what: str, who: int) -> None:
        self._restore_disturbed(which, method, nth, what, who)

    @precondition(lambda self: self._asked() or self._archived())
    @rule(which=picks, method=methods, nth=nths, what=st.sampled_from(["deletion", "upgrade", "downgrade"]), who=picks)
    def restoring_is_disturbed_by_their_owner(self, which: int, method: str, nth: int, what: str, who: int) -> None:
        self._restore_disturbed(which, method, nth, what, who)

    @precondition(lambda self: self._asked() or self._archived())
    @rule(which=picks, method=methods, nth=nths, what=st.sampled_from(["kill", "back", "back and gone"]), who=picks)
    def restoring_is_disturbed_by_death_or_restoration(
        self, which: int, method: str, nth: int, what: str, who: int
    ) -> None:
        self._restore_disturbed(which, method, nth, what, who)

    @precondition(lambda self: self.world.pending)
    @rule(which=picks, what=st.sampled_from(OUTSIDE))
    def something_is_away_while_a_message_is_handled(self, which: int, what: str) -> None:
        one = self._of(self.world.pending, which)
        self.world.pending.remove(one)
        with self._outage(what):
            self._deliver(one)

    def _archive_disturbed(self, which: int, nth: int, what: str, who: int) -> None:
        if not self._due():
            self.world.pass_time(RETENTION)
        if self._due():
            self._deliver_disturbed(self._of(self._due(), which), "archive", nth, what, who)

    def _restore_disturbed(self, which: int, method: str, nth: int, what: str, who: int) -> None:
        if not self._asked():
            job = self._of(self._archived(), who)
            self.world.pending.append(RestoreRequested(job_id=job.job_id, user_id=job.user_id))
            self._change_plan(self.world.users.get(job.user_id), up=True)
        self._deliver_disturbed(self._of(self._asked(), which), method, nth, what, who)

    def _deliver_disturbed(self, one: Pending, method: str, nth: int, what: str, who: int) -> None:
        """Something happens in the midst of it: right before an object is touched, or its late copy ends."""

        def happens() -> None:
            world = self.world
            job = world.jobs.jobs.get(getattr(one, "job_id", ""))
            owner = world.users.users.get(job.user_id) if job else None
            if what == "delivery" and world.pending:
                other = self._of(world.pending, who)
                world.pending.remove(other)
                self._deliver(other)
            elif what == "the same":
                self._deliver(one)
            elif what == "deletion" and job:
                world.delete(job)
            elif what in {"upgrade", "downgrade"} and owner and owner.closed_at is None:
                self._change_plan(owner, up=what == "upgrade")
            elif what in {"back", "back and gone", "late copy"} and owner and owner.closed_at is None:
                self._change_plan(owner, up=True)
                self._rest()
                if what == "back and gone":
                    self._change_plan(owner, up=False)
                if what == "late copy" and world.touched:
                    archive, key = world.touched
                    if job and self._is_ready(job) and who % 2:
                        world.run_again(world.present(job))
                    archive.archive(key)
                    raise Killed
            elif what == "kill":
                raise Killed

        self.world.pending.remove(one)
        self.world.at(method, happens, nth=nth)
        self._deliver(one)

    # Promises

    @invariant()
    def no_file_of_a_job_is_lost(self) -> None:
        here = {user.user_id for user in self._owners()}  # jobs of a closed account are on their way out
        for job in self._jobs():
            assert job.user_id not in here or "gone" not in self.world.storage(job), job

    @invariant()
    def nobody_is_told_the_same_twice(self) -> None:
        told = [(mail.to, *sorted(mail.tags.items())) for mail in self.world.mailer.sent]
        assert len(told) == len(set(told))

    @invariant()
    def everything_comes_to_a_good_end(self) -> None:
        AnyOrder.steps += 1
        with self._copy():
            self._rest()
            self._check()

    def _check(self) -> None:
        world = self.world
        for user in self.people:
            theirs = [job for job in world.jobs.jobs.values() if job.user_id == user.user_id]
            present = world.users.users.get(user.user_id)
            if present is None:
                assert theirs == []
                assert not [key for _, objects in self._buckets() for key in objects.objects if user.user_id in key]
                continue
            assert present.closed_at is None
            assert present.plan == plan_of(world.billing.subscription(user.customer_id))
            for job in theirs:
                self._check_job(job, present)
        for job in self.known.values():
            if job.job_id not in world.jobs.jobs:
                under = job_prefix(job.user_id, job.job_id)
                assert not [key for _, objects in self._buckets() for key in objects.objects if key.startswith(under)]

    def _check_job(self, job: Job, owner: User) -> None:
        where = self.world.storage(job)
        assert "gone" not in where
        if owner.plan == "premium" or not job.state.is_final:
            assert (job.files, where) == (FilesState.AVAILABLE, {"standard"}), job
            assert job.archive_at is None, job
        elif job.files is FilesState.ARCHIVED:
            assert where == {"archived"}, job
        else:
            assert (job.files, where) == (FilesState.AVAILABLE, {"standard"}), job
            assert job.archive_at is not None, job
            assert self.world.waits.started[job.job_id, job.wait][1] == job.archive_at
            assert job.archive_at > self.world.time, job

    # How it is done

    def _note(self, job: Job) -> None:
        self.known[job.job_id] = job

    def _change_plan(self, owner: User, *, up: bool) -> None:
        if up:
            self.world.upgrade(owner)
        else:
            self.world.downgrade(owner)

    def _owners(self) -> list[User]:
        return [user for user in self.world.users.users.values() if user.closed_at is None]

    def _owner(self, pick: int) -> User:
        return self._of(self._owners(), pick)

    def _jobs(self) -> list[Job]:
        return list(self.world.jobs.jobs.values())

    def _ready(self) -> list[Job]:
        return [job for job in self._jobs() if self._is_ready(job)]

    def _is_ready(self, job: Job) -> bool:
        """Whether its owner may run it again."""
        present = self.world.jobs.jobs.get(job.job_id)
        return present is not None and present.state.is_final and present.files is FilesState.AVAILABLE

    def _running(self) -> list[Job]:
        return [job for job in self._jobs() if job.state is JobState.RUNNING]

    def _waiting(self) -> list[Job]:
        return [job for job in self._jobs() if job.archive_at is not None]

    def _archived(self) -> list[Job]:
        owners = {user.user_id for user in self._owners()}
        return [job for job in self._jobs() if job.files is FilesState.ARCHIVED and job.user_id in owners]

    def _restoring(self) -> list[tuple[Bucket, str]]:
        return [(bucket, key) for bucket, objects in self._buckets() for key in objects.restoring]

    def _copies(self) -> list[tuple[Bucket, str]]:
        return [(bucket, key) for bucket, objects in self._buckets() for key in objects.copies]

    def _due(self) -> list[Pending]:
        """Of waits that still count, if there are any."""
        every = [one for one in self.world.pending if isinstance(one, ArchiveDue) and one.step == "due"]
        live = [one for one in every if (job := self.world.jobs.jobs.get(one.job_id)) and job.wait == one.wait]
        return list(live or every)

    def _asked(self) -> list[Pending]:
        return [one for one in self.world.pending if isinstance(one, RestoreRequested)]

    def _buckets(self) -> list[tuple[Bucket, FakeObjects]]:
        return list(self.world.buckets.items())

    @staticmethod
    def _of(some: Sequence[T], pick: int) -> T:
        return some[pick % len(some)]

    def _deliver(self, one: Pending) -> None:
        """As the inbox does: what failed for now, or whose server was killed, waits again."""
        try:
            self.world.deliver(one)
        except (Retryable, Killed):
            self.world.pending.append(one)
        finally:
            self.world.undisturbed()

    def _rest(self) -> None:
        for archive in self.world.archives.values():
            archive.without_capacity = set()
        self.world.settle_down(with_glacier=True)

    @contextmanager
    def _outage(self, what: str) -> Iterator[None]:
        away: list[Fake]
        if what in self.world.archives:
            away = [self.world.archives[what], self.world.buckets[what]]
        else:
            away = [getattr(self.world, what)]
        for fake in away:
            fake.fail_with = Unavailable("It is away.")
        try:
            yield
        finally:
            for fake in away:
                fake.fail_with = None

    @contextmanager
    def _copy(self) -> Iterator[None]:
        """What is done inside is done to a copy of everything that is stored."""
        world = self.world
        stores: list[Fake] = [
            world.jobs,
            world.users,
            world.mails,
            world.mailer,
            world.topics,
            world.waits,
            world.billing,
        ]
        stores += [*world.buckets.values(), *world.archives.values()]
        before = [(vars(store), _containers(vars(store))) for store in stores]
        before.append((vars(world), {"pending": list(world.pending), "fired": set(world.fired), "time": world.time}))
        before[-1][1]["handed_over"] = world.handed_over
        try:
            yield
        finally:
            for fields, were in before:
                fields.update(were)


def _containers(fields: dict[str, Any]) -> dict[str, Any]:
    """Copies of a fake's dicts, lists and sets; what they hold is never changed in place, unless it is a list."""
    return {
        name: {key: copy.copy(one) for key, one in value.items()} if isinstance(value, dict) else copy.copy(value)
        for name, value in fields.items()
        if isinstance(value, dict | list | set)
    }


@pytest.mark.timeout(600)  # one that fails is made short first
def test_every_promise_holds_in_any_order() -> None:
    AnyOrder.steps = 0
    with structlog.testing.capture_logs():  # thousands of lines that nobody reads
        run_state_machine_as_test(
            AnyOrder,
            settings=settings(
                max_examples=RUNS,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
            ),
        )
    assert AnyOrder.steps >= 2000
