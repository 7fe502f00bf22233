"""The local cloud's own pages: the mailbox, who called what, the signing certificate, and whether it is up."""

from __future__ import annotations

import dataclasses

from flask import Flask, Response, abort, jsonify, render_template, request
from flask.typing import ResponseReturnValue

from deploy.local.calls import Calls
from deploy.local.ses.mailbox import Mail, Mailbox
from deploy.local.snapshots import Persistence
from deploy.local.sns.signing import Signer

_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)
"""An e-mail's HTML is somebody else's: its styles apply, its links open, nothing runs and nothing is fetched."""

PATHS = ("/healthz", "/mailbox", "/mailbox.json", "/calls.json", "/favicon.ico")
PREFIXES = ("/mailbox/", "/SimpleNotificationService-")


def create_app(mailbox: Mailbox, signer: Signer, persistence: Persistence, calls: Calls) -> Flask:
    """Answers `PATHS` and what begins with `PREFIXES`."""
    app = Flask(__name__, static_folder="static", static_url_path="/mailbox/static")

    @app.get("/healthz")
    def healthy() -> ResponseReturnValue:
        if problem := persistence.problem:
            return jsonify(status="failing", detail=problem), 503
        return jsonify(status="ok")

    @app.get("/SimpleNotificationService-<name>.pem")
    def certificate(name: str) -> ResponseReturnValue:  # noqa: ARG001 - the whole path is looked at
        if request.path != signer.certificate_path:
            abort(404)
        return Response(signer.pem, mimetype="application/x-pem-file")

    @app.get("/mailbox")
    def mails() -> ResponseReturnValue:
        return render_template("mailbox.html", mails=mailbox.all())

    @app.get("/mailbox.json")
    def mails_json() -> ResponseReturnValue:
        return jsonify([dataclasses.asdict(mail) for mail in mailbox.all()])

    @app.get("/calls.json")
    def calls_json() -> ResponseReturnValue:
        return jsonify(calls.all())

    @app.get("/mailbox/<message_id>")
    def mail_page(message_id: str) -> ResponseReturnValue:
        return render_template("mail.html", mail=_mail_or_404(message_id))

    @app.get("/mailbox/<message_id>/html")
    def mail_html(message_id: str) -> ResponseReturnValue:
        html = _mail_or_404(message_id).html
        page = html.replace("<head>", '<head><base target="_blank">', 1)  # links leave the frame
        return Response(page, mimetype="text/html", headers={"Content-Security-Policy": _MAIL_POLICY})

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", _PAGE_POLICY)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"  # a link in an e-mail may be a secret
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def _mail_or_404(message_id: str) -> Mail:
        mail = mailbox.get(message_id)
        if mail is None:
            abort(404)
        return mail

    return app
