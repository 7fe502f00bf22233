"""A hook server on fakes, and SNS before it."""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from shared.core.inbox import EntryState
from shared.core.messages import JobRequested
from shared.core.settings import HookSettings
from shared.inbox.hook_server import HookServer, Outside
from shared.sns_verify import CertificateStore
from tests.fakes import FakeTopics
from tests.sns_sender import Envelope, SnsSender, body, headers
from tests.unit.inbox.world import World

MESSAGE = JobRequested(job_id="job", run=1, request_id="the-browsers")


class Site:
    """A hook server on fakes, and SNS before it."""

    def __init__(self, **settings: Any) -> None:
        self.world, self.topics, self.sender = World(), FakeTopics(), SnsSender()
        given = {"sweep_seconds": 0.01, "subscribe_at_start": False, **settings}
        outside = Outside(
            inbox=self.world.inbox,
            topics=self.topics,
            dead_letters=self.world.dead_letters,
            certificates=CertificateStore(fetch=self.sender.fetch, now=self.world.now),
            now=self.world.now,
        )
        app = Flask("site")
        HookServer(
            HookSettings(public_url="https://gas", inbox_table="inbox", hook_url="https://hook", **given),
            [self.world.route],
            outside,
        ).attach(app)
        self.gas = app.extensions["gas"]
        self.browser = app.test_client()

    def push(self, envelope: Envelope, path: str = "/hooks/job-requests") -> TestResponse:
        return self.browser.post(path, data=body(envelope), headers=headers(envelope))

    def notify(self, text: str = MESSAGE.to_json(), **changes: Any) -> TestResponse:
        return self.push(self.sender.notification(text, **changes))

    def states(self) -> list[EntryState]:
        return [entry.state for entry in self.world.inbox.entries.values()]
