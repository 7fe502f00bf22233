"""The frontend as an operator sees it: messages and dead letters in whatever state a test needs."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from xml.etree.ElementTree import Element

from shared.core.inbox import About, Entry
from shared.core.messages import JobRequested, Message
from shared.inbox.intake import digest
from shared.sns_verify import Notification, read
from tests.client import Browser, Page, text_of
from tests.factories import a_job
from tests.frontend_world import FrontendWorld
from tests.sns_sender import body

LEASE = timedelta(seconds=20)
LETTERS = "/operators/dead-letters"
WHY = "The pack was not installed; it is now."


class OperatorsWorld(FrontendWorld):
    """`FrontendWorld`, with an operator; alice and bob are ordinary people."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.operator = self.account("operator", role="operator")

    def push(self, route: str = "job-requests", message: Message | None = None, **fields: Any) -> Entry:
        """The entry of a push of that topic, as the intake accepts it; stored."""
        message = message or JobRequested(job_id=a_job().job_id, run=1, user_id=self.alice.user_id, request_id="req-1")
        envelope = self.envelope(route, message)
        parsed = read(envelope.encode()).message
        assert isinstance(parsed, Notification)
        entry = Entry(
            entry_id=f"{route}#{parsed.message_id}",
            route=route,
            message_id=parsed.message_id,
            topic_arn=parsed.topic_arn,
            envelope=envelope,
            digest=digest(parsed),
            received_at=self.time - timedelta(milliseconds=12),
            accepted_at=self.time,
            due_at=self.time,
            about=message.about(),
        )
        return self.store(replace(entry, **fields))

    def store(self, entry: Entry) -> Entry:
        """Puts it into the inbox in place of what is there."""
        self.inbox.entries[entry.entry_id] = entry
        return entry

    def claim(self, entry: Entry) -> Entry:
        """Claimed now, and its handler called."""
        claimed = entry.claimed(holder="annotator-1:42", now=self.time, lease=LEASE)
        return self.store(replace(claimed, started_at=self.time))

    def done(self, entry: Entry, *, seconds: float = 2) -> Entry:
        """Handled in so many seconds."""
        return self.store(self.claim(entry).completed(self.time + timedelta(seconds=seconds)))

    def failed_once(self, entry: Entry, error: str) -> Entry:
        """Failed after a second; to be tried again in ten."""
        at = self.time + timedelta(seconds=1)
        return self.store(self.claim(entry).postponed(at, at + timedelta(seconds=10), error))

    def dead(self, entry: Entry, error: str, *, buries: bool = True) -> Entry:
        """Failed for good, and its envelope lies in the dead-letter queue."""
        if buries:
            self.bury(entry, error)
        return self.store(self.claim(entry).dead(self.time + timedelta(seconds=1), error, is_buried=buries))

    def bury(self, entry: Entry, reason: str) -> None:
        """As the servers do."""
        attributes = {
            "route": entry.route,
            "message_id": entry.message_id,
            "topic_arn": entry.topic_arn,
            "attempts": "10",
            "failed_at": "2026-03-06T12:00:01Z",
        }
        self.queues.bury(self.queue_url(entry.route), entry.envelope, reason=reason, attributes=attributes)

    def undelivered(self, route: str = "job-requests", *, sent_at: datetime | None = None, text: str = "") -> str:
        """What SNS could not deliver lies in the queue, or anything else that somebody put there. Answers SQS's id."""
        message = JobRequested(job_id=a_job().job_id, run=1, user_id=self.alice.user_id, request_id="req-1")
        return self.queues.put(self.queue_url(route), text or self.envelope(route, message), sent_at=sent_at)

    def envelope(self, route: str, message: Message) -> str:
        """A signed notification of that topic."""
        topic = self.settings.job_requests_topic.replace("job-requests", route)
        return body(self.sender.notification(message.to_json(), TopicArn=topic, at=self.time)).decode()

    def queue_url(self, route: str) -> str:
        """Of a channel's dead letters."""
        [url] = [channel.dead_letters for channel in self.settings.channels if channel.name == route]
        return url

    def letters_in(self, route: str) -> int:
        """How many lie in the queue."""
        return len(self.queues.bodies(self.queue_url(route)))


def about(**fields: str) -> About:
    """Whom and what a message is about."""
    return About(**fields)


def message_path(entry: Entry) -> str:
    """The page of a message."""
    return f"/operators/messages/{entry.route}/{entry.message_id}"


def rows(page: Page) -> list[str]:
    """The rows of the page's tables, as a reader sees them."""
    return [text_of(row) for body in page.all("tbody") for row in body.iter("tr")]


def row_of(page: Page, name: str) -> Element:
    """The first row that begins with this."""
    found = [row for body in page.all("tbody") for row in body.iter("tr") if text_of(row).startswith(name)]
    assert found, f"no row of {name}: {rows(page)}"
    return found[0]


def tick(
    browser: Browser, page: Page, ids: list[str], action: str, *, route: str = "job-requests", **more: str
) -> Page:
    """Sends the list's form with these letters ticked."""
    form = next(form for form in page.all("form") if form.get("action") == "/operators/dead-letters/check")
    token = next(item.get("value", "") for item in form.iter("input") if item.get("name") == "csrf_token")
    letters = [f"{route}/{letter_id}" for letter_id in ids]
    return browser.post(
        "/operators/dead-letters/check",
        {"csrf_token": token, "scope": "picked", "letter": letters, "action": action, **more},
    )


def replay_all(operator: Browser, query: str = "", action: str = "replay") -> Page:
    """The dry run of all letters that fit."""
    return tick(operator, operator.get(f"{LETTERS}?{query}"), [], action, scope="all", **_fields(query))


def _fields(query: str) -> dict[str, str]:
    return dict(part.split("=") for part in query.split("&") if part)


def some_id() -> str:
    """An id of nothing."""
    return uuid.uuid4().hex
