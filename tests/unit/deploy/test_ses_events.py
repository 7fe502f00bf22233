"""The events about an e-mail, in the shape that SES documents and that `util_hook` reads."""

from __future__ import annotations

import json
from typing import Any

from deploy.local.ses.events import events
from deploy.local.ses.mailbox import Mail
from shared.core.messages import MailEvent


def mail(*to: str) -> Mail:
    return Mail(
        message_id="m1",
        sender="GAS <gas@example.org>",
        to=to,
        subject="Your results",
        text="t",
        html="h",
        tags={"job_id": "j1", "run": "1"},
        sent_at="2026-03-06T19:31:32.895Z",
    )


def about(*to: str) -> list[dict[str, Any]]:
    return events(mail(*to), configuration_set="gas-mail", account_id="123456789012")


def kinds(*to: str) -> list[str]:
    return [event["eventType"] for event in about(*to)]


def test_an_ordinary_address_gets_its_mail() -> None:
    assert kinds("alice@example.org") == ["Send", "Delivery"]


def test_the_simulators_bounce_bounces_for_good() -> None:
    event = about("bounce@simulator.amazonses.com")[-1]
    assert event["bounce"]["bounceType"] == "Permanent"
    assert event["bounce"]["bouncedRecipients"][0]["emailAddress"] == "bounce@simulator.amazonses.com"


def test_a_bounce_is_not_delivered() -> None:
    assert kinds("bounce@simulator.amazonses.com") == ["Send", "Bounce"]


def test_the_simulators_complaint_is_delivered_first() -> None:
    assert kinds("Alice <complaint+alice@simulator.amazonses.com>") == ["Send", "Delivery", "Complaint"]


def test_every_recipient_has_a_fate_of_its_own() -> None:
    assert kinds("bounce@simulator.amazonses.com", "bob@example.org") == ["Send", "Bounce", "Delivery"]


def test_an_address_that_only_begins_like_the_simulators_is_ordinary() -> None:
    assert kinds("bounce@example.org") == ["Send", "Delivery"]


def test_an_event_is_what_the_utility_server_reads() -> None:
    event = MailEvent.from_json(json.dumps(about("bounce@simulator.amazonses.com")[-1]))
    assert event.eventType == "Bounce"
    assert event.bounce is not None
    assert event.mail.messageId == "m1"
    assert event.mail.destination == ["bounce@simulator.amazonses.com"]
    assert event.mail.tags["job_id"] == ["j1"]
    assert event.mail.tags["ses:configuration-set"] == ["gas-mail"]
