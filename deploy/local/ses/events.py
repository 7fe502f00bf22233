"""The events that SES publishes about an e-mail.

Source: "Examples of event data that Amazon SES publishes to Amazon SNS" and "Using the mailbox simulator", Amazon SES
Developer Guide.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from email.utils import parseaddr
from typing import Any

from deploy.local.ses.mailbox import Mail

_SIMULATOR = "@simulator.amazonses.com"


def events(mail: Mail, *, configuration_set: str, account_id: str) -> list[dict[str, Any]]:
    """What happens to the e-mail, in order: it is sent, then delivered or bounced, then perhaps complained about.

    Every recipient's fate is an event of its own, as it is when SES talks to one mail server after the other.
    """
    about = _mail(mail, configuration_set, account_id)
    found: list[dict[str, Any]] = [{"eventType": "Send", "mail": about, "send": {}}]
    for recipient in mail.to:
        fate = _fate(recipient)
        if fate == "bounce":
            found.append({"eventType": "Bounce", "mail": about, "bounce": _bounce(recipient, mail.sent_at)})
            continue
        found.append({"eventType": "Delivery", "mail": about, "delivery": _delivery(recipient, mail.sent_at)})
        if fate == "complaint":
            found.append({"eventType": "Complaint", "mail": about, "complaint": _complaint(recipient, mail.sent_at)})
    return found


def _fate(recipient: str) -> str:
    """The mailbox simulator's addresses; a label behind a plus sign is allowed."""
    address = parseaddr(recipient)[1].lower()
    return address.removesuffix(_SIMULATOR).partition("+")[0] if address.endswith(_SIMULATOR) else "success"


def _mail(mail: Mail, configuration_set: str, account_id: str) -> dict[str, Any]:
    sender = parseaddr(mail.sender)[1]
    domain = sender.rpartition("@")[2]
    automatic = {
        "ses:configuration-set": [configuration_set],
        "ses:source-ip": ["127.0.0.1"],
        "ses:from-domain": [domain],
        "ses:caller-identity": ["local"],
    }
    return {
        "timestamp": mail.sent_at,
        "source": mail.sender,
        "sourceArn": f"arn:aws:ses:us-east-1:{account_id}:identity/{domain}",
        "sendingAccountId": account_id,
        "messageId": mail.message_id,
        "destination": list(mail.to),
        "headersTruncated": False,
        "headers": [
            {"name": "From", "value": mail.sender},
            {"name": "To", "value": ", ".join(mail.to)},
            {"name": "Subject", "value": mail.subject},
        ],
        "commonHeaders": {
            "from": [mail.sender],
            "to": list(mail.to),
            "messageId": mail.message_id,
            "subject": mail.subject,
        },
        "tags": {**automatic, **{name: [value] for name, value in mail.tags.items()}},
    }


def _delivery(recipient: str, at: str) -> dict[str, Any]:
    return {
        "timestamp": at,
        "processingTimeMillis": 1,
        "recipients": [recipient],
        "smtpResponse": "250 2.0.0 OK",
        "reportingMTA": "localhost",
    }


def _bounce(recipient: str, at: str) -> dict[str, Any]:
    return {
        "feedbackId": _feedback_id(),
        "bounceType": "Permanent",
        "bounceSubType": "General",
        "bouncedRecipients": [
            {
                "emailAddress": recipient,
                "action": "failed",
                "status": "5.1.1",
                "diagnosticCode": "smtp; 550 5.1.1 user unknown",
            }
        ],
        "timestamp": at,
        "reportingMTA": "dns; localhost",
    }


def _complaint(recipient: str, at: str) -> dict[str, Any]:
    recipients: Sequence[dict[str, str]] = [{"emailAddress": recipient}]
    return {
        "feedbackId": _feedback_id(),
        "complaintSubType": None,
        "complainedRecipients": recipients,
        "timestamp": at,
        "userAgent": "Amazon SES Mailbox Simulator",
        "complaintFeedbackType": "abuse",
        "arrivalDate": at,
    }


def _feedback_id() -> str:
    return f"{secrets.token_hex(8)}-000000"
