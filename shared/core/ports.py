"""What the servers ask of the outside world. `shared.aws` answers with AWS; tests answer from memory.

Every method may raise `shared.core.errors.Unavailable` when the outside is away; that is not repeated below.
A contract test runs the same assertions on the AWS implementation and on the fake of each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from shared.core.jobs import Job, JobError, JobState, Ledger, PackQuestion, Progress, StoredFile
from shared.core.users import User


@dataclass(frozen=True)
class Page:
    """Some jobs, newest first, and where to go on."""

    jobs: Sequence[Job]
    next: str | None
    """Opaque; None at the end."""


@dataclass(frozen=True)
class Work:
    """Who works on a run: an inbox entry, and the fencing token of its present claim (grows with each claim)."""

    entry_id: str
    fence: int


class Jobs(Protocol):
    """The jobs table. Every change is a conditional update on the present state.

    Raises `IllegalTransition` where the state does not allow the change, `NotFound` where there is no such job.
    """

    def create(self, job: Job) -> None: ...

    def get(self, job_id: str) -> Job: ...

    def by_owner(self, user_id: str, *, limit: int, start: str | None = None) -> Page:
        """Newest first. Raises `Permanent` when ``start`` is not a `Page.next` of this owner."""
        ...

    def submit(self, job_id: str, *, size: int, pack: str, why: str, request_id: str, now: datetime) -> Job:
        """CREATED → QUEUED, waiting to be announced. ``size`` is the stored object's, in bytes; ``why`` says why it is
        this reference pack."""
        ...

    def ask(self, job_id: str, *, size: int, question: PackQuestion, now: datetime) -> Job:
        """CREATED → CREATED: the file is there, but its owner has to say which reference pack it is for."""
        ...

    def run_again(self, job_id: str, *, run: int, request_id: str, now: datetime) -> Job:
        """A final state of run ``run`` → QUEUED as run + 1, waiting to be announced; results and error are cleared."""
        ...

    def announced(self, job_id: str, *, run: int) -> None:
        """The announcement of this run was published. Harmless when repeated or late."""
        ...

    def unannounced(self, *, before: datetime, limit: int = 100) -> Sequence[Job]:
        """Queued before that moment, and never (surely) announced."""
        ...

    def start(self, job_id: str, *, run: int, work: Work, now: datetime) -> Job:
        """QUEUED → RUNNING, or RUNNING → RUNNING when the same entry comes back with a higher fence.

        Raises `IllegalTransition` when another entry has the run, or the run is stale.
        """
        ...

    def report(self, job_id: str, *, run: int, work: Work, progress: Progress) -> None:
        """Stores the progress. Raises `IllegalTransition` when the job is no longer this worker's."""
        ...

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
        """RUNNING → COMPLETED or FAILED, by its worker alone."""
        ...

    def give_up(self, job_id: str, *, run: int, error: JobError, now: datetime) -> Job:
        """CREATED, QUEUED or RUNNING → FAILED, whoever works on it."""
        ...

    def cancel(self, job_id: str, *, now: datetime) -> Job:
        """CREATED, QUEUED or RUNNING → CANCELLED."""
        ...

    def delete(self, job_id: str) -> None:
        """Harmless when repeated."""
        ...

    def claim_mail(self, job_id: str, *, run: int, now: datetime, lapsed: timedelta) -> MailClaim:
        """Whether the caller is the one to send the e-mail about this run.

        ``lapsed``: a claim older than this, of which nothing was heard, may be taken over.
        """
        ...

    def mailed(self, job_id: str, *, run: int, now: datetime) -> None:
        """The e-mail about this run was sent. Harmless when repeated, or when the job is gone."""
        ...


@dataclass(frozen=True)
class MailClaim:
    """The answer to `Jobs.claim_mail`: exactly one of the three is true."""

    granted: bool = False
    sent: bool = False
    """It was sent already (or a later run's was): nothing to do."""
    pending: bool = False
    """Somebody claimed it and nothing was heard since: ask again later."""


class Users(Protocol):
    """The users table."""

    def create(self, user: User) -> None:
        """Raises `AlreadyExists` when the address has an account."""
        ...

    def get(self, user_id: str) -> User:
        """Raises `NotFound`."""
        ...

    def by_email(self, email: str) -> User | None:
        """``email`` as `normalise_email` gives it."""
        ...

    def verify(self, user_id: str, *, now: datetime) -> None:
        """The address is theirs. Harmless when repeated. Raises `NotFound`."""
        ...

    def set_password(self, user_id: str, *, password_hash: str, epoch: int) -> None:
        """Stores the hash and raises the session epoch above ``epoch``.

        Raises `Conflict` when the epoch is no longer ``epoch``: a reset link works once. Raises `NotFound`.
        """
        ...

    def block_mail(self, email: str, *, reason: str) -> None:
        """No e-mail is sent to this address any more. Harmless when nobody has it."""
        ...


class Limits(Protocol):
    """Counters that forget."""

    def hit(self, key: str, *, window: timedelta, now: datetime) -> int:
        """Counts one more of ``key`` in the present window (windows are aligned) and answers the count."""
        ...

    def forgive(self, key: str, *, window: timedelta, now: datetime) -> None:
        """Takes one hit of the present window back; harmless where there is none."""
        ...


@dataclass(frozen=True)
class UploadForm:
    """What a browser posts to S3: the fields in this order, then the file as ``file``."""

    url: str
    fields: Mapping[str, str]


class Objects(Protocol):
    """One bucket."""

    def upload_form(self, key: str, *, max_bytes: int, expires: timedelta) -> UploadForm:
        """A presigned POST for exactly this key, 1 to ``max_bytes`` bytes."""
        ...

    def download_url(self, key: str, *, filename: str, expires: timedelta) -> str:
        """A presigned GET that saves the object under ``filename``."""
        ...

    def size(self, key: str) -> int | None:
        """Bytes; None where there is no such object."""
        ...

    def write(self, key: str, data: bytes, *, content_type: str) -> None: ...

    def read(self, key: str, *, limit: int) -> bytes:
        """At most the first ``limit`` bytes. Raises `NotFound`."""
        ...

    def upload(self, path: Path, key: str, *, content_type: str) -> int:
        """Stores the file, in parts where it is large. Answers its size in bytes."""
        ...

    def download(self, key: str, path: Path) -> None:
        """Raises `NotFound`."""
        ...

    def delete_under(self, prefix: str) -> None:
        """Deletes every object whose key starts with ``prefix``, which ends with a slash."""
        ...


class Topics(Protocol):
    """SNS."""

    def publish(self, topic_arn: str, text: str) -> None: ...

    def confirm(self, topic_arn: str, token: str) -> None:
        """Confirms a subscription; afterwards only AWS credentials can end it. Raises `NotFound` for a bad token."""
        ...

    def subscribe(self, topic_arn: str, endpoint: str, *, dead_letters: str) -> bool:
        """Makes sure that the endpoint is subscribed, with its delivery and redrive policies. Harmless when repeated.

        Whether the subscription is confirmed: if not, SNS was made to ask (again) for its confirmation.
        ``dead_letters``: the queue's URL.
        """
        ...


class DeadLetters(Protocol):
    """SQS, as the last resort."""

    def bury(self, queue_url: str, envelope: str, *, reason: str, attributes: Mapping[str, str]) -> None:
        """Puts the verbatim envelope into the queue, with the reason as message attributes."""
        ...


class Mailer(Protocol):
    """SES."""

    def send(self, *, to: str, subject: str, text: str, html: str, tags: Mapping[str, str]) -> None:
        """Hands one e-mail to SES. ``tags`` come back with every event about it.

        Raises `Permanent` when SES refuses the address or the content for good.
        """
        ...
