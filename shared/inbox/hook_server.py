"""The endpoints that SNS pushes to, and their contract with it.

| answer | when | what SNS does |
|---|---|---|
| 200 | durably accepted, or a duplicate of what was accepted; a confirmation that was dealt with | done |
| 400, 413 | not a message of SNS, malformed, too large | dead letter |
| 403 | signature, certificate, topic or token wrong, too old, another message's id | dead letter |
| 503 | cannot decide or accept now, stopping, backlog full, paused by an operator | tries again, then dead letter |

Never 429, and never 4xx for what may work later: SNS does not try those again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from shared import metrics
from shared.aws.clock import AwsClock
from shared.aws.dead_letters import SqsDeadLetters
from shared.aws.inbox import DynamoInbox
from shared.aws.session import client
from shared.aws.topics import SnsTopics
from shared.core import errors
from shared.core.clock import Clock, utc_now
from shared.core.health import Checks, report
from shared.core.inbox import About, Inbox
from shared.core.load import Load
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
    sqs, dynamodb, now = client(settings, "sqs"), client(settings, "dynamodb"), AwsClock()
    now.listen(dynamodb)
    return Outside(
        inbox=DynamoInbox(dynamodb, settings.inbox_table),
        topics=SnsTopics(client(settings, "sns"), sqs),
        dead_letters=SqsDeadLetters(sqs),
        certificates=CertificateStore(fetch=fetch_certificate, now=now, extra_origin=settings.extra_certificate_origin),
        now=now,
    )


class HookServer:
    """``POST /hooks/<name>`` and ``GET /hooks/<name>/readyz`` for each route, ``/healthz`` and ``/readyz``."""

    def __init__(
        self,
        settings: HookSettings,
        routes: Sequence[Route[Any]],
        outside: Outside | None = None,
        *,
        bucket: Callable[[], object] | None = None,
        publish: Callable[[Load], object] | None = None,
    ) -> None:
        """``bucket``, ``publish``: see `Engine`. Without a bucket, readiness says nothing of S3."""
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
            bucket=bucket,
            publish=publish,
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
            # For whoever knows the endpoint alone: /readyz of the host may be another server's, behind a load balancer.
            app.add_url_rule(f"/hooks/{route.name}/readyz", view_func=self._readyz, endpoint=f"readyz-{route.name}")
        app.add_url_rule("/healthz", view_func=self._healthz, endpoint="healthz")
        app.add_url_rule("/readyz", view_func=self._readyz, endpoint="readyz")
        app.register_error_handler(HTTPException, _explain)
        app.extensions["gas"] = self

    def start(self) -> None:
        """Starts subscribing, sweeping and working in threads, and returns at once."""
        self._engine.start()

    def drain(self) -> None:
        """From now on pushes are answered 503, and nothing more is started; what runs goes on."""
        self._engine.drain()

    def stop(self, seconds: float) -> None:
        """Takes no more pushes, lets handlers go on for so many seconds, and gives back what they have not done."""
        self._engine.stop(seconds)

    def _healthz(self) -> Response:
        return _checked(self._engine.liveness, good="alive", bad="failed", bad_status=500)

    def _readyz(self) -> Response:
        return _checked(self._engine.readiness, good="ready", bad="not ready", bad_status=503)

    def _push(self, route: Route[Any]) -> Response:
        received_at, began = self._now(), time.perf_counter()
        message: Message | None = None
        about = About()
        try:
            if self._engine.draining:
                raise Undecided("draining", "This server is stopping.")
            message = read_push(request, self._verifiers[route.name])
            outcome, about = self._deal_with(route, message, received_at)
            response = _plain(200, outcome)
        except VerificationError as error:
            outcome = error.reason
            response = answer(error)
        seconds = time.perf_counter() - began
        metrics.push_answered(route.name, outcome, seconds)
        level = log.info if response.status_code < 400 else log.warning
        level(
            "push",
            route=route.name,
            status=response.status_code,
            outcome=outcome,
            message_id=message.message_id if message else request.headers.get("x-amz-sns-message-id", "")[:64],
            ms=round(seconds * 1000, 1),
            **{name: value for name, value in asdict(about).items() if value},
        )
        return response

    def _deal_with(self, route: Route[Any], message: Message, received_at: datetime) -> tuple[str, About]:
        """What became of it, in a word, and what it is about. Raises `VerificationError`: it has the four answers that
        there are."""
        if isinstance(message, Notification):
            return self._accept(route, message, received_at)
        if isinstance(message, SubscriptionConfirmation):
            return self._confirm(message), About()
        # Somebody ended the subscription. Confirming anew by itself would fight with whoever meant it; the next start
        # of a server subscribes again.
        log.warning("unsubscribed", route=route.name, topic_arn=message.topic_arn)
        return "unsubscribed", About()

    def _accept(self, route: Route[Any], message: Notification, received_at: datetime) -> tuple[str, About]:
        if self._engine.pause_of(route.name) is not None:
            raise Undecided("paused", "An operator paused this endpoint.")
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
        return receipt.value, entry.about

    def _confirm(self, message: SubscriptionConfirmation) -> str:
        try:
            self._topics.confirm(message.topic_arn, message.token)
        except errors.NotFound as error:
            raise Refused("token", str(error)) from error
        except errors.GasError as error:
            # Also what AWS calls the caller's fault, such as too many subscriptions: an operator can mend it.
            raise Undecided("sns-unavailable", str(error)) from error
        return "confirmed"


def _explain(error: HTTPException) -> Response:
    response = _plain(error.code or 500, error.name)
    for name, value in error.get_headers():
        if name not in {"Content-Type", "Content-Length"}:
            response.headers[name] = value  # such as Allow
    return response


def _checked(checks: Checks, *, good: str, bad: str, bad_status: int) -> Response:
    text, ok = report(checks, good=good, bad=bad)
    return Response(text, status=200 if ok else bad_status, mimetype="application/json")


def _plain(status: int, text: str) -> Response:
    return Response(f"{text}\n", status=status, mimetype="text/plain")
