"""The utility server's Flask app: push endpoints and the health pages."""

from __future__ import annotations

from flask import Flask

from shared.core.logs import configure
from shared.core.messages import JobFinished, MailEvent
from shared.inbox.hook_server import HookServer
from shared.inbox.route import Route
from util_hook.handlers import job_finished, mail_feedback
from util_hook.services import Services, build
from util_hook.settings import UtilSettings


def create_app(settings: UtilSettings, services: Services | None = None) -> Flask:
    """The app; its threads start with ``app.extensions["gas"].start()``, after gunicorn has forked."""
    configure(settings.log_level)
    services = services or build(settings)
    finished = Route(
        name="job-results",
        topic_arn=settings.job_results_topic,
        dead_letters=settings.job_results_dead_letters,
        parse=JobFinished.from_json,
        handle=lambda message, lease: job_finished.handle(message, lease, services),
    )
    feedback = Route(
        name="mail-feedback",
        topic_arn=settings.mail_feedback_topic,
        dead_letters=settings.mail_feedback_dead_letters,
        parse=MailEvent.from_json,
        handle=lambda message, lease: mail_feedback.handle(message, lease, services),
    )
    app = Flask(__name__)
    HookServer(settings, [finished, feedback]).attach(app)
    return app
