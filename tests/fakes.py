"""The outside world from memory: one fake for each protocol of `shared.core.ports` and `shared.core.inbox`.

``tests/contract`` runs the same assertions on these and on the AWS implementations, so that they stay honest. What a
test sets or looks at is public. Every fake has ``fail_with``: while it is set, every call raises it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from shared.aws import page_token
from shared.core.clock import to_iso, to_millis
from shared.core.errors import AlreadyExists, Conflict, GasError, NotFound, Permanent
from shared.core.inbox import Ended, Entry, EntryState
from shared.core.jobs import IllegalTransition, Job, JobError, JobState, Ledger, Progress, StoredFile, sources_of
from shared.core.ports import MailClaim, Page, UploadForm, Work
from shared.core.users import User


class _Fake:
    def __init__(self) -> None:
        self.fail_with: GasError | None = None
        self.lock = threading.RLock()

    def _reach(self) -> None:
        """Stands at the start of every call, as the network does."""
        if self.fail_with is not None:
            raise self.fail_with


class FakeJobs(_Fake):
    """The jobs table. ``jobs``: job_id → job as stored."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: dict[str, Job] = {}
        self.waiting: set[str] = set()
        """Jobs that are not announced yet."""

    def create(self, job: Job) -> None:
        self._reach()
        with self.lock:
            if job.job_id in self.jobs:
                raise AlreadyExists(f"Job {job.job_id} exists already.")
            self.jobs[job.job_id] = job

    def get(self, job_id: str) -> Job:
        self._reach()
        try:
            return self.jobs[job_id]
        except KeyError:
            raise NotFound(f"There is no job {job_id}.") from None

    def by_owner(self, user_id: str, *, limit: int, start: str | None = None) -> Page:
        self._reach()
        mine = sorted(
            (job for job in self.jobs.values() if job.user_id == user_id),
            key=lambda job: (job.created_at, job.job_id),
            reverse=True,
        )
        if start is not None:
            after = page_token.decode(start, user_id)
            mine = [job for job in mine if (to_iso(job.created_at), job.job_id) < after]
        some = mine[:limit]
        more = len(mine) > limit
        return Page(
            some, page_token.encode(user_id, to_iso(some[-1].created_at), some[-1].job_id) if more and some else None
        )

    def submit(self, job_id: str, *, size: int, request_id: str, now: datetime) -> Job:
        with self.lock:
            job = self._from({JobState.CREATED}, job_id, JobState.QUEUED)
            self.waiting.add(job_id)
            return self._store(
                job,
                state=JobState.QUEUED,
                input=replace(job.input, size=size),
                request_id=request_id,
                queued_at=now,
                updated_at=now,
            )

    def run_again(self, job_id: str, *, run: int, request_id: str, now: datetime) -> Job:
        with self.lock:
            finals = {state for state in sources_of(JobState.QUEUED) if state.is_final}
            job = self._from(finals, job_id, JobState.QUEUED, run=run)
            self.waiting.add(job_id)
            return self._store(
                job,
                state=JobState.QUEUED,
                run=run + 1,
                request_id=request_id,
                queued_at=now,
                updated_at=now,
                started_at=None,
                finished_at=None,
                progress=None,
                ledger=None,
                summary={},
                results={},
                error=None,
                worker="",
                fence=0,
            )

    def announced(self, job_id: str, *, run: int) -> None:
        self._reach()
        with self.lock:
            if job_id in self.jobs and self.jobs[job_id].run == run:
                self.waiting.discard(job_id)

    def unannounced(self, *, before: datetime, limit: int = 100) -> Sequence[Job]:
        self._reach()
        found = [self.jobs[job_id] for job_id in self.waiting]
        old = [(job.queued_at, job.job_id, job) for job in found if job.queued_at and job.queued_at < before]
        return [job for _, _, job in sorted(old, key=lambda item: item[:2])][:limit]

    def start(self, job_id: str, *, run: int, work: Work, now: datetime) -> Job:
        with self.lock:
            job = self._from(sources_of(JobState.RUNNING), job_id, JobState.RUNNING, run=run)
            if job.state is JobState.RUNNING and not (job.worker == work.entry_id and job.fence < work.fence):
                raise IllegalTransition(job_id, job.state, JobState.RUNNING)
            self.waiting.discard(job_id)
            return self._store(
                job,
                state=JobState.RUNNING,
                worker=work.entry_id,
                fence=work.fence,
                started_at=job.started_at or now,
                updated_at=now,
                progress=None,
            )

    def report(self, job_id: str, *, run: int, work: Work, progress: Progress) -> None:
        with self.lock:
            job = self._from({JobState.RUNNING}, job_id, JobState.RUNNING, run=run, work=work)
            self._store(job, progress=progress)

    def finish(
        self,
        job_id: str,
        *,
        run: int,
        work: Work,
        state: JobState,
        now: datetime,
        ledger: Ledger | None = None,
        summary: Mapping[str, object] | None = None,
        results: Mapping[str, StoredFile] | None = None,
        error: JobError | None = None,
    ) -> Job:
        with self.lock:
            job = self._from({JobState.RUNNING}, job_id, state, run=run, work=work)
            return self._store(
                job,
                state=state,
                finished_at=now,
                updated_at=now,
                ledger=ledger,
                summary=dict(summary or {}),
                results=dict(results or {}),
                error=error,
            )

    def give_up(self, job_id: str, *, run: int, error: JobError, now: datetime) -> Job:
        with self.lock:
            job = self._from(sources_of(JobState.FAILED), job_id, JobState.FAILED, run=run)
            self.waiting.discard(job_id)
            return self._store(job, state=JobState.FAILED, finished_at=now, updated_at=now, error=error)

    def cancel(self, job_id: str, *, now: datetime) -> Job:
        with self.lock:
            job = self._from(sources_of(JobState.CANCELLED), job_id, JobState.CANCELLED)
            self.waiting.discard(job_id)
            return self._store(job, state=JobState.CANCELLED, finished_at=now, updated_at=now)

    def delete(self, job_id: str) -> None:
        self._reach()
        with self.lock:
            self.jobs.pop(job_id, None)
            self.waiting.discard(job_id)

    def claim_mail(self, job_id: str, *, run: int, now: datetime, lapsed: timedelta) -> MailClaim:
        with self.lock:
            job = self.get(job_id)
            if job.mailed_run > run or (job.mailed_run == run and job.mail_state == "SENT"):
                return MailClaim(sent=True)
            if job.mailed_run == run and job.mail_at is not None and job.mail_at > now - lapsed:
                return MailClaim(pending=True)
            self._store(job, mailed_run=run, mail_state="SENDING", mail_at=now)
            return MailClaim(granted=True)

    def mailed(self, job_id: str, *, run: int, now: datetime) -> None:
        self._reach()
        with self.lock:
            job = self.jobs.get(job_id)
            if job is not None and job.mailed_run <= run and not (job.mailed_run == run and job.mail_state == "SENT"):
                self._store(job, mailed_run=run, mail_state="SENT", mail_at=now)

    def _from(
        self,
        sources: set[JobState] | frozenset[JobState],
        job_id: str,
        target: JobState,
        *,
        run: int | None = None,
        work: Work | None = None,
    ) -> Job:
        job = self.get(job_id)
        ours = work is None or (job.worker, job.fence) == (work.entry_id, work.fence)
        if job.state not in sources or (run is not None and job.run != run) or not ours:
            raise IllegalTransition(job_id, job.state, target)
        return job

    def _store(self, job: Job, **changes: Any) -> Job:
        self.jobs[job.job_id] = replace(job, **changes)
        return self.jobs[job.job_id]


class FakeUsers(_Fake):
    """The users table. ``users``: user_id → user as stored."""

    def __init__(self) -> None:
        super().__init__()
        self.users: dict[str, User] = {}

    def create(self, user: User) -> None:
        self._reach()
        with self.lock:
            if user.user_id in self.users or self.by_email(user.email):
                raise AlreadyExists("This address has an account already.")
            self.users[user.user_id] = user

    def get(self, user_id: str) -> User:
        self._reach()
        try:
            return self.users[user_id]
        except KeyError:
            raise NotFound("There is no such account.") from None

    def by_email(self, email: str) -> User | None:
        self._reach()
        return next((user for user in self.users.values() if user.email == email), None)

    def verify(self, user_id: str, *, now: datetime) -> None:
        with self.lock:
            user = self.get(user_id)
            self.users[user_id] = replace(user, verified_at=user.verified_at or now)

    def set_password(self, user_id: str, *, password_hash: str, epoch: int) -> None:
        with self.lock:
            user = self.get(user_id)
            if user.session_epoch != epoch:
                raise Conflict("The password was changed meanwhile.")
            self.users[user_id] = replace(user, password_hash=password_hash, session_epoch=epoch + 1)

    def block_mail(self, email: str, *, reason: str) -> None:
        with self.lock:
            user = self.by_email(email)
            if user is not None:
                self.users[user.user_id] = replace(user, mail_blocked=reason)


class FakeLimits(_Fake):
    """Counters that forget."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: dict[tuple[str, int, int], int] = {}

    def hit(self, key: str, *, window: timedelta, now: datetime) -> int:
        self._reach()
        with self.lock:
            length = window // timedelta(milliseconds=1)
            counter = (key, length, to_millis(now) // length)
            self.counts[counter] = self.counts.get(counter, 0) + 1
            return self.counts[counter]


class FakeObjects(_Fake):
    """One bucket. ``objects``: key → bytes; ``content_types``: key → what it was stored with."""

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[str, bytes] = {}
        self.content_types: dict[str, str] = {}

    def upload_form(self, key: str, *, max_bytes: int, expires: timedelta) -> UploadForm:
        self._reach()
        policy = f"{max_bytes} bytes, {expires.total_seconds():.0f} s"
        return UploadForm("https://bucket.example/", {"key": key, "policy": policy})

    def download_url(self, key: str, *, filename: str, expires: timedelta) -> str:
        self._reach()
        return f"https://bucket.example/{quote(key)}?filename={quote(filename, safe='')}&expires={expires.total_seconds():.0f}"

    def size(self, key: str) -> int | None:
        self._reach()
        return len(self.objects[key]) if key in self.objects else None

    def write(self, key: str, data: bytes, *, content_type: str) -> None:
        self._reach()
        self.objects[key] = data
        self.content_types[key] = content_type

    def read(self, key: str, *, limit: int) -> bytes:
        self._reach()
        try:
            return self.objects[key][:limit]
        except KeyError:
            raise NotFound("There is no such file.") from None

    def upload(self, path: Path, key: str, *, content_type: str) -> int:
        data = path.read_bytes()
        self.write(key, data, content_type=content_type)
        return len(data)

    def download(self, key: str, path: Path) -> None:
        self._reach()
        if key not in self.objects:
            raise NotFound("There is no such file.")
        path.write_bytes(self.objects[key])

    def delete_under(self, prefix: str) -> None:
        self._reach()
        if not prefix.endswith("/"):
            raise ValueError(f"{prefix!r} does not end with a slash")
        for key in [key for key in self.objects if key.startswith(prefix)]:
            del self.objects[key]
            del self.content_types[key]


class FakeTopics(_Fake):
    """SNS. ``published``: (topic, text); ``confirmed``: (topic, token); ``subscriptions``: (topic, endpoint) → queue."""

    def __init__(self) -> None:
        super().__init__()
        self.published: list[tuple[str, str]] = []
        self.confirmed: list[tuple[str, str]] = []
        self.subscriptions: dict[tuple[str, str], str] = {}
        self.bad_tokens: set[str] = set()

    def publish(self, topic_arn: str, text: str) -> None:
        self._reach()
        self.published.append((topic_arn, text))

    def confirm(self, topic_arn: str, token: str) -> None:
        self._reach()
        if token in self.bad_tokens:
            raise Permanent("SNS does not know this token.")
        self.confirmed.append((topic_arn, token))

    def subscribe(self, topic_arn: str, endpoint: str, *, dead_letters: str) -> None:
        self._reach()
        self.subscriptions[topic_arn, endpoint] = dead_letters


@dataclass(frozen=True)
class Buried:
    """One message in a dead-letter queue."""

    queue_url: str
    envelope: str
    reason: str
    attributes: Mapping[str, str]


class FakeDeadLetters(_Fake):
    """SQS, as the last resort."""

    def __init__(self) -> None:
        super().__init__()
        self.buried: list[Buried] = []

    def bury(self, queue_url: str, envelope: str, *, reason: str, attributes: Mapping[str, str]) -> None:
        self._reach()
        self.buried.append(Buried(queue_url, envelope, reason, dict(attributes)))


@dataclass(frozen=True)
class SentMail:
    """One e-mail that SES took."""

    to: str
    subject: str
    text: str
    html: str
    tags: Mapping[str, str] = field(default_factory=dict)


class FakeMailer(_Fake):
    """SES. ``die_after_sending``: the process ends right after the e-mail went out."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[SentMail] = []
        self.die_after_sending = False

    def send(self, *, to: str, subject: str, text: str, html: str, tags: Mapping[str, str]) -> None:
        self._reach()
        self.sent.append(SentMail(to, subject, text, html, dict(tags)))
        if self.die_after_sending:
            raise SystemExit("killed")


class FakeInbox(_Fake):
    """The inbox table. ``entries``: entry_id → entry as stored; ``kept_for_good``: those that are never forgotten."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[str, Entry] = {}
        self.kept_for_good: set[str] = set()

    def accept(self, entry: Entry) -> Entry | None:
        self._reach()
        with self.lock:
            if entry.entry_id in self.entries:
                return self.entries[entry.entry_id]
            self.entries[entry.entry_id] = entry
            return None

    def claim(self, entry_id: str, *, holder: str, now: datetime, lease: timedelta) -> Entry:
        self._reach()
        with self.lock:
            entry = self.entries.get(entry_id)
            if entry is None or not self._is_free(entry, now):
                raise Conflict(f"Inbox entry {entry_id} is not free.")
            return self._store(
                entry,
                state=EntryState.RUNNING,
                attempts=entry.attempts + 1,
                fence=entry.fence + 1,
                holder=holder,
                claimed_at=now,
                due_at=now + lease,
            )

    @staticmethod
    def _is_free(entry: Entry, now: datetime) -> bool:
        due = entry.due_at is not None and entry.due_at <= now
        if entry.state is EntryState.RECEIVED:
            return due or entry.attempts == 0
        return entry.state is EntryState.RUNNING and due

    def beat(self, work: Work, *, now: datetime, lease: timedelta) -> None:
        self._reach()
        with self.lock:
            self._store(self._held(work), due_at=now + lease)

    def complete(self, work: Work, ended: Ended) -> None:
        self._end(work, ended, state=EntryState.DONE, due_at=None, finished_at=ended.now)

    def retry(self, work: Work, ended: Ended, *, due: datetime) -> None:
        self._end(work, ended, state=EntryState.RECEIVED, due_at=due)

    def release(self, work: Work, *, now: datetime) -> None:
        self._reach()
        with self.lock:
            entry = self._held(work)
            self._store(entry, state=EntryState.RECEIVED, due_at=now, attempts=entry.attempts - 1)

    def dead(self, work: Work, ended: Ended, *, forget: bool) -> None:
        self._end(work, ended, state=EntryState.DEAD, due_at=None, finished_at=ended.now)
        if not forget:
            self.kept_for_good.add(work.entry_id)

    def due(self, route: str, *, now: datetime, limit: int) -> Sequence[str]:
        self._reach()
        with self.lock:
            waiting = [
                (entry.due_at, entry.entry_id)
                for entry in self._unfinished(route)
                if entry.due_at and entry.due_at <= now
            ]
        return [entry_id for _, entry_id in sorted(waiting)][:limit]

    def backlog(self, route: str, *, limit: int) -> int:
        self._reach()
        with self.lock:
            return min(len(self._unfinished(route)), limit)

    def _unfinished(self, route: str) -> list[Entry]:
        return [entry for entry in self.entries.values() if entry.route == route and entry.due_at is not None]

    def _held(self, work: Work) -> Entry:
        entry = self.entries.get(work.entry_id)
        if entry is None or entry.state is not EntryState.RUNNING or entry.fence != work.fence:
            raise Conflict(f"The lease on inbox entry {work.entry_id} is lost.")
        return entry

    def _end(self, work: Work, ended: Ended, **changes: Any) -> None:
        self._reach()
        with self.lock:
            entry = self._held(work)
            self._store(entry, started_at=ended.started_at or entry.started_at, error=ended.error, **changes)

    def _store(self, entry: Entry, **changes: Any) -> Entry:
        self.entries[entry.entry_id] = replace(entry, **changes)
        return self.entries[entry.entry_id]
