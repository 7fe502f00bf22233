"""SES events → what GAS remembers of its e-mails and addresses.

*Send* proves that an e-mail went out, about a run of a job or by the name that it has in the mails table. A permanent *Bounce* or a *Complaint* means that the address is not
written to again: SES suspends senders who do.
"""

from __future__ import annotations

import structlog

from shared.core.messages import MailEvent
from shared.core.users import normalise_email
from shared.inbox.route import Lease
from util_hook.services import Services

log = structlog.get_logger()


def handle(message: MailEvent, lease: Lease, services: Services) -> None:  # noqa: ARG001 - each write is one conditional put
    """Stores what the event says. Other kinds of events are of no interest and harmless."""
    if message.eventType == "Send":
        _sent(message, services)
    elif message.eventType == "Complaint":
        _block(message, services, reason="complaint")
    elif message.eventType == "Bounce" and message.bounce is not None and message.bounce.bounceType == "Permanent":
        _block(message, services, reason="bounce")


def _sent(message: MailEvent, services: Services) -> None:
    tags = message.mail.tags
    job_ids, runs, mail_ids = tags.get("job_id"), tags.get("run"), tags.get("mail_id")
    if job_ids and runs and runs[0].isdecimal():
        services.jobs.mailed(job_ids[0], run=int(runs[0]), now=services.now())
    elif mail_ids:
        services.mails.sent(mail_ids[0], now=services.now())


def _block(message: MailEvent, services: Services, *, reason: str) -> None:
    for address in message.mail.destination:
        log.warning("address blocked", reason=reason, mail_id=message.mail.messageId)
        services.users.block_mail(normalise_email(address), reason=reason)
