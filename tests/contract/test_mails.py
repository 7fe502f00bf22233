"""Which e-mails were sent, on the fake and on DynamoDB."""

from __future__ import annotations

from datetime import timedelta

from shared.core.ports import MailClaim, Mails
from tests.factories import NOON

LAPSED = timedelta(minutes=2)


def claim(mails: Mails, mail_id: str = "soon-alice-20260306", *, seconds: float = 0) -> MailClaim:
    return mails.claim(mail_id, now=NOON + timedelta(seconds=seconds), lapsed=LAPSED)


def test_the_first_to_claim_an_email_may_send_it_and_the_second_waits(mails: Mails) -> None:
    assert claim(mails) == MailClaim(granted=True)
    assert claim(mails, seconds=119) == MailClaim(pending=True)


def test_a_claim_of_which_nothing_was_heard_is_taken_over_once(mails: Mails) -> None:
    claim(mails)
    assert claim(mails, seconds=120) == MailClaim(granted=True)
    assert claim(mails, seconds=121) == MailClaim(pending=True)


def test_a_sent_email_is_never_claimed_again(mails: Mails) -> None:
    claim(mails)
    for _ in range(2):
        mails.sent("soon-alice-20260306", now=NOON)
    assert claim(mails, seconds=9999) == MailClaim(sent=True)


def test_news_of_an_email_that_nobody_claimed_counts(mails: Mails) -> None:
    mails.sent("soon-alice-20260306", now=NOON)
    assert claim(mails) == MailClaim(sent=True)


def test_each_email_is_claimed_by_itself(mails: Mails) -> None:
    claim(mails)
    assert claim(mails, "soon-alice-20260307") == MailClaim(granted=True)
