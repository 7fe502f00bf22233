"""An inbox with a clock that the test turns, and a handler that does what the test says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from shared.core.inbox import Entry
from shared.core.messages import JobRequested
from shared.inbox.attempts import Attempts
from shared.inbox.backlog import Backlog
from shared.inbox.intake import Intake, Receipt
from shared.inbox.leases import Leases
from shared.inbox.route import Lease, Route
from shared.sns_verify import Notification
from tests.factories import NOON
from tests.fakes import FakeDeadLetters, FakeInbox
from tests.sns_sender import TOPIC_ARN, SnsSender, body

LEASE = timedelta(seconds=20)
MAX_ATTEMPTS = 3
QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/job-requests-dead"
_sender = SnsSender()


class World:
    """One instance (of perhaps several, which share ``inbox``) with one route."""

    def __init__(self, inbox: FakeInbox | None = None, dead_letters: FakeDeadLetters | None = None) -> None:
        self.inbox = inbox or FakeInbox()
        self.dead_letters = dead_letters or FakeDeadLetters()
        self.time = NOON
        self.handled: list[tuple[JobRequested, Lease]] = []
        self.abandoned: list[tuple[JobRequested, str, Lease]] = []
        self.handler: Callable[[JobRequested, Lease], None] = lambda *_: None
        self.on_abandon: Callable[[JobRequested, str, Lease], None] = lambda *_: None
        self.route = Route(
            name="job-requests",
            topic_arn=TOPIC_ARN,
            dead_letters=QUEUE,
            parse=JobRequested.from_json,
            handle=self.handle,
            abandon=self.abandon,
        )
        self.backlog = Backlog(bound=100)
        self.leases = Leases(self.inbox, length=LEASE, now=self.now)
        self.intake = Intake(self.inbox, self.backlog, self.now)
        self.attempts = Attempts(
            self.inbox,
            self.dead_letters,
            {self.route.name: self.route},
            self.leases,
            self.backlog,
            holder="here",
            max_attempts=MAX_ATTEMPTS,
            now=self.now,
            dice=lambda: 1.0,
        )

    def now(self) -> Any:
        return self.time

    def handle(self, message: JobRequested, lease: Lease) -> None:
        self.handled.append((message, lease))
        self.handler(message, lease)

    def abandon(self, message: JobRequested, reason: str, lease: Lease) -> None:
        self.abandoned.append((message, reason, lease))
        self.on_abandon(message, reason, lease)

    def notification(self, text: str | None = None, **changes: Any) -> Notification:
        text = JobRequested(job_id="job", run=1, request_id="r").to_json() if text is None else text
        envelope = _sender.notification(text, **changes)
        return Notification(
            message_id=envelope["MessageId"],
            topic_arn=envelope["TopicArn"],
            timestamp=NOON,
            message=text,
            subject=envelope.get("Subject"),
            envelope=body(envelope).decode(),
        )

    def accept(self, text: str | None = None) -> str:
        """The id of a new entry."""
        message = self.notification(text)
        assert self.intake.accept(self.route, message, self.time)[0] is Receipt.ACCEPTED
        return f"job-requests#{message.message_id}"

    def fail_with(self, error: BaseException) -> None:
        """From now on the handler raises this."""

        def fail(message: JobRequested, lease: Lease) -> None:
            raise error

        self.handler = fail

    def succeed(self) -> None:
        """From now on the handler succeeds."""
        self.handler = lambda *_: None

    def run_until_settled(self, entry_id: str) -> None:
        """As sweeps do: again and again, each time when it is due."""
        while (due_at := self.entry(entry_id).due_at) is not None:
            self.time = max(self.time, due_at)
            self.attempts.run(entry_id)

    def claim(self, entry_id: str) -> Entry:
        """The entry is claimed, by whoever."""
        entry = self.entry(entry_id)
        claimed = entry.claimed(holder="there", now=self.time, lease=LEASE)
        self.inbox.claim(entry, claimed)
        return claimed

    def entry(self, entry_id: str) -> Entry:
        return self.inbox.entries[entry_id]
