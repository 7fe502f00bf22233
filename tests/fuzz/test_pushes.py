"""The push endpoints: whatever arrives gets one of the answers of the contract, and nothing false is believed."""

from __future__ import annotations

import functools
import json
from contextlib import suppress
from typing import Any

from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app

from shared.core.errors import Permanent
from shared.core.messages import (
    AccountChanged,
    ArchiveDue,
    JobFinished,
    JobRequested,
    MailEvent,
    Message,
    RestoreRequested,
)
from shared.core.settings import HookSettings
from shared.inbox.hook_server import HookServer, Outside
from shared.inbox.route import Route
from shared.sns_verify import CertificateStore, VerificationError, Verifier
from shared.sns_verify.certificates import SigningCertificate
from shared.sns_verify.errors import Refused
from shared.sns_verify.message import read
from tests.fakes import FakeDeadLetters, FakeInbox, FakeTopics
from tests.fuzz.shapes import a_few, headers, json_values, texts
from tests.sns_sender import NOON, TOPIC_ARN, Envelope, SnsSender, body, certificate
from tests.sns_sender import headers as headers_of

ANSWERS = {200, 400, 403, 404, 405, 413, 503}
"""Never 429 and no other 5xx; 404 and 405 are of other addresses and methods."""
PARSERS = (JobRequested, JobFinished, AccountChanged, ArchiveDue, RestoreRequested, MailEvent, Message)


@functools.cache
def sender() -> SnsSender:
    return SnsSender()


@functools.cache
def genuine() -> tuple[Envelope, ...]:
    """What SNS sends."""
    text = JobRequested(job_id="job", run=1, request_id="r").to_json()
    return (
        sender().notification(text, subject="A subject"),
        sender().notification("Hello\nMessageId\nworld ä😀", version="1"),
        sender().subscription_confirmation(),
        sender().unsubscribe_confirmation(),
    )


def verifier() -> Verifier:
    store = CertificateStore(fetch=sender().fetch, now=lambda: NOON)
    return Verifier(topic_arns={TOPIC_ARN}, certificates=store, now=lambda: NOON, minimum_version=1)


def app(inbox: FakeInbox) -> Flask:
    """Two endpoints."""
    app = Flask("fuzzed")
    app.testing = True  # an error that nobody handles comes through to the test
    outside = Outside(
        inbox=inbox,
        topics=FakeTopics(),
        dead_letters=FakeDeadLetters(),
        certificates=CertificateStore(fetch=sender().fetch, now=lambda: NOON),
        now=lambda: NOON,
    )
    routes = [
        Route(name, arn, "https://queue", JobRequested.from_json, lambda *_: None)
        for name, arn in (("job-requests", TOPIC_ARN), ("other", f"{TOPIC_ARN}-other"))
    ]
    given_settings = HookSettings(public_url="https://gas", inbox_table="inbox", hook_url="https://hook")
    HookServer(given_settings, routes, outside).attach(app)
    return app


def believed(raw: bytes, said: dict[str, str]) -> bool:
    try:
        verifier().verify(raw, said)
    except VerificationError:
        return False
    return True


keys = st.sampled_from(
    [
        "Type",
        "MessageId",
        "TopicArn",
        "Message",
        "Subject",
        "Timestamp",
        "SignatureVersion",
        "Signature",
        "SigningCertURL",
        "SubscribeURL",
        "UnsubscribeURL",
        "Token",
        "MessageAttributes",
    ]
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Something near to an envelope, or nothing of the kind."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=1000))
    envelope: dict[str, Any] = dict(draw(st.sampled_from(genuine())))
    envelope |= draw(st.dictionaries(keys, json_values, max_size=3))
    for key in draw(st.lists(keys, max_size=2)):
        envelope.pop(key, None)
    raw = json.dumps(envelope, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    at = draw(st.integers(0, len(raw)))
    return raw[:at] + draw(st.binary(max_size=4)) + raw[at + draw(st.integers(0, 3)) :]


sns_headers = st.dictionaries(
    st.sampled_from(["x-amz-sns-message-type", "x-amz-sns-message-id", "x-amz-sns-topic-arn", "x-amz-sns-rawdelivery"])
    | st.text(st.characters(categories=["L", "N"], max_codepoint=0x7E), min_size=1, max_size=20),
    headers,
    max_size=4,
)


@a_few
@given(bodies(), sns_headers)
def test_only_what_sns_signed_is_believed(raw: bytes, said: dict[str, str]) -> None:
    if believed(raw, said):
        assert read(raw).signed in {read(body(envelope)).signed for envelope in genuine()}


@a_few
@given(st.data())
def test_every_request_gets_an_answer_of_the_contract(data: st.DataObject) -> None:
    inbox = FakeInbox()
    raw = data.draw(bodies())
    given_headers = Headers(list(data.draw(sns_headers).items()))
    if data.draw(st.booleans()):
        given_headers.extend(headers_of(genuine()[0]))
    builder = EnvironBuilder(
        path=data.draw(st.sampled_from(["/hooks/job-requests", "/hooks/other", "/healthz", "/hooks/none"])),
        method=data.draw(st.sampled_from(["POST", "POST", "POST", "GET", "PUT", "HEAD", "OPTIONS", "TRACE", "É"])),
        headers=given_headers,
        content_type=data.draw(st.none() | headers),
        data=raw,
    )
    environ = builder.get_environ()
    length = data.draw(st.none() | st.sampled_from(["", "-1", "0", "1", "x", str(1 << 70), str(len(raw) + 9)]))
    if length is not None:
        environ["CONTENT_LENGTH"] = length
    if data.draw(st.booleans()):
        environ["HTTP_TRANSFER_ENCODING"], environ["wsgi.input_terminated"] = "chunked", True
    _, status, _ = run_wsgi_app(app(inbox), environ, buffered=True)
    assert int(status.split()[0]) in ANSWERS
    for entry in inbox.entries.values():
        assert read(entry.envelope.encode()).signed in {read(body(envelope)).signed for envelope in genuine()}


@a_few
@given(texts | json_values.map(json.dumps), st.sampled_from(PARSERS))
def test_a_text_is_a_message_or_says_what_is_wrong(text: str, kind: type[Message]) -> None:
    """As published by whoever may publish: verified, and still nonsense."""
    raw = body(sender().notification(text))
    assert believed(raw, {})
    with suppress(Permanent):
        message = kind.from_json(text)
        assert kind.from_json(message.to_json()) == message


@a_few
@given(st.binary(max_size=3000), st.integers(0, 2000), st.integers(0, 200))
def test_a_certificate_is_read_or_refused(junk: bytes, at: int, length: int) -> None:
    pem = certificate_once()
    for answer in (junk, pem[:at] + junk[:length] + pem[at + length :]):
        with suppress(Refused):
            SigningCertificate.from_pem(answer)


@functools.cache
def certificate_once() -> bytes:
    return certificate()
