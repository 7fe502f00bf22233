"""Sends each e-mail once, and only to those who want it.

How "once" is made is told in docs/decisions/0002: the right to send is claimed by a conditional write, and SES's own
*Send* event says that it went out, whoever died in between. E-mails about one run of a job are kept account of in the
job (`util_hook.handlers.job_finished`), all others in the mails table, by a name that says what they are about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from shared import metrics
from shared.core.errors import Retryable
from shared.core.mail_links import unsubscribe_link
from shared.core.ports import MailClaim
from shared.core.users import MailKind, User
from util_hook.mails import Mail
from util_hook.services import Services

log = structlog.get_logger()


def wants(owner: User, kind: MailKind) -> bool:
    """Whether the owner is to get e-mails of this kind."""
    if owner.mail_blocked:
        log.info("no e-mail: the address is blocked", user_id=owner.user_id, why=owner.mail_blocked)
        return False
    return kind not in owner.mail_off


def is_ours(claim: MailClaim, services: Services) -> bool:
    """Whether the caller is to send the e-mail. Raises `Retryable` when another attempt's may be on its way."""
    if claim.pending:
        raise Retryable(
            "Another attempt may have sent this e-mail; waiting for SES to say.", after=services.mail_evidence
        )
    return claim.granted


def stop_link(owner: User, kind: MailKind, services: Services) -> str:
    """Where the owner turns this kind of e-mail off."""
    return unsubscribe_link(services.public_url, owner.user_id, kind, services.secret_keys)


def send(mail: Mail, owner: User, services: Services, *, tags: Mapping[str, str]) -> None:
    """Hands it to SES. One-click unsubscribing (RFC 8058) stands in its headers; what SES reports about it carries the
    tags, and whose it is."""
    headers = {"List-Unsubscribe": f"<{mail.stop_link}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    with metrics.sending_mail(mail.kind):
        services.mailer.send(
            to=owner.email,
            subject=mail.subject,
            text=mail.text,
            html=mail.html,
            tags={**tags, "user_id": owner.user_id},
            headers=headers,
        )


def send_once(mail_id: str, owner: User, services: Services, *, kind: MailKind, write: Callable[[str], Mail]) -> None:
    """Sends the e-mail of this name, unless it was sent or is not wanted. ``write`` makes it, handed the address where
    its kind is turned off. Raises `Retryable` when another attempt's may be on its way."""
    if not wants(owner, kind):
        return
    if is_ours(services.mails.claim(mail_id, now=services.now(), lapsed=services.mail_evidence), services):
        send(write(stop_link(owner, kind, services)), owner, services, tags={"mail_id": mail_id})
        services.mails.sent(mail_id, now=services.now())
