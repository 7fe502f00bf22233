"""The mailbox's pages: what a stranger wrote into an e-mail stays harmless."""

from __future__ import annotations

import dataclasses

import html5lib
import pytest
from flask.testing import FlaskClient

from deploy.local.calls import Calls
from deploy.local.pages import create_app
from deploy.local.ses.mailbox import KEPT, Mail, Mailbox
from deploy.local.snapshots import Persistence
from deploy.local.sns.signing import Signer

SIGNER = Signer()
EVIL = "<script>alert(1)</script>"


def mail(message_id: str = "m1", **changes: object) -> Mail:
    usual = Mail(
        message_id=message_id,
        sender="GAS <gas@example.org>",
        to=["alice@example.org"],
        subject="Your results",
        text="See http://127.0.0.1:8000/jobs/j1",
        html="<!doctype html><html><head></head><body><p>Hello</p></body></html>",
        tags={"job_id": "j1"},
        sent_at="2026-03-06T19:31:32.895Z",
    )
    return dataclasses.replace(usual, **changes)  # type: ignore[arg-type]  # a test names its fields rightly


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def client(mailbox: Mailbox) -> FlaskClient:
    return create_app(mailbox, SIGNER, Persistence(), Calls()).test_client()


def valid(page: str) -> str:
    html5lib.HTMLParser(strict=True).parse(page)  # type: ignore[no-untyped-call]  # html5lib has no types
    return page


def test_the_cloud_says_that_it_is_up(client: FlaskClient) -> None:
    assert client.get("/healthz").status_code == 200


def test_the_certificate_lies_where_envelopes_say(client: FlaskClient) -> None:
    assert client.get(SIGNER.certificate_path).data == SIGNER.pem


def test_another_certificate_is_not_there(client: FlaskClient) -> None:
    assert client.get(f"/SimpleNotificationService-{'0' * 32}.pem").status_code == 404


def test_an_empty_mailbox_says_so(client: FlaskClient) -> None:
    assert "No e-mail yet" in valid(client.get("/mailbox").text)


def test_the_newest_mail_comes_first(client: FlaskClient, mailbox: Mailbox) -> None:
    mailbox.add(mail("m1", subject="First"))
    mailbox.add(mail("m2", subject="Second"))
    page = valid(client.get("/mailbox").text)
    assert page.index("Second") < page.index("First")
    assert [item["subject"] for item in client.get("/mailbox.json").json or []] == ["Second", "First"]


def test_the_json_has_what_tests_ask_for(client: FlaskClient, mailbox: Mailbox) -> None:
    mailbox.add(mail())
    (item,) = client.get("/mailbox.json").json or []
    assert item["to"] == ["alice@example.org"]
    assert {"to", "subject", "text", "html", "sent_at"} <= set(item)


def test_a_mails_page_shows_sender_recipient_and_text_with_links(client: FlaskClient, mailbox: Mailbox) -> None:
    mailbox.add(mail())
    page = valid(client.get("/mailbox/m1").text)
    assert "GAS &lt;gas@example.org&gt;" in page
    assert "alice@example.org" in page
    assert 'href="http://127.0.0.1:8000/jobs/j1"' in page


def test_an_unknown_mail_is_not_found(client: FlaskClient) -> None:
    assert client.get("/mailbox/nope").status_code == 404
    assert client.get("/mailbox/nope/html").status_code == 404


@pytest.mark.parametrize("field", ["subject", "sender", "text"])
def test_what_an_email_says_is_escaped(client: FlaskClient, mailbox: Mailbox, field: str) -> None:
    mailbox.add(mail(**{field: EVIL}))
    for path in ("/mailbox", "/mailbox/m1"):
        assert "<script" not in valid(client.get(path).text)


def test_a_mails_html_is_shown_in_a_frame_where_nothing_runs(client: FlaskClient, mailbox: Mailbox) -> None:
    mailbox.add(mail(html=EVIL))
    page = client.get("/mailbox/m1").text
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox" src="/mailbox/m1/html"' in page
    policy = client.get("/mailbox/m1/html").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert "sandbox allow-popups allow-popups-to-escape-sandbox" in policy


def test_the_pages_themselves_load_nothing_but_their_own_style(client: FlaskClient, mailbox: Mailbox) -> None:
    mailbox.add(mail())
    for path in ("/mailbox", "/mailbox/m1"):
        policy = client.get(path).headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; frame-src 'self'")
        assert "unsafe" not in policy
    with client.get("/mailbox/static/mailbox.css") as style:
        assert style.status_code == 200


def test_a_links_secret_is_not_passed_on(client: FlaskClient, mailbox: Mailbox) -> None:
    mailbox.add(mail())
    for path in ("/mailbox/m1", "/mailbox/m1/html"):
        assert client.get(path).headers["Referrer-Policy"] == "no-referrer"


def test_links_in_a_mails_html_leave_the_frame(client: FlaskClient, mailbox: Mailbox) -> None:
    mailbox.add(mail())
    assert '<base target="_blank">' in valid(client.get("/mailbox/m1/html").text)


def test_the_mailbox_does_not_grow_for_ever(mailbox: Mailbox) -> None:
    for number in range(KEPT + 1):
        mailbox.add(mail(str(number)))
    assert len(mailbox.all()) == KEPT
    assert mailbox.get("0") is None
