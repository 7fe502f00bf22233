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
from shared.core.retention import FilesState
from shared.core.users import MailKind, Plan, Role, Subscription, User


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

    def give_up(self, job_id: str, *, run: int, error: JobError, now: datetime, work: Work | None = None) -> Job:
        """CREATED or QUEUED → FAILED; also RUNNING → FAILED where ``work``, or an earlier claim of the same entry, runs
        it. Raises `IllegalTransition` when another entry runs it, or the run is stale."""
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

    # Where its files are. Each raises `FilesAway` where they are elsewhere, `NotFound` where there is no such job.

    def begin_wait(self, job_id: str, *, run: int, until: datetime) -> Job:
        """A final state of this run, files AVAILABLE: wait + 1, to end at ``until``. A job that waits already keeps its
        wait, and is answered as it is. Raises `IllegalTransition` when it is another run or not in a final state."""
        ...

    def end_wait(self, job_id: str) -> Job:
        """Files AVAILABLE: wait + 1, and no end: the present wait does not count any more."""
        ...

    def begin_archive(self, job_id: str, *, wait: int, now: datetime) -> Job:
        """AVAILABLE → ARCHIVING of this wait; harmless when repeated while ARCHIVING. Raises `FilesAway` otherwise,
        also when the wait is another, and when the job is not in a final state."""
        ...

    def archived(self, job_id: str, *, wait: int, now: datetime) -> Job:
        """ARCHIVING → ARCHIVED of this wait. Raises `FilesAway` otherwise."""
        ...

    def begin_restore(self, job_id: str, *, epoch: int, now: datetime) -> Job:
        """AVAILABLE, ARCHIVING or ARCHIVED → RESTORING: wait + 1, no end. RESTORING stays, with the larger epoch.
        Raises `IllegalTransition` when the job is not in a final state."""
        ...

    def restored(self, job_id: str, *, now: datetime) -> Job:
        """RESTORING → AVAILABLE."""
        ...

    def away(self, user_id: str, files: FilesState, *, limit: int) -> Sequence[Job]:
        """Some of the owner's jobs whose files are in this state, which is not AVAILABLE; as an index has them, which may
        be a second behind: read a job again before relying on it."""
        ...


@dataclass(frozen=True)
class MailClaim:
    """The answer to `Jobs.claim_mail` and `Mails.claim`: exactly one of the three is true."""

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

    def set_role(self, user_id: str, role: Role) -> User:
        """The user as stored then. Raises `NotFound`."""
        ...

    def block_mail(self, email: str, *, reason: str) -> None:
        """No e-mail is sent to this address any more. Harmless when nobody has it."""
        ...

    def set_mail_off(self, user_id: str, kinds: tuple[MailKind, ...]) -> None:
        """Which e-mails they do not want. Raises `NotFound`."""
        ...

    def set_customer(self, user_id: str, customer_id: str) -> User:
        """They are this customer, unless they are one already: the user as stored then. Raises `AlreadyExists` when the
        customer is somebody else, `NotFound`."""
        ...

    def by_customer(self, customer_id: str) -> User | None: ...

    def set_subscription(
        self, user_id: str, *, version: int, subscription: Subscription | None, plan: Plan, now: datetime
    ) -> User:
        """Stores what Stripe says, and the plan; `billing_version` grows, and when the plan changes so does `plan_epoch`.

        Raises `Conflict` when `billing_version` is not ``version``: something newer was stored; read both again.
        Raises `NotFound`.
        """
        ...

    def announced(self, user_id: str, *, epoch: int) -> None:
        """The change was published. Harmless when repeated, late, or when the user is gone."""
        ...

    def close(self, user_id: str, *, now: datetime) -> User:
        """The account is on its way out: `closed_at` is set, `plan_epoch` and the session epoch grow. The user as stored;
        unchanged when closed already. Raises `NotFound`."""
        ...

    def delete(self, user_id: str) -> None:
        """Everything that is known of them, their address and customer included. Harmless when repeated."""
        ...

    def billed(self, *, limit: int, start: str | None = None) -> tuple[Sequence[User], str | None]:
        """Users that are customers, or whose account is closed, in no order, and where to go on (None at the end).
        Reads the whole table, for the daily reconciliation. May answer none and still go on."""
        ...


class Mails(Protocol):
    """Which e-mails were sent that no job keeps account of, so that none is sent twice."""

    def claim(self, mail_id: str, *, now: datetime, lapsed: timedelta) -> MailClaim:
        """Whether the caller is the one to send it. ``mail_id``: letters, digits, ``-`` and ``_``; it is the e-mail's SES
        tag ``mail_id``. ``lapsed`` as for `Jobs.claim_mail`. Forgotten after 30 days."""
        ...

    def sent(self, mail_id: str, *, now: datetime) -> None:
        """Harmless when repeated."""
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


@dataclass(frozen=True)
class UploadedPart:
    """One part of an upload in parts."""

    number: int
    etag: str
    size: int = 0
    """Bytes."""


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

    def start_parts(self, key: str) -> str:
        """Starts an upload in parts and answers its id."""
        ...

    def part_url(self, key: str, upload_id: str, number: int, *, expires: timedelta) -> str:
        """A presigned PUT for part ``number`` (1 to 10,000); each but the last has at least 5 MiB."""
        ...

    def parts(self, key: str, upload_id: str) -> Sequence[UploadedPart]:
        """What is there already, by number. Raises `NotFound` when there is no such upload (any more)."""
        ...

    def complete_parts(self, key: str, upload_id: str, parts: Sequence[UploadedPart]) -> None:
        """Makes the parts, in order of their numbers, one object. Raises `NotFound` when there is no such upload,
        `Permanent` with a sentence when a part is missing or too small."""
        ...

    def abort_parts(self, key: str, upload_id: str) -> None:
        """Forgets the upload. Harmless when repeated."""
        ...

    def delete_under(self, prefix: str) -> None:
        """Deletes every object whose key starts with ``prefix``, which ends with a slash, and forgets the uploads in
        parts of such: none of them can become an object afterwards."""
        ...


class Topics(Protocol):
    """SNS."""

    def publish(self, topic_arn: str, text: str) -> None: ...

    def publish_all(self, topic_arn: str, texts: Sequence[str]) -> None:
        """Publishes each, ten a call. Raises `Unavailable` when some were not taken: any of them may have been
        published then."""
        ...

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

    def send(
        self,
        *,
        to: str,
        subject: str,
        text: str,
        html: str,
        tags: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Hands one e-mail to SES. ``tags`` come back with every event about it; ``headers`` are more than the usual ones.

        Raises `Permanent` when SES refuses the address or the content for good.
        """
        ...
