"""What gunicorn serves for `bench.load` and `bench.memory`: a push endpoint on an in-memory table, and a bare one.

``verified`` is a hook server as it is: it verifies, accepts, and hands each message to a handler, which does nothing, or
waits as long as it is told to, as handlers do that have real work. ``bare`` reads the body, answers, counts and logs at
the same address with the same framework, and nothing else.
"""

from __future__ import annotations

import json
import threading
import time

import structlog
from flask import Flask, Response, request

from shared import metrics
from shared.core.clock import utc_now
from shared.core.inbox import Entry
from shared.core.logs import configure
from shared.core.messages import JobRequested
from shared.core.settings import HookSettings
from shared.inbox.hook_server import HookServer, Outside
from shared.inbox.route import Lease, Route
from shared.sns_verify import CertificateStore, fetch_certificate
from tests.fakes import FakeDeadLetters, FakeInbox, FakeTopics
from tests.sns_sender import TOPIC_ARN

NAME = "job-requests"
log = structlog.get_logger()


class ForgettingInbox(FakeInbox):
    """Forgets what is done, as a table's time to live does: a message may then come again, and memory stays."""

    def __init__(self) -> None:
        super().__init__()
        self.done = 0

    def settle(self, held: Entry, settled: Entry) -> None:
        super().settle(held, settled)
        with self.lock:
            self.done += 1
            del self.entries[settled.entry_id]


def verified() -> Flask:
    """``GET /count`` answers how many messages are done, and how many are not; ``GET /handlers/wait`` and ``/go``."""
    settings = HookSettings.at_entrance()
    configure(settings.log_level)
    inbox = ForgettingInbox()
    outside = Outside(
        inbox=inbox,
        topics=FakeTopics(),
        dead_letters=FakeDeadLetters(),
        certificates=CertificateStore(
            fetch=fetch_certificate, now=utc_now, extra_origin=settings.extra_certificate_origin
        ),
    )
    go = threading.Event()
    go.set()

    def handlers(what: str) -> str:
        if what == "go":
            go.set()
        else:
            go.clear()
        return what

    def handle(message: JobRequested, lease: Lease) -> None:  # noqa: ARG001 - a route's signature
        go.wait()

    route = Route(NAME, TOPIC_ARN, "https://queue", JobRequested.from_json, handle)
    app = Flask(__name__)
    HookServer(settings, [route], outside).attach(app)
    app.add_url_rule("/handlers/<what>", view_func=handlers)
    app.add_url_rule("/count", view_func=lambda: json.dumps({"done": inbox.done, "waiting": len(inbox.entries)}))
    return app


class _NoThreads:
    """What gunicorn's settings expect of an app."""

    def start(self) -> None: ...

    def drain(self) -> None: ...

    def stop(self, seconds: float) -> None: ...


def bare() -> Flask:
    """The same endpoint without verification and inbox."""
    configure(HookSettings.at_entrance().log_level)
    app = Flask(__name__)
    app.extensions["gas"] = _NoThreads()

    @app.post(f"/hooks/{NAME}")
    def push() -> Response:
        began = time.perf_counter()
        request.get_data()
        seconds = time.perf_counter() - began
        metrics.push_answered(NAME, "accepted", seconds)
        message_id = request.headers.get("x-amz-sns-message-id", "")
        log.info("push", route=NAME, status=200, outcome="accepted", message_id=message_id, ms=round(seconds * 1e3, 1))
        return Response("accepted\n", mimetype="text/plain")

    app.add_url_rule("/healthz", view_func=lambda: "alive")
    return app
