"""What holds for every input: a change is noticed, nothing is read in two ways, and only our own errors are raised."""

from __future__ import annotations

import base64
import contextlib
import json
import string
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from shared.sns_verify import MAX_BODY, Malformed, Notification, Refused, VerificationError
from shared.sns_verify.certificates import SigningCertificate
from shared.sns_verify.message import read
from tests.sns_sender import SIGNED, Envelope, SnsSender, body, certificate, headers, string_to_sign
from tests.unit.sns_verify.endpoint import Endpoint

ENDPOINT = Endpoint(minimum_version=1)
SENDER = ENDPOINT.sender
ENVELOPES = [
    SENDER.notification("Hello\nMessageId\nworld ä😀", subject="A subject"),
    SENDER.notification('{"job_id": "1"}', version="1"),
    SENDER.subscription_confirmation(),
    SENDER.unsubscribe_confirmation(SignatureVersion="1"),
]
MEANT = {id(envelope): read(body(envelope)) for envelope in ENVELOPES}

envelopes = st.sampled_from(ENVELOPES)
quick = settings(max_examples=150, deadline=None)


def outcome(raw: bytes, said: dict[str, str] | None = None) -> VerificationError | None:
    """The error, or None where the body is believed. Anything else that is raised fails the test."""
    try:
        ENDPOINT.verifier.verify(raw, said or {})
    except VerificationError as error:
        return error
    return None


@quick
@given(envelopes, st.data())
def test_a_changed_byte_anywhere_in_signed_material_is_refused(envelope: Envelope, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from([key for key in SIGNED[envelope["Type"]] if key in envelope]))
    value = envelope[key].encode()
    at = data.draw(st.integers(0, len(value) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != value[at]))
    changed = value[:at] + bytes([byte]) + value[at + 1 :]
    # as bytes into the JSON text, so that what is no UTF-8 any more arrives like that
    text = json.dumps(envelope | {key: "MARK"}, ensure_ascii=False).encode()
    escaped = json.dumps(changed.decode(errors="surrogateescape"), ensure_ascii=False)[1:-1]
    raw = text.replace(b"MARK", escaped.encode(errors="surrogateescape"))
    assert isinstance(outcome(raw), Malformed | Refused)


@quick
@given(envelopes, st.data())
def test_a_changed_byte_anywhere_in_the_signature_is_refused(envelope: Envelope, data: st.DataObject) -> None:
    signature = bytearray(base64.b64decode(envelope["Signature"]))
    at = data.draw(st.integers(0, len(signature) - 1))
    signature[at] ^= data.draw(st.integers(1, 255))
    assert isinstance(outcome(body(envelope | {"Signature": base64.b64encode(signature).decode()})), Refused)


@quick
@given(envelopes, st.data())
def test_a_changed_letter_anywhere_in_the_written_signature_is_refused(envelope: Envelope, data: st.DataObject) -> None:
    text = envelope["Signature"]
    at = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.characters(exclude_characters=text[at], exclude_categories=["Cs"]))
    assert isinstance(outcome(body(envelope | {"Signature": text[:at] + letter + text[at + 1 :]})), Refused)


@quick
@given(envelopes, st.data())
def test_a_changed_byte_anywhere_in_the_body_never_makes_it_mean_something_else(
    envelope: Envelope, data: st.DataObject
) -> None:
    raw = bytearray(body(envelope))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] = data.draw(st.integers(0, 255))
    if outcome(bytes(raw)) is None:
        assert read(bytes(raw)).signed == MEANT[id(envelope)].signed


@quick
@given(envelopes, st.data())
def test_a_body_cut_or_lengthened_anywhere_is_refused(envelope: Envelope, data: st.DataObject) -> None:
    raw = body(envelope)
    cut = raw[: data.draw(st.integers(0, len(raw) - 1))]
    assert isinstance(outcome(cut), Malformed)
    more = data.draw(st.binary(min_size=1, max_size=20).filter(lambda more: more.strip(b" \t\r\n") != b""))
    assert isinstance(outcome(raw + more), Malformed)


@quick
@given(st.binary(max_size=2000))
def test_any_bytes_raise_our_own_errors_only(raw: bytes) -> None:
    assert isinstance(outcome(raw), Malformed)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


@quick
@given(envelopes, st.dictionaries(st.sampled_from([*ENVELOPES[0], *ENVELOPES[2], "MessageAttributes"]), json_values))
def test_any_values_raise_our_own_errors_only(envelope: Envelope, changes: dict[str, Any]) -> None:
    outcome(json.dumps(envelope | changes).encode())


@quick
@given(json_values)
def test_any_json_raises_our_own_errors_only(value: object) -> None:
    assert isinstance(outcome(json.dumps(value).encode()), Malformed)


@quick
@given(st.dictionaries(st.text(max_size=30), st.text(max_size=30)))
def test_any_headers_raise_our_own_errors_only(said: dict[str, str]) -> None:
    assert outcome(body(ENVELOPES[0]), said | headers(ENVELOPES[0])) is None
    outcome(body(ENVELOPES[0]), {f"x-amz-sns-{name}": value for name, value in said.items()})


@quick
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_any_certificate_url_but_a_proper_one_is_refused(url: str) -> None:
    error = outcome(body(SENDER.notification() | {"SigningCertURL": url}))
    assert error is not None
    assert error.reason == "certificate-url"


@quick
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_any_text_as_a_message_arrives_as_it_was_sent(text: str) -> None:
    message = ENDPOINT.push(SENDER.notification(text))
    assert message.message == text


lines = st.text(st.sampled_from(string.ascii_letters + " :-"), max_size=12)
words = st.sampled_from(
    ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type", "Notification"]
    + ["SubscriptionConfirmation", "UnsubscribeConfirmation", "Hi"]
    + [str(value) for envelope in ENVELOPES for key, value in envelope.items() if key in SIGNED[envelope["Type"]]]
)


@settings(quick, max_examples=400, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(envelopes, st.lists(words | lines, min_size=0, max_size=12), st.data())
def test_a_signed_string_is_never_read_as_two_messages(
    envelope: Envelope, inside: list[str], data: st.DataObject
) -> None:
    """Whoever publishes writes lines that look like keys; whoever attacks cuts the signed string wherever he likes."""
    written = envelope | {"Message": "\n".join(inside)}
    signed = string_to_sign(written).decode()
    kind = data.draw(st.sampled_from([envelope["Type"], envelope["Type"], *sorted(SIGNED)]))
    keys = [key for key in SIGNED[kind] if key != "Subject" or data.draw(st.booleans())]
    claimed: Envelope = {**written, "Type": kind}
    for key in ("Subject", "Token", "SubscribeURL"):
        claimed.pop(key, None)
    rest = signed
    for key, following in zip(keys, [*keys[1:], None], strict=True):
        assume(rest.startswith(f"{key}\n"))
        rest = rest[len(key) + 1 :]
        mark = "\n" if following is None else f"\n{following}\n"
        ends = [at for at in range(len(rest)) if rest.startswith(mark, at)]
        assume(ends)
        end = data.draw(st.sampled_from(ends)) if following else len(rest) - 1
        claimed[key], rest = rest[:end], rest[end + 1 :]
    assume(claimed["Type"] == kind)
    assert string_to_sign(claimed).decode() == signed
    original = SENDER.sign(written)  # not before: it takes longer than all the rest
    claimed["Signature"] = original["Signature"]
    if outcome(body(claimed)) is None:
        again = read(body(claimed)).message
        meant = read(body(original)).message
        assert type(again) is type(meant)
        assert (again.message, again.message_id, again.timestamp) == (meant.message, meant.message_id, meant.timestamp)
        if isinstance(again, Notification) and isinstance(meant, Notification):
            assert again.subject == meant.subject


@quick
@given(st.data())
def test_any_answer_of_a_certificate_host_is_read_or_refused(data: st.DataObject) -> None:
    pem = bytearray(PEM)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(pem) - 1))
        pem[at] = data.draw(st.sampled_from(b"ABCXYZabcxyz019+/=\n-") | st.integers(0, 255))
    with contextlib.suppress(Refused):
        SigningCertificate.from_pem(bytes(pem))


PEM = certificate()


@pytest.mark.parametrize("size", [0, 1, MAX_BODY, MAX_BODY + 1])
def test_any_size_raises_our_own_errors_only(size: int) -> None:
    assert outcome(b"[" * size) is not None


def test_the_senders_and_the_verifiers_signed_strings_agree() -> None:
    for envelope in [*ENVELOPES, SnsSender().notification(subject="")]:
        assert read(body(envelope)).signed == string_to_sign(envelope)
