"""The outside world from memory: one fake for each protocol of `shared.core.ports` and `shared.core.inbox`.

``tests/contract`` runs the same assertions on these and on the AWS implementations, so that they stay honest. What a
test sets or looks at is public. Every fake has ``fail_with``: while it is set, every call raises it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.core.clock import to_millis
from shared.core.errors import NotFound, Unavailable
from tests.fake_files import FakeArchive, FakeObjects, FakeWaits
from tests.fake_inbox import FakeInbox
from tests.fake_jobs import Fake, FakeJobs
from tests.fake_operators import FakeDeadLetterQueues, FakeReadiness, FakeSubscriptions
from tests.fake_users import FakeAudit, FakeMails, FakeUsers

__all__ = [
    "Buried",
    "FakeArchive",
    "FakeAudit",
    "FakeDeadLetterQueues",
    "FakeDeadLetters",
    "FakeInbox",
    "FakeJobs",
    "FakeLimits",
    "FakeMailer",
    "FakeMails",
    "FakeObjects",
    "FakeReadiness",
    "FakeSubscriptions",
    "FakeTopics",
    "FakeUsers",
    "FakeWaits",
    "SentMail",
]


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


class FakeTopics(Fake):
    """SNS. ``published``: (topic, text); ``confirmed``: (topic, token); ``subscriptions``: (topic, endpoint) → queue."""

    def __init__(self) -> None:
        super().__init__()
        self.published: list[tuple[str, str]] = []
        self.confirmed: list[tuple[str, str]] = []
        self.subscriptions: dict[tuple[str, str], str] = {}
        self.bad_tokens: set[str] = set()
        self.asked: list[str] = []
        """Topics, in the order in which `subscribe` was called for them."""
        self.missing: set[str] = set()
        self.unconfirmed: set[str] = set()
        """Topics whose subscriptions nobody confirmed yet."""

    def publish(self, topic_arn: str, text: str) -> None:
        self.reach()
        self.published.append((topic_arn, text))

    def publish_all(self, topic_arn: str, texts: Sequence[str]) -> None:
        self.reach()
        self.published += [(topic_arn, text) for text in texts]

    def confirm(self, topic_arn: str, token: str) -> None:
        self.reach()
        if token in self.bad_tokens:
            raise NotFound("SNS does not know this token.")
        self.confirmed.append((topic_arn, token))

    def subscribe(self, topic_arn: str, endpoint: str, *, dead_letters: str) -> bool:
        self.reach()
        self.asked.append(topic_arn)
        if topic_arn in self.missing:
            raise Unavailable("There is no such topic.")
        self.subscriptions[topic_arn, endpoint] = dead_letters
        return topic_arn not in self.unconfirmed


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
    headers: Mapping[str, str] = field(default_factory=dict)


class FakeMailer(Fake):
    """SES. ``die_after_sending``: the process ends right after the e-mail went out."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[SentMail] = []
        self.die_after_sending = False

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
        self.reach()
        self.sent.append(SentMail(to, subject, text, html, dict(tags), dict(headers or {})))
        if self.die_after_sending:
            raise SystemExit("killed")
