"""The endpoints that SNS pushes to, and their contract with it.

| answer | when | what SNS does |
|---|---|---|
| 200 | durably accepted, or a duplicate of what was accepted; a confirmation that was dealt with | done |
| 400, 413 | not a message of SNS, malformed, too large | dead letter |
| 403 | signature, certificate, topic or token wrong, too old, another message's id | dead letter |
| 503 | cannot decide or accept now | tries again, then dead letter |

Never 429, and never 4xx for what may work later: SNS does not try those again.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from shared.aws.dead_letters import SqsDeadLetters
from shared.aws.inbox import DynamoInbox
from shared.aws.session import client
from shared.aws.topics import SnsTopics
from shared.core import errors
from shared.core.clock import Clock, utc_now
from shared.core.inbox import Inbox
from shared.core.ports import DeadLetters, Topics
from shared.core.settings import HookSettings
from shared.inbox.engine import Engine
from shared.inbox.intake import Intake, Receipt
from shared.inbox.route import Route
from shared.sns_verify import (
    CertificateStore,
    Message,
    Notification,
    Refused,
    SubscriptionConfirmation,
    TooLarge,
    Undecided,
    VerificationError,
    Verifier,
    fetch_certificate,
)
from shared.sns_verify.flask import answer, read_push

log = structlog.get_logger()


@dataclass(frozen=True)
class Outside:
    """What the endpoints reach outside of this process."""

    inbox: Inbox
    topics: Topics
    dead_letters: DeadLetters
    certificates: CertificateStore
    now: Clock = utc_now


def build(settings: HookSettings) -> Outside:
    """The outside on AWS (or on what `settings.endpoint_url` says)."""
    sqs = client(settings, "sqs")
    return Outside(
        inbox=DynamoInbox(client(settings, "dynamodb"), settings.inbox_table),
        topics=SnsTopics(client(settings, "sns"), sqs),
        dead_letters=SqsDeadLetters(sqs),
        certificates=CertificateStore(
            fetch=fetch_certificate, now=utc_now, extra_origin=settings.extra_certificate_origin
        ),
    )


class HookServer:
    """``POST /hooks/<name>`` for each route, ``/healthz`` and ``/readyz``."""

    def __init__(self, settings: HookSettings, routes: Sequence[Route[Any]], outside: Outside | None = None) -> None:
        outside = outside or build(settings)
        self._routes = routes
        self._topics = outside.topics
        self._now = outside.now
        self._verifiers = {
            route.name: Verifier(
                topic_arns={route.topic_arn}, certificates=outside.certificates, now=outside.now, minimum_version=2
            )
            for route in routes
        }
        self._engine = Engine(
            settings,
            routes,
            inbox=outside.inbox,
            topics=outside.topics,
            dead_letters=outside.dead_letters,
            now=outside.now,
        )
        self._intake = Intake(outside.inbox, self._engine.backlog, outside.now)

    def attach(self, app: Flask) -> None:
        """Adds the pages to the app, and this server to its extensions as ``gas``."""
        for route in self._routes:
            app.add_url_rule(
                f"/hooks/{route.name}",
                endpoint=f"hook-{route.name}",
                view_func=lambda route=route: self._push(route),
                methods=["POST"],
                provide_automatic_options=False,
            )
        app.add_url_rule("/healthz", view_func=lambda: _plain(200, "ok"), endpoint="healthz")
        app.add_url_rule("/readyz", view_func=self._readyz, endpoint="readyz")
        app.register_error_handler(HTTPException, _explain)
        app.extensions["gas"] = self

    def start(self) -> None:
        """Starts subscribing, sweeping and working in threads, and returns at once."""
        self._engine.start()

    def stop(self, seconds: float) -> None:
        """Takes no more pushes, lets handlers go on for so many seconds, and gives back what they have not done."""
        self._engine.stop(seconds)

    def _readyz(self) -> Response:
        return _plain(200, "ready") if self._engine.is_ready else _plain(503, "not ready")

    def _push(self, route: Route[Any]) -> Response:
        received_at, began = self._now(), time.perf_counter()
        message: Message | None = None
        try:
            if self._engine.draining:
                raise Undecided("draining", "This server is stopping.")
            message = read_push(request, self._verifiers[route.name])
            outcome = self._deal_with(route, message, received_at)
            response = _plain(200, outcome)
        except VerificationError as error:
            outcome = error.reason
            response = answer(error)
        level = log.info if response.status_code < 400 else log.warning
        level(
            "push",
            route=route.name,
            status=response.status_code,
            outcome=outcome,
            message_id=message.message_id if message else request.headers.get("x-amz-sns-message-id", "")[:64],
            ms=round((time.perf_counter() - began) * 1000, 1),
            **_request_id(route, message),
        )
        return response

    def _deal_with(self, route: Route[Any], message: Message, received_at: datetime) -> str:
        """What became of it, in a word. Raises `VerificationError`: it has the four answers that there are."""
        if isinstance(message, Notification):
            return self._accept(route, message, received_at)
        if isinstance(message, SubscriptionConfirmation):
            return self._confirm(message)
        # Somebody ended the subscription. Confirming anew by itself would fight with whoever meant it; the next start
        # of a server subscribes again.
        log.warning("unsubscribed", route=route.name, topic_arn=message.topic_arn)
        return "unsubscribed"

    def _accept(self, route: Route[Any], message: Notification, received_at: datetime) -> str:
        if self._engine.backlog.is_full:
            raise Undecided("backlog", "Too many messages wait to be handled.")
        try:
            receipt, entry = self._intake.accept(route, message, received_at)
        except errors.TooLarge as error:
            raise TooLarge("too-large", str(error)) from error
        except errors.GasError as error:
            # Also what AWS calls the caller's fault: it is this server's, and an operator can mend it.
            raise Undecided("inbox-unavailable", str(error)) from error
        if receipt is Receipt.CONTRADICTION:
            # Two different messages, both signed by AWS, under one id: SNS never does that. The one that was accepted
            # stays. Answering 200 would drop this one in silence; refused, it goes to the dead letters and is seen.
            log.error("another message under a known id", route=route.name, message_id=message.message_id)
            raise Refused("contradiction", "Another message was accepted under this MessageId.")
        if receipt in {Receipt.ACCEPTED, Receipt.WAITING}:
            self._engine.offer(entry)
        return receipt.value

    def _confirm(self, message: SubscriptionConfirmation) -> str:
        try:
            self._topics.confirm(message.topic_arn, message.token)
        except errors.Permanent as error:
            raise Refused("token", str(error)) from error
        except errors.GasError as error:
            raise Undecided("sns-unavailable", str(error)) from error
        return "confirmed"


def _request_id(route: Route[Any], message: Message | None) -> dict[str, str]:
    """The request that caused the message, where it says so. Found after the message was accepted: it is for logs."""
    if isinstance(message, Notification):
        with contextlib.suppress(Exception):  # what cannot be parsed is dealt with by the worker
            found = getattr(route.parse(message.message), "request_id", "")
            return {"request_id": found} if found else {}
    return {}


def _explain(error: HTTPException) -> Response:
    response = _plain(error.code or 500, error.name)
    for name, value in error.get_headers():
        if name not in {"Content-Type", "Content-Length"}:
            response.headers[name] = value  # such as Allow
    return response


def _plain(status: int, text: str) -> Response:
    return Response(f"{text}\n", status=status, mimetype="text/plain")
