"""The utility server's surroundings from memory: what is published waits in `World.pending` until a test delivers it.

Whatever has to do with archive and restoration goes through the real handlers; Stripe, S3, Glacier, Step Functions and
the restore function are fakes that a test drives.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from shared.billing.refresh import refresh
from shared.core.errors import Retryable
from shared.core.jobs import (
    Job,
    JobError,
    JobState,
    Ledger,
    StoredFile,
    files_of,
    input_key,
    job_prefix,
    results_prefix,
)
from shared.core.messages import AccountChanged, ArchiveDue, JobFinished, Message, RestoreRequested
from shared.core.ports import Work
from shared.core.retention import Bucket, FilesState
from shared.core.users import SubscriptionStatus, User
from shared.inbox.route import Lease
from tests.factories import a_job, a_user
from tests.fake_billing import FakeBilling
from tests.fakes import (
    FakeArchive,
    FakeAudit,
    FakeJobs,
    FakeMailer,
    FakeMails,
    FakeObjects,
    FakeTopics,
    FakeUsers,
    FakeWaits,
)
from util_hook.handlers import account_changed, archive_due, job_finished, restore_requested
from util_hook.services import Services

NOON = datetime(2026, 3, 6, 12, 0, tzinfo=UTC)
RETENTION = timedelta(days=7)
NOTICE = timedelta(days=1)
EVIDENCE = timedelta(minutes=2)
ACCOUNT_CHANGES = "account-changes"
RESTORE_REQUESTS = "restore-requests"
PUBLIC_URL = "https://gas.example.org"


@dataclass(frozen=True)
class StripeEvent:
    """Stripe says that something changed about this user."""

    user_id: str


@dataclass(frozen=True)
class ObjectEvent:
    """S3 says that a temporary copy is there, or expired."""

    bucket: Bucket
    key: str
    is_there: bool


Pending = Message | StripeEvent | ObjectEvent
P = TypeVar("P", Message, StripeEvent, ObjectEvent, JobFinished, ArchiveDue, RestoreRequested, AccountChanged)


class World:
    """Everything around the handlers, with a clock that the test turns."""

    def __init__(self) -> None:
        self.time = NOON
        self.jobs, self.users, self.mails = FakeJobs(), FakeUsers(), FakeMails()
        self.mailer, self.topics, self.waits, self.audit = FakeMailer(), FakeTopics(), FakeWaits(), FakeAudit()
        self.buckets: dict[Bucket, FakeObjects] = {"inputs": FakeObjects(), "results": FakeObjects()}
        self.archives: dict[Bucket, FakeArchive] = {name: FakeArchive(one) for name, one in self.buckets.items()}
        self.billing = FakeBilling(now=lambda: self.time)
        self.pending: list[Pending] = []
        """What waits to be delivered."""
        self.fired: set[tuple[str, int, str]] = set()
        """Steps of waits that were published."""
        self.handed_over = 0
        """How many of ``topics.published`` are in ``pending``, or were."""
        self.touched: tuple[FakeArchive, str] | None = None
        """The object at which something happened by `at`."""
        self.numbers = itertools.count(1)
        self.services = Services(
            jobs=self.jobs,
            users=self.users,
            mailer=self.mailer,
            mails=self.mails,
            topics=self.topics,
            waits=self.waits,
            billing=self.billing,
            audit=self.audit,
            buckets=self.buckets,
            archives=self.archives,
            public_url=PUBLIC_URL,
            secret_keys=("s" * 32,),
            account_changes_topic=ACCOUNT_CHANGES,
            restore_requests_topic=RESTORE_REQUESTS,
            retention=RETENTION,
            archive_notice=NOTICE,
            mail_evidence=EVIDENCE,
            now=lambda: self.time,
        )

    # People

    def user(self, **fields: Any) -> User:
        """A free user who is a customer of Stripe's."""
        number = next(self.numbers)
        user = a_user(**{"email": f"user{number}@example.org", "customer_id": f"cus_{number}", **fields})
        self.users.create(user)
        self.billing.owners[user.customer_id] = user.user_id
        return user

    def subscribes(self, user: User) -> None:
        """At Stripe; nobody at GAS knows yet."""
        self.billing.subscribe(user.customer_id)
        self.pending.append(StripeEvent(user.user_id))

    def becomes(self, user: User, status: SubscriptionStatus) -> None:
        """As `subscribes`: the status of the subscription, if there is one, changes."""
        if self.billing.subscriptions.get(user.customer_id):
            self.billing.becomes(user.customer_id, status)
        self.pending.append(StripeEvent(user.user_id))

    def upgrade(self, user: User) -> None:
        """Stripe knows it, and the plan is stored and announced."""
        self.subscribes(user)
        self.deliver(self.pending.pop())

    def downgrade(self, user: User) -> None:
        """As `upgrade`."""
        self.becomes(user, SubscriptionStatus.CANCELED)
        self.deliver(self.pending.pop())

    def close(self, user: User) -> None:
        """They delete their account."""
        closed = self.users.close(user.user_id, now=self.time)
        self.billing.close(user.customer_id)
        self.pending.append(AccountChanged(user_id=user.user_id, epoch=closed.plan_epoch))

    # Jobs

    def job(self, owner: User, **fields: Any) -> Job:
        """A job that just completed, with its files, and its message on the way."""
        job = a_job(user_id=owner.user_id, created_at=self.time, **fields)
        self.write("inputs", input_key(job.user_id, job.job_id))
        running = replace(
            job,
            input=StoredFile(job.input.key, 4),
            state=JobState.RUNNING,
            started_at=self.time,
            worker="job-requests#1",
            fence=1,
        )
        self.jobs.create(running)
        return self.finish(running)

    def finish(self, job: Job) -> Job:
        """The annotator is done with a running job; its message is on the way."""
        present = self.jobs.get(job.job_id)
        work, key = Work(present.worker, present.fence), present.input.key
        under = results_prefix(job.user_id, job.job_id, present.run, present.fence)
        if key in self.buckets["inputs"].archived:
            error = JobError("unreadable", "The file could not be read.")
            done = self._finished(present, work, JobState.FAILED, error=error)
        else:
            results = {"vcf": StoredFile(f"{under}annotated.vcf.gz", 4), "log": StoredFile(f"{under}log.txt", 4)}
            for stored in results.values():
                self.write("results", stored.key)
            done = self._finished(present, work, JobState.COMPLETED, ledger=Ledger(1, 1), results=results)
        self.pending.append(
            JobFinished.model_validate({"job_id": job.job_id, "run": done.run, "outcome": str(done.state)})
        )
        return done

    def run_again(self, job: Job) -> Job:
        """Its owner starts it anew, and the annotator begins."""
        again = self.jobs.run_again(job.job_id, run=job.run, request_id="", now=self.time)
        return self.jobs.start(
            job.job_id, run=again.run, work=Work(f"job-requests#{next(self.numbers)}", 1), now=self.time
        )

    def cancel(self, job: Job) -> Job:
        """Its owner stops it, as the frontend does."""
        self.pending.append(RestoreRequested(job_id=job.job_id, user_id=job.user_id))
        return self.jobs.cancel(job.job_id, now=self.time)

    def delete(self, job: Job) -> None:
        """Its owner deletes it, as the frontend does."""
        for objects in self.buckets.values():
            objects.delete_under(job_prefix(job.user_id, job.job_id))
        self.jobs.delete(job.job_id)

    def write(self, bucket: Bucket, key: str) -> None:
        self.buckets[bucket].write(key, b"data", content_type="text/plain")

    def waiting_job(self, owner: User, **fields: Any) -> Job:
        """A completed job whose wait began."""
        job = self.job(owner, **fields)
        self.deliver(self.pending.pop())
        return self.jobs.get(job.job_id)

    def archived_job(self, owner: User, **fields: Any) -> Job:
        """A job of a free user, after its retention."""
        job = self.waiting_job(owner, **fields)
        self.pass_time(RETENTION)
        self.settle_down()
        assert self.jobs.get(job.job_id).files is FilesState.ARCHIVED
        return self.jobs.get(job.job_id)

    # Time, Glacier, messages

    def pass_time(self, length: timedelta) -> None:
        """Waits that are over are published."""
        self.time += length
        for (job_id, wait), moments in self.waits.started.items():
            for step, moment in zip(("soon", "due"), moments, strict=True):
                if moment <= self.time and (job_id, wait, step) not in self.fired:
                    self.fired.add((job_id, wait, step))
                    given = {"job_id": job_id, "user_id": self.waits.owners[job_id], "wait": wait, "step": step}
                    self.pending.append(ArchiveDue.model_validate(given))

    def glacier_hands_out(self, bucket: Bucket, key: str) -> None:
        """A temporary copy is there."""
        if key in self.buckets[bucket].restoring:
            self.archives[bucket].finish(key)
            self.pending.append(ObjectEvent(bucket, key, is_there=True))

    def copy_expires(self, bucket: Bucket, key: str) -> None:
        """A temporary copy is gone, used or not."""
        if key in self.buckets[bucket].copies:
            self.archives[bucket].expire(key)
            self.pending.append(ObjectEvent(bucket, key, is_there=False))

    def take(self, kind: type[P]) -> P:
        """The oldest that is pending of this kind; it is not pending any more."""
        self.collect()
        found = next(one for one in self.pending if isinstance(one, kind))
        self.pending.remove(found)
        return found

    def deliver(self, one: Pending, lease: Lease | None = None) -> None:
        """Handles it at once. Raises what the handler raises."""
        lease = lease or Lease("entry#1", 1)
        try:
            if isinstance(one, StripeEvent):
                self._hear_stripe(one)
            elif isinstance(one, ObjectEvent):
                self._restore_function(one)
            elif isinstance(one, JobFinished):
                job_finished.handle(one, lease, self.services)
            elif isinstance(one, ArchiveDue):
                archive_due.handle(one, lease, self.services)
            elif isinstance(one, RestoreRequested):
                restore_requested.handle(one, lease, self.services)
            elif isinstance(one, AccountChanged):
                account_changed.handle(one, lease, self.services)
            else:
                raise TypeError(f"nobody handles {one!r}")
        finally:
            self.collect()

    def collect(self) -> None:
        """What handlers published becomes pending."""
        models: dict[str, type[Message]] = {ACCOUNT_CHANGES: AccountChanged, RESTORE_REQUESTS: RestoreRequested}
        for topic, text in self.topics.published[self.handed_over :]:
            self.pending.append(models[topic].from_json(text))
        self.handed_over = len(self.topics.published)

    def settle_down(self, *, with_glacier: bool = False) -> None:
        """Delivers everything, again and again where it is to be retried, until nothing is pending."""
        for _ in range(200):
            self.pass_time(timedelta(0))
            self.collect()
            if with_glacier:
                for bucket, objects in self.buckets.items():
                    for key in list(objects.restoring):
                        self.glacier_hands_out(bucket, key)
            if not self.pending:
                return
            todo, self.pending = self.pending, []
            is_stuck = True
            for one in todo:
                try:
                    self.deliver(one)
                    is_stuck = False
                except Retryable:
                    self.pending.append(one)
            if is_stuck:
                self.pass_time(EVIDENCE + timedelta(seconds=1))
        raise AssertionError(f"it never comes to rest: {self.pending[:5]}")

    # What a test looks at

    def present(self, job: Job) -> Job:
        """The job as stored."""
        return self.jobs.get(job.job_id)

    def storage(self, job: Job) -> set[str]:
        """How the job's objects stand: ``standard``, ``archived`` or ``gone``."""
        return {self._standing(bucket, stored.key) for bucket, stored in files_of(job)}

    def subjects(self) -> list[str]:
        """Of all e-mails, in the order of sending."""
        return [mail.subject for mail in self.mailer.sent]

    def at(self, method: str, do: Callable[[], None], *, nth: int = 1) -> None:
        """Lets something happen right before the ``nth`` call of this method of Glacier's, once."""
        calls = itertools.count(1)

        def hook(archive: FakeArchive, called: str, key: str) -> None:
            if called == method and next(calls) == nth:
                self.undisturbed()
                self.touched = archive, key
                do()

        for archive in self.archives.values():
            archive.before = functools.partial(hook, archive)

    def undisturbed(self) -> None:
        """Nothing happens any more at calls of Glacier."""
        for archive in self.archives.values():
            archive.before = None

    def dies(self) -> None:
        """The server is killed."""
        raise SystemExit("killed")

    def lost_lease(self) -> Lease:
        """Of a server that stops, or was too slow."""
        lease = Lease("entry#1", 1)
        lease.lost.set()
        return lease

    def _standing(self, bucket: Bucket, key: str) -> str:
        objects = self.buckets[bucket]
        if key not in objects.objects:
            return "gone"
        return "archived" if key in objects.archived else "standard"

    def _finished(self, job: Job, work: Work, state: JobState, **fields: Any) -> Job:
        return self.jobs.finish(job.job_id, run=job.run, work=work, state=state, now=self.time, **fields)

    def _hear_stripe(self, event: StripeEvent) -> None:
        if event.user_id in self.users.users:
            refresh(
                event.user_id,
                billing=self.billing,
                users=self.users,
                topics=self.topics,
                account_changes_topic=ACCOUNT_CHANGES,
                now=self.time,
            )

    def _restore_function(self, event: ObjectEvent) -> None:
        """As ``deploy/lambda/restore/handler.py`` does it."""
        if event.key not in self.buckets[event.bucket].objects:
            return
        if event.is_there:
            self.archives[event.bucket].make_standard(event.key)
        user_id, job_id, _ = event.key.split("/", 2)
        self.topics.publish(RESTORE_REQUESTS, RestoreRequested(user_id=user_id, job_id=job_id).to_json())
