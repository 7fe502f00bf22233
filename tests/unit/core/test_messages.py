"""What is said of a text that is no message of ours."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shared.core.errors import Permanent
from shared.core.messages import AccountChanged, JobRequested, MailEvent, Message


@pytest.mark.parametrize(
    ("parse", "text", "complaint"),
    [
        (Message.from_json, "no", "This is not a message: Invalid JSON"),
        (JobRequested.from_json, '{"job_id": "job"}', "This is not a JobRequested message: run: Field required."),
        (
            AccountChanged.from_json,
            "{}",
            "This is not an AccountChanged message: user_id: Field required (and 1 more).",
        ),
        (MailEvent.from_json, '{"mail": {"messageId": "1"}}', "This is not an SES event: eventType: Field required."),
        (MailEvent.from_json, "{}", "This is not an SES event: eventType: Field required (and 1 more)."),
    ],
)
def test_what_is_wrong_is_named(parse: Callable[[str], object], text: str, complaint: str) -> None:
    with pytest.raises(Permanent) as error:
        parse(text)
    assert str(error.value).startswith(complaint)
