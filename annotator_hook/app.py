"""The annotator's Flask app: one push endpoint and the health pages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from annotator_hook.catalogue import Catalogue
from annotator_hook.handlers import job_requested
from annotator_hook.services import build
from annotator_hook.settings import AnnotatorSettings
from annotator_hook.work_folder import clear
from shared.aws.objects import S3Objects
from shared.aws.session import client
from shared.core.logs import configure
from shared.core.messages import JobRequested
from shared.inbox.hook_server import HookServer
from shared.inbox.route import Route


def create_app(settings: AnnotatorSettings) -> Flask:
    """The app; its threads start with ``app.extensions["gas"].start()``, after gunicorn has forked."""
    configure(settings.log_level)
    services = build(settings)
    route = Route(
        name="job-requests",
        topic_arn=settings.job_requests_topic,
        dead_letters=settings.job_requests_dead_letters,
        parse=JobRequested.from_json,
        handle=lambda message, lease: job_requested.handle(message, lease, services),
        abandon=lambda message, reason, lease: job_requested.abandon(message, reason, lease, services),
    )
    app = Flask(__name__)
    results = S3Objects(client(settings, "s3", probe=True), settings.results_bucket)
    server = HookServer(settings, [route], bucket=lambda: results.size("readyz"), publish=services.publish_load)
    server.attach(app)
    app.extensions["gas"] = _Threads(server, Catalogue(services.packs, services.results), services.work_dir)
    return app


@dataclass(frozen=True)
class _Threads:
    """What runs beside the endpoints."""

    server: HookServer
    catalogue: Catalogue
    work_dir: Path

    def start(self) -> None:
        clear(self.work_dir)
        self.server.start()
        self.catalogue.start()

    def drain(self) -> None:
        self.server.drain()

    def stop(self, seconds: float) -> None:
        self.catalogue.stop()
        self.server.stop(seconds)
