"""The utility server's Flask app: push endpoints and the health pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import Flask

from shared.aws.objects import S3Objects
from shared.aws.session import client
from shared.core.logs import configure
from shared.core.messages import AccountChanged, ArchiveDue, JobFinished, MailEvent, Message, RestoreRequested
from shared.inbox.hook_server import HookServer
from shared.inbox.route import Lease, Parsed, Route
from util_hook.handlers import account_changed, archive_due, daily, job_finished, mail_feedback, restore_requested
from util_hook.services import Services, build
from util_hook.settings import UtilSettings

M = TypeVar("M", bound=Parsed)


def create_app(settings: UtilSettings) -> Flask:
    """The app; its threads start with ``app.extensions["gas"].start()``, after gunicorn has forked."""
    configure(settings.log_level)
    its = build(settings)
    results = S3Objects(client(settings, "s3", probe=True), settings.results_bucket)

    def route(
        name: str,
        topic: str,
        dead_letters: str,
        parse: Callable[[str], M],
        handle: Callable[[M, Lease, Services], None],
    ) -> Route[M]:
        return Route(name, topic, dead_letters, parse, lambda message, lease: handle(message, lease, its))

    app = Flask(__name__)
    HookServer(
        settings,
        [
            route(
                "job-results",
                settings.job_results_topic,
                settings.job_results_dead_letters,
                JobFinished.from_json,
                job_finished.handle,
            ),
            route(
                "account-changes",
                settings.account_changes_topic,
                settings.account_changes_dead_letters,
                AccountChanged.from_json,
                account_changed.handle,
            ),
            route(
                "archive-due",
                settings.archive_due_topic,
                settings.archive_due_dead_letters,
                ArchiveDue.from_json,
                archive_due.handle,
            ),
            route(
                "restore-requests",
                settings.restore_requests_topic,
                settings.restore_requests_dead_letters,
                RestoreRequested.from_json,
                restore_requested.handle,
            ),
            route("daily", settings.daily_topic, settings.daily_dead_letters, Message.from_json, daily.handle),
            route(
                "mail-feedback",
                settings.mail_feedback_topic,
                settings.mail_feedback_dead_letters,
                MailEvent.from_json,
                mail_feedback.handle,
            ),
        ],
        bucket=lambda: results.size("readyz"),
    ).attach(app)
    return app
