"""What every answer tells browsers not to do, and what every form must prove."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import Flask, Response, request
from flask_wtf.csrf import CSRFProtect

from frontend.assets import content_hash
from frontend.settings import FrontendSettings

ONE_YEAR = 365 * 24 * 60 * 60  # seconds

_csrf = CSRFProtect()  # type: ignore[no-untyped-call]  # Flask-WTF has no types  # Flask-WTF has no types
_View = TypeVar("_View", bound=Callable[..., object])


def proves_otherwise(view: _View) -> _View:
    """Marks a view that asks for no CSRF token: what posts to it is no page of ours, and proves otherwise who it is."""
    _csrf.exempt(view)  # type: ignore[no-untyped-call]  # Flask-WTF has no types
    return view


def content_security_policy(settings: FrontendSettings) -> str:
    """Nothing from anywhere but us, nothing inline, no eval; uploads may go to the bucket, payers to Stripe."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "connect-src " + " ".join(("'self'", *settings.upload_origins)),
            "form-action " + " ".join(("'self'", *settings.payment_origins)),
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    )


def attach(app: Flask, settings: FrontendSettings) -> None:
    """Headers, cookies and CSRF tokens."""
    signing, *believed = settings.secret_keys
    app.config.update(
        SECRET_KEY=signing,
        SECRET_KEY_FALLBACKS=believed,
        WTF_CSRF_SECRET_KEY=settings.secret_keys[::-1],  # itsdangerous signs with the last one
        SESSION_COOKIE_NAME="__Host-gas" if settings.is_https else "gas",
        SESSION_COOKIE_SECURE=settings.is_https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a page left open over lunch still works
    )
    _csrf.init_app(app)  # type: ignore[no-untyped-call]  # Flask-WTF has no types
    headers = {
        "Content-Security-Policy": content_security_policy(settings),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if settings.is_https:
        headers["Strict-Transport-Security"] = f"max-age={ONE_YEAR}; includeSubDomains"

    @app.after_request
    def protect(response: Response) -> Response:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        if request.endpoint == "static" and response.status_code in {200, 206, 304}:
            _keep_static(response)
        elif "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"
        return response


def _keep_static(response: Response) -> None:
    """For good under the address that carries its content's hash; asked for again under any other."""
    version = request.args.get("v")
    if version and version == content_hash((request.view_args or {})["filename"]):
        response.headers["Cache-Control"] = f"public, max-age={ONE_YEAR}, immutable"
    else:
        response.headers["Cache-Control"] = "no-cache"
