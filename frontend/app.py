"""The frontend's Flask app: pages about accounts and jobs."""

from __future__ import annotations

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from frontend import access, assets, errors, exports, operators, results, security, tracing
from frontend.accounts import blueprint as accounts
from frontend.billing import blueprint as billing
from frontend.jobs import blueprint as jobs
from frontend.pages import blueprint as pages
from frontend.services import Services, build
from frontend.settings import FrontendSettings
from frontend.watch import Threads
from shared.core.logs import configure

MAX_BODY_BYTES = 2 * 1024 * 1024
"""Of a request to the frontend itself: forms and pasted variants. Files go from the browser to S3."""


def create_app(settings: FrontendSettings, services: Services | None = None) -> Flask:
    """The app; its threads start with ``app.extensions["gas"].start()``, after gunicorn has forked."""
    configure(settings.log_level)
    services = services or build(settings)
    app = Flask(__name__)
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY_BYTES, MAX_FORM_MEMORY_SIZE=MAX_BODY_BYTES)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]  # Flask's own way
    tracing.attach(app)
    access.attach(app, settings, services)
    operators.attach(app, services)
    security.attach(app, settings)
    assets.attach(app)
    errors.attach(app)
    results.attach(app, settings)
    exports.attach(app)
    for blueprint in (pages, accounts, billing, jobs, operators.blueprint):
        app.register_blueprint(blueprint)
    app.extensions["gas"] = Threads(services)
    return app
