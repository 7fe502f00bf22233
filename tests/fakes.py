"""The outside world from memory: one fake for each protocol of `shared.core.ports` and `shared.core.inbox`.

``tests/contract`` runs the same assertions on these and on the AWS implementations, so that they stay honest. What a
test sets or looks at is public. Every fake has ``fail_with``: while it is set, every call raises it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from shared.core.clock import to_millis
from shared.core.errors import AlreadyExists, Conflict, NotFound, Permanent
from shared.core.inbox import Entry, EntryState, Survey
from shared.core.ports import UploadForm, Work
from shared.core.users import User
from tests.fake_jobs import Fake, FakeJobs

__all__ = [
    "Buried",
    "FakeDeadLetters",
    "FakeInbox",
    "FakeJobs",
    "FakeLimits",
    "FakeMailer",
    "FakeObjects",
    "FakeTopics",
    "FakeUsers",
    "SentMail",
]


class FakeUsers(Fake):
    """The users table. ``users``: user_id → user as stored."""

    def __init__(self) -> None:
        super().__init__()
        self.users: dict[str, User] = {}

    def create(self, user: User) -> None:
        self.reach()
        with self.lock:
            if user.user_id in self.users or self.by_email(user.email):
                raise AlreadyExists("This address has an account already.")
            self.users[user.user_id] = user

    def get(self, user_id: str) -> User:
        self.reach()
        try:
            return self.users[user_id]
        except KeyError:
            raise NotFound("There is no such account.") from None

    def by_email(self, email: str) -> User | None:
        self.reach()
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


class FakeLimits(Fake):
    """Counters that forget."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: dict[tuple[str, int, int], int] = {}

    def hit(self, key: str, *, window: timedelta, now: datetime) -> int:
        self.reach()
        with self.lock:
            length = window // timedelta(milliseconds=1)
            counter = (key, length, to_millis(now) // length)
            self.counts[counter] = self.counts.get(counter, 0) + 1
            return self.counts[counter]

    def forgive(self, key: str, *, window: timedelta, now: datetime) -> None:
        self.reach()
        with self.lock:
            length = window // timedelta(milliseconds=1)
            counter = (key, length, to_millis(now) // length)
            if self.counts.get(counter, 0) > 0:
                self.counts[counter] -= 1


class FakeObjects(Fake):
    """One bucket. ``objects``: key → bytes; ``content_types``: key → what it was stored with."""

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[str, bytes] = {}
        self.content_types: dict[str, str] = {}

    def upload_form(self, key: str, *, max_bytes: int, expires: timedelta) -> UploadForm:
        self.reach()
        policy = f"{max_bytes} bytes, {expires.total_seconds():.0f} s"
        return UploadForm("https://bucket.example/", {"key": key, "policy": policy})

    def download_url(self, key: str, *, filename: str, expires: timedelta) -> str:
        self.reach()
        return f"https://bucket.example/{quote(key)}?filename={quote(filename, safe='')}&expires={expires.total_seconds():.0f}"

    def size(self, key: str) -> int | None:
        self.reach()
        return len(self.objects[key]) if key in self.objects else None

    def write(self, key: str, data: bytes, *, content_type: str) -> None:
        self.reach()
        self.objects[key] = data
        self.content_types[key] = content_type

    def read(self, key: str, *, limit: int) -> bytes:
        self.reach()
        try:
            return self.objects[key][:limit]
        except KeyError:
            raise NotFound("There is no such file.") from None

    def upload(self, path: Path, key: str, *, content_type: str) -> int:
        data = path.read_bytes()
        self.write(key, data, content_type=content_type)
        return len(data)

    def download(self, key: str, path: Path) -> None:
        self.reach()
        if key not in self.objects:
            raise NotFound("There is no such file.")
        path.write_bytes(self.objects[key])

    def delete_under(self, prefix: str) -> None:
        self.reach()
        if not prefix.endswith("/"):
            raise ValueError(f"{prefix!r} does not end with a slash")
        for key in [key for key in self.objects if key.startswith(prefix)]:
            del self.objects[key]
            del self.content_types[key]


class FakeTopics(Fake):
    """SNS. ``published``: (topic, text); ``confirmed``: (topic, token); ``subscriptions``: (topic, endpoint) → queue."""

    def __init__(self) -> None:
        super().__init__()
        self.published: list[tuple[str, str]] = []
        self.confirmed: list[tuple[str, str]] = []
        self.subscriptions: dict[tuple[str, str], str] = {}
        self.bad_tokens: set[str] = set()

    def publish(self, topic_arn: str, text: str) -> None:
        self.reach()
        self.published.append((topic_arn, text))

    def confirm(self, topic_arn: str, token: str) -> None:
        self.reach()
        if token in self.bad_tokens:
            raise Permanent("SNS does not know this token.")
        self.confirmed.append((topic_arn, token))

    def subscribe(self, topic_arn: str, endpoint: str, *, dead_letters: str) -> None:
        self.reach()
        self.subscriptions[topic_arn, endpoint] = dead_letters


@dataclass(frozen=True)
class Buried:
    """One message in a dead-letter queue."""

    queue_url: str
    envelope: str
    reason: str
    attributes: Mapping[str, str]


class FakeDeadLetters(Fake):
    """SQS, as the last resort."""

    def __init__(self) -> None:
        super().__init__()
        self.buried: list[Buried] = []

    def bury(self, queue_url: str, envelope: str, *, reason: str, attributes: Mapping[str, str]) -> None:
        self.reach()
        self.buried.append(Buried(queue_url, envelope, reason, dict(attributes)))


@dataclass(frozen=True)
class SentMail:
    """One e-mail that SES took."""

    to: str
    subject: str
    text: str
    html: str
    tags: Mapping[str, str] = field(default_factory=dict)


class FakeMailer(Fake):
    """SES. ``die_after_sending``: the process ends right after the e-mail went out."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[SentMail] = []
        self.die_after_sending = False

    def send(self, *, to: str, subject: str, text: str, html: str, tags: Mapping[str, str]) -> None:
        self.reach()
        self.sent.append(SentMail(to, subject, text, html, dict(tags)))
        if self.die_after_sending:
            raise SystemExit("killed")


class FakeInbox(Fake):
    """The inbox table. ``entries``: entry_id → entry as stored."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[str, Entry] = {}

    def accept(self, entry: Entry) -> Entry | None:
        self.reach()
        with self.lock:
            known = self.entries.get(entry.entry_id)
            if known is None:
                self.entries[entry.entry_id] = entry
            return known

    def get(self, entry_id: str) -> Entry | None:
        self.reach()
        return self.entries.get(entry_id)

    def claim(self, entry: Entry, claimed: Entry) -> None:
        self.reach()
        with self.lock:
            stored = self.entries.get(entry.entry_id)
            if stored is None or stored.due_at is None or _identity(stored) != _identity(entry):
                raise Conflict(f"Inbox entry {entry.entry_id} is not free.")
            self.entries[entry.entry_id] = claimed

    def beat(self, work: Work, *, until: datetime) -> None:
        self.reach()
        with self.lock:
            self.entries[work.entry_id] = replace(self._held(work), due_at=until)

    def settle(self, held: Entry, settled: Entry) -> None:
        self.reach()
        with self.lock:
            self._held(held.work)
            self.entries[held.entry_id] = settled

    def survey(self, route: str, *, now: datetime, due: int, unfinished: int) -> Survey:
        self.reach()
        with self.lock:
            waiting = sorted(
                (entry.due_at, entry.entry_id)
                for entry in self.entries.values()
                if entry.route == route and entry.due_at is not None
            )
        return Survey([entry_id for due_at, entry_id in waiting if due_at <= now][:due], min(len(waiting), unfinished))

    def _held(self, work: Work) -> Entry:
        entry = self.entries.get(work.entry_id)
        if entry is None or entry.state is not EntryState.RUNNING or entry.fence != work.fence:
            raise Conflict(f"The lease on inbox entry {work.entry_id} is lost.")
        return entry


def _identity(entry: Entry) -> tuple[object, ...]:
    return entry.state, entry.fence, entry.due_at
