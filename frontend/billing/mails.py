"""The e-mail that a payment failed. Like those about accounts, the frontend sends it itself."""

from __future__ import annotations

from datetime import timedelta

import structlog
from flask import render_template, url_for

from frontend.access import services, settings
from shared import metrics
from shared.core.errors import Permanent, Retryable
from shared.core.users import User

log = structlog.get_logger()

EVIDENCE = timedelta(minutes=2)
"""How long SES's report is awaited when a server died while it sent the e-mail, before it is sent again."""


def write_payment_failed(user: User, event_id: str) -> None:
    """Once for each event, unless the address bounces. Raises `Retryable` when SES is away, or when another attempt's
    e-mail may be on its way."""
    if user.mail_blocked:
        return
    mail_id = f"payment-{event_id}"
    claim = services().mails.claim(mail_id, now=services().now(), lapsed=EVIDENCE)
    if claim.sent:
        return
    if claim.pending:
        raise Retryable("Another attempt may have sent this e-mail; waiting for SES to say.", after=EVIDENCE)
    subject = "Your payment for GAS failed"
    context = {
        "name": user.name,
        "link": settings().public_url + url_for("accounts.account"),
        "keeps_premium": user.plan == "premium",
    }
    text = render_template("mail/payment_failed.txt", **context)
    html = render_template("mail/payment_failed.html", subject=subject, **context)
    try:
        with metrics.sending_mail("payment-failed"):
            services().mailer.send(to=user.email, subject=subject, text=text, html=html, tags={"mail_id": mail_id})
    except Permanent as error:
        log.warning("e-mail refused", user_id=user.user_id, error=str(error))
        return
    services().mails.sent(mail_id, now=services().now())
