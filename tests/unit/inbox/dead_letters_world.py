"""Dead-letter queues of three topics, an inbox, and a clock that the test turns."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from shared.core.channels import Channel, SubscriptionView
from shared.core.inbox import Entry, EntryState
from shared.core.messages import JobRequested
from shared.inbox.desk import MessageDesk
from shared.inbox.intake import about_of, digest
from shared.inbox.letters import LetterOffice, Result, Selection
from shared.inbox.operations import PARSERS, Operations
from shared.sns_verify import CertificateStore, Notification
from tests.factories import NOON
from tests.fake_operators import FakeDeadLetterQueues, FakeReadiness, FakeSubscriptions
from tests.fake_users import FakeUsers
from tests.fakes import FakeAudit, FakeInbox
from tests.sns_sender import Envelope, SnsSender, body

_ARN = "arn:aws:sns:us-east-1:123456789012:gas-{}"
_QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/gas-{}-dead-letters"
NAMES = ("job-requests", "job-results", "object-restored")
ENDPOINT = "https://annotator.example.org/hooks/job-requests"
REASON = "The reference pack grch38 is damaged."


class DeadLetterWorld:
    """Everything that operators work with, from memory."""

    def __init__(self) -> None:
        self.time = NOON
        self.slept = 0.0
        self.channels = [
            Channel(name, _ARN.format(name), _QUEUE.format(name), has_inbox=name != "object-restored") for name in NAMES
        ]
        self.senders = {channel.name: SnsSender(channel.topic_arn) for channel in self.channels}
        self.host: Callable[[str], bytes] = self.senders["job-requests"].fetch
        self.queues = FakeDeadLetterQueues(self.now)
        for channel in self.channels:
            self.queues.create(channel.dead_letters)
        self.inbox = FakeInbox()
        self.audit = FakeAudit()
        self.users = FakeUsers()
        self.readiness = FakeReadiness()
        self.subscriptions = FakeSubscriptions(
            {
                channel.topic_arn: [
                    SubscriptionView(
                        f"https://annotator.example.org/hooks/{channel.name}",
                        is_confirmed=True,
                        delivery_policy="",
                        has_dead_letters=True,
                    )
                ]
                for channel in self.channels
            }
        )
        self.office = LetterOffice(
            channels=self.channels,
            queues=self.queues,
            inbox=self.inbox,
            audit=self.audit,
            subscriptions=self.subscriptions,
            readiness=self.readiness,
            certificates=CertificateStore(fetch=self.fetch, now=self.now, is_bounded=False),
            parsers=PARSERS,
            now=self.now,
            sleep=self.sleep,
        )
        self.desk = MessageDesk(self.inbox, self.audit, self.channels, self.now)
        self.operations = Operations(
            self.office, self.desk, self.inbox, self.audit, self.subscriptions, self.users, self.channels, self.now
        )

    def fetch(self, url: str) -> bytes:
        """The certificates' host; a test may put itself in its place (`host`)."""
        return self.host(url)

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.time += timedelta(seconds=seconds)

    def url(self, queue: str = "job-requests") -> str:
        return _QUEUE.format(queue)

    def envelope(self, job_id: str = "job", **changes: Any) -> Envelope:
        """A push as SNS signed it, ten days ago."""
        text = changes.pop("message", JobRequested(job_id=job_id, run=1, user_id="alice").to_json())
        return self.senders["job-requests"].notification(text, at=NOON - timedelta(days=10), **changes)

    def undelivered(self, job_id: str = "job", *, queue: str = "job-requests", sent_at: datetime | None = None) -> str:
        """A letter that SNS put there; its id."""
        return self.put(self.envelope(job_id), queue=queue, sent_at=sent_at)

    def put(self, envelope: Envelope, *, queue: str = "job-requests", sent_at: datetime | None = None) -> str:
        return self.queues.put(self.url(queue), body(envelope).decode(), sent_at=sent_at)

    def raw(self, text: str, *, queue: str = "job-requests") -> str:
        return self.queues.put(self.url(queue), text)

    def unhandled(self, job_id: str = "job", *, reason: str = REASON) -> str:
        """A letter that a server put there: the entry is DEAD. Its id."""
        envelope = self.envelope(job_id)
        claimed = self.accept(envelope).claimed(holder="host:1", now=self.time, lease=timedelta(seconds=20))
        self.inbox.entries[claimed.entry_id] = claimed.dead(self.time, reason, is_buried=True)
        return self.queues.put(
            self.url(),
            claimed.envelope,
            attributes={"reason": reason, "message_id": claimed.message_id, "topic_arn": claimed.topic_arn},
        )

    def accept(self, envelope: Envelope) -> Entry:
        """As a server does."""
        message = Notification(
            message_id=envelope["MessageId"],
            topic_arn=envelope["TopicArn"],
            timestamp=NOON,
            message=envelope["Message"],
            subject=None,
            envelope=body(envelope).decode(),
        )
        entry = Entry(
            entry_id=f"job-requests#{message.message_id}",
            route="job-requests",
            message_id=message.message_id,
            topic_arn=message.topic_arn,
            envelope=message.envelope,
            digest=digest(message),
            received_at=self.time,
            accepted_at=self.time,
            due_at=self.time,
            about=about_of(message.message, JobRequested.from_json),
        )
        assert self.inbox.accept(entry) is None
        return entry

    def settle(self, entry_id: str, state: EntryState) -> None:
        """The servers bring it there."""
        entry = self.inbox.entries[entry_id]
        claimed = entry.claimed(holder="host:2", now=self.time, lease=timedelta(seconds=20))
        self.inbox.entries[entry_id] = {
            EntryState.RUNNING: claimed,
            EntryState.DONE: claimed.completed(self.time),
            EntryState.DEAD: claimed.dead(self.time, REASON, is_buried=True),
        }[state]

    def replay(self, selection: Selection | None = None, **options: Any) -> list[Result]:
        options = {"who": "olga", "why": "The pack is mended.", "dry_run": False, **options}
        return list(self.office.replay(selection or everything(), **options))

    def discard(self, selection: Selection | None = None, **options: Any) -> list[Result]:
        options = {"who": "olga", "why": "Made by a test.", "dry_run": False, **options}
        return list(self.office.discard(selection or everything(), **options))

    def left(self, queue: str = "job-requests") -> int:
        return len(self.queues.bodies(self.url(queue)))

    def states(self) -> list[EntryState]:
        return [entry.state for entry in self.inbox.entries.values()]


def everything(**more: Any) -> Selection:
    return Selection(frozenset(NAMES), **more)


def only(*letter_ids: str) -> Selection:
    return everything(letter_ids=frozenset(letter_ids))


def verdicts(results: Iterable[Result]) -> dict[str, str]:
    """Letter → verdict; each letter once."""
    listed = [(result.letter.letter_id, result.verdict.value) for result in results]
    assert len(listed) == len(dict(listed))
    return dict(listed)


def altered(envelope: Envelope) -> Envelope:
    """Another job's id in a signed envelope."""
    return {**envelope, "Message": json.dumps({"job_id": "other", "run": 1})}


def until_stopped(run: Iterable[Result], found: list[Result], each: Callable[[], None] = lambda: None) -> None:
    """Reads on into ``found``, and calls ``each`` after each result. Raises what the run raises."""
    for result in run:
        found.append(result)
        each()


def after(count: int, stop: threading.Event, results: Iterable[Result]) -> list[Result]:
    """Reads on, and says stop after so many."""
    found = []
    for result in results:
        found.append(result)
        if len(found) == count:
            stop.set()
    return found
