"""Family 6: a body has one meaning, and a signature belongs to one message."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from shared.sns_verify import MAX_BODY, Notification
from tests.sns_sender import TOKEN, SnsSender, body, timestamp
from tests.unit.sns_verify.endpoint import Endpoint


def text_of(sender: SnsSender, **changes: object) -> str:
    return body(sender.notification(**changes)).decode()  # type: ignore[arg-type]  # a test names its fields rightly


@pytest.mark.parametrize(
    "key", ["Type", "MessageId", "TopicArn", "Message", "Timestamp", "SignatureVersion", "Signature", "SigningCertURL"]
)
@pytest.mark.parametrize("spelling", ["{}", "\\u{:04x}"])
@pytest.mark.parametrize("first", [True, False])
def test_a_key_that_stands_twice_is_malformed_in_either_spelling_and_order(
    key: str, spelling: str, first: bool
) -> None:
    endpoint = Endpoint()
    text = text_of(endpoint.sender)
    again = key if spelling == "{}" else spelling.format(ord(key[0])) + key[1:]
    pair = f'"{again}": {json.dumps(json.loads(text)[key])}'
    twice = "{" + pair + "," + text[1:] if first else text[:-1] + "," + pair + "}"
    assert endpoint.reason(twice.encode()) == (400, "duplicate-key")


def test_a_key_that_stands_twice_deeper_down_is_malformed_too() -> None:
    endpoint = Endpoint()
    text = text_of(endpoint.sender)[:-1] + ', "MessageAttributes": {"a": {"Type": "String", "Type": "Number"}}}'
    assert endpoint.reason(text.encode()) == (400, "duplicate-key")


@pytest.mark.parametrize("value", [None, 1, 1.5, True, [], {}, ["x"], {"x": "y"}])
@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("Type", "type"),
        ("MessageId", "message-id"),
        ("TopicArn", "topic-arn"),
        ("Message", "message"),
        ("Timestamp", "timestamp"),
    ],
)
def test_a_value_of_another_type_is_malformed(key: str, reason: str, value: object) -> None:
    endpoint = Endpoint()
    envelope = endpoint.sender.notification() | {key: value}
    assert endpoint.reason(json.dumps(envelope).encode()) == (400, reason)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("Type", "type"),
        ("MessageId", "message-id"),
        ("TopicArn", "topic-arn"),
        ("Message", "message"),
        ("Timestamp", "timestamp"),
        ("SignatureVersion", "signature-version"),
        ("SigningCertURL", "certificate-url-missing"),
    ],
)
def test_a_missing_key_is_malformed(key: str, reason: str) -> None:
    endpoint = Endpoint()
    envelope = endpoint.sender.notification()
    del envelope[key]
    assert endpoint.reason(json.dumps(envelope).encode()) == (400, reason)


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "notification",
        "NOTIFICATION",
        "Notification ",
        "Notification\n",
        "Notificatiоn",
        "Alarm",
        "Notification\x00",
    ],
)
def test_an_unknown_type_is_malformed(kind: str) -> None:
    endpoint = Endpoint()
    assert endpoint.reason(json.dumps(endpoint.sender.notification() | {"Type": kind}).encode()) == (400, "type")


@pytest.mark.parametrize("key", ["message", "MESSAGE", "Message ", "Mess\u0430ge"])
def test_a_key_of_almost_that_name_is_not_that_key(key: str) -> None:
    endpoint = Endpoint()
    message = endpoint.push(endpoint.sender.notification("Hello") | {key: "Goodbye"})
    assert message.message == "Hello"


def test_the_keys_of_an_event_for_lambda_are_not_those_of_a_push() -> None:
    endpoint = Endpoint()
    envelope = endpoint.sender.notification()
    envelope["SigningCertUrl"] = envelope.pop("SigningCertURL")
    assert endpoint.reason(envelope) == (400, "certificate-url-missing")


NOT_A_JSON_OBJECT = {
    "nothing": b"",
    "space": b" ",
    "words": b"Hello",
    "a string": b'"Hello"',
    "a number": b"1",
    "null": b"null",
    "true": b"true",
    "an array": b"[]",
    "an envelope in an array": b"[{}]",
    "no end": b'{"Type": "Notification"',
    "two objects": b"{}{}",
    "words after it": b"{} Hello",
    "a comma too many": b'{"Type": "Notification",}',
    "single quotes": b"{'Type': 'Notification'}",
    "a comment": b'{"Type": "Notification" /* hello */}',
    "a key that is no string": b"{1: 2}",
    "a bare word": b'{"Type": Notification}',
    "NaN": b'{"Type": NaN}',
    "Infinity": b'{"Type": Infinity}',
    "-Infinity": b'{"Type": -Infinity}',
    "NaN deeper down": b'{"MessageAttributes": {"a": [NaN]}}',
    "a raw line break in a string": b'{"Type": "Noti\nfication"}',
    "a raw zero in a string": b'{"Type": "Noti\x00fication"}',
    "a zero after it": b"{}\x00",
    "an unknown escape": b'{"Type": "\\x41"}',
    "half an escape": b'{"Type": "\\u00"}',
    "arrays, very deep": b"[" * 100_000,
    "objects, very deep": b'{"a":' * 100_000,
    "arrays in a key, very deep": b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "digits without end": b'{"a": ' + b"9" * 1_000_000 + b"}",
}


@pytest.mark.parametrize("raw", NOT_A_JSON_OBJECT.values(), ids=NOT_A_JSON_OBJECT)
def test_what_is_not_a_json_object_is_malformed(raw: bytes) -> None:
    status, reason = Endpoint().reason(raw)
    assert status == 400
    assert reason in {"json", "number"}


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 400, "0." + "1" * 400, "1e" + "9" * 40])
def test_a_huge_number_is_malformed_wherever_it_stands(number: str) -> None:
    endpoint = Endpoint()
    text = text_of(endpoint.sender)[:-1] + ', "New": [' + number + "]}"
    assert endpoint.reason(text.encode()) == (400, "number")


NOT_UTF8 = {
    "latin-1": '{"Type": "ä"}'.encode("latin-1"),
    "utf-16": '{"Type": "Notification"}'.encode("utf-16"),
    "a surrogate": b'{"Type": "\xed\xa0\x80"}',
    "an overlong slash": b'{"Type": "\xc0\xaf"}',
    "a lone continuation": b'{"Type": "\x80"}',
    "beyond Unicode": b'{"Type": "\xf4\x90\x80\x80"}',
    "half a character": b'{"Type": "\xe2\x82"}',
    "compressed": b"\x1f\x8b\x08\x00",
}


@pytest.mark.parametrize("raw", NOT_UTF8.values(), ids=NOT_UTF8)
def test_what_is_not_utf8_is_malformed(raw: bytes) -> None:
    assert Endpoint().reason(raw) == (400, "not-utf8")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-32-le"])
def test_other_encodings_that_happen_to_be_utf8_are_malformed(encoding: str) -> None:
    endpoint = Endpoint()
    assert endpoint.reason(text_of(endpoint.sender).encode(encoding)) == (400, "json")


def test_a_byte_order_mark_is_malformed() -> None:
    endpoint = Endpoint()
    assert endpoint.reason(b"\xef\xbb\xbf" + text_of(endpoint.sender).encode()) == (400, "json")


@pytest.mark.parametrize("half", ["\\ud800", "\\uDFFF", "\\udc00\\ud800", "a\\ud83d", "\\ud83d\\u0041"])
@pytest.mark.parametrize("where", ["Message", "Subject", "New", "MessageAttributes"])
def test_half_a_character_is_malformed_wherever_it_stands(where: str, half: str) -> None:
    endpoint = Endpoint()
    value = {"a": "MARK"} if where == "MessageAttributes" else "MARK"
    text = text_of(endpoint.sender, **{where: value}).replace("MARK", half)
    assert endpoint.reason(text.encode()) in {(400, "surrogate"), (400, "subject")}


def test_half_a_character_in_a_key_is_malformed() -> None:
    endpoint = Endpoint()
    assert endpoint.reason(text_of(endpoint.sender, MARK="x").replace("MARK", "\\ud800").encode()) == (400, "surrogate")


@pytest.mark.parametrize(
    "message", ["😀", "ä", "\u2028", "e\u0301", "\x00", "a\r\nb\tc", "", '"\\/', "\U0010ffff", "\n"]
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_any_character_in_a_message_survives_in_either_spelling(message: str, ascii_only: bool) -> None:
    endpoint = Endpoint()
    raw = json.dumps(endpoint.sender.notification(message), ensure_ascii=ascii_only).encode()
    assert endpoint.push(raw).message == message


def test_characters_that_only_look_alike_are_not_the_same() -> None:
    endpoint = Endpoint()
    envelope = endpoint.sender.notification("\u00e9")
    assert endpoint.reason(envelope | {"Message": "e\u0301"}) == (403, "signature")


@pytest.mark.parametrize("subject", ["Hello", "x" * 99, "Ünïcode 😀", 'ALARM: "cpu" in US East (N. Virginia)', " "])
def test_a_subject_is_signed_and_handed_out(subject: str) -> None:
    endpoint = Endpoint()
    envelope = endpoint.sender.notification(subject=subject)
    message = endpoint.push(envelope)
    assert isinstance(message, Notification)
    assert message.subject == subject
    assert endpoint.reason(envelope | {"Subject": subject + "!"})[0] in {400, 403}


def test_a_subject_of_null_is_no_subject() -> None:
    endpoint = Endpoint()
    message = endpoint.push(endpoint.sender.notification() | {"Subject": None})
    assert isinstance(message, Notification)
    assert message.subject is None


@pytest.mark.parametrize(
    "subject",
    [
        "a\nb",
        "a\n",
        "a\rb",
        "a\x00b",
        "a\tb",
        "a\x1bb",
        "a\x7fb",
        "a\x85b",
        "a\u2028b",
        "a\u2029b",
        "x" * 101,
        1,
        True,
        [],
        {},
    ],
)
def test_a_subject_that_is_no_short_line_is_malformed(subject: object) -> None:
    endpoint = Endpoint()
    assert endpoint.reason(endpoint.sender.notification(Subject=subject)) == (400, "subject")


def test_a_subject_cannot_be_added_or_taken_away() -> None:
    endpoint = Endpoint()
    with_one, without = endpoint.sender.notification(subject="Hello"), endpoint.sender.notification()
    del with_one["Subject"]
    assert endpoint.reason(with_one) == (403, "signature")
    assert endpoint.reason(without | {"Subject": "Hello"}) == (403, "signature")
    assert endpoint.reason(without | {"Subject": ""}) == (403, "signature")


@pytest.mark.parametrize(
    "message_id",
    [
        "",
        "1",
        "00000000-0000-4000-8000-00000000000",
        "00000000-0000-4000-8000-0000000000000",
        "00000000-0000-4000-8000-000000000000\n",
        "00000000-0000-4000-8000-00000000000g",
        "00000000-0000-4000-8000-00000000000A",
        "00000000000040008000000000000000",
        "{00000000-0000-4000-8000-000000000000}",
        "٠٠٠٠٠٠٠٠-0000-4000-8000-000000000000",
        "../../etc/passwd",
    ],
)
def test_a_message_id_that_is_no_uuid_is_malformed(message_id: str) -> None:
    endpoint = Endpoint()
    assert endpoint.reason(endpoint.sender.notification(MessageId=message_id)) == (400, "message-id")


@pytest.mark.parametrize(
    "moment",
    [
        "",
        "now",
        "2026-03-06T12:00:00Z",
        "2026-03-06T12:00:00.000",
        "2026-03-06T12:00:00.000+00:00",
        "2026-03-06T12:00:00.000z",
        "2026-03-06 12:00:00.000Z",
        "2026-03-06T12:00:00.000Z\n",
        "2026-03-06T12:00:00,000Z",
        "2026-02-30T12:00:00.000Z",
        "2026-13-06T12:00:00.000Z",
        "2026-03-06T24:00:01.000Z",
        "2026-03-06T12:60:00.000Z",
        "2026-03-06T12:00:60.000Z",
        "0000-03-06T12:00:00.000Z",
        "٢٠٢٦-03-06T12:00:00.000Z",
        "+2026-03-06T12:00:00.000Z",
        "20260306T120000.000Z",
        "1772798400000",
    ],
)
def test_a_timestamp_other_than_sns_writes_it_is_malformed(moment: str) -> None:
    endpoint = Endpoint()
    assert endpoint.reason(endpoint.sender.notification(Timestamp=moment)) == (400, "timestamp")


def test_message_attributes_may_be_there_be_empty_or_be_null() -> None:
    endpoint = Endpoint()
    for attributes in (
        {},
        None,
        {"a": {"Type": "Binary", "Value": "AQID"}, "b": {"Type": "String.Array", "Value": "[]"}},
    ):
        assert endpoint.believes(endpoint.sender.notification() | {"MessageAttributes": attributes})


@pytest.mark.parametrize("attributes", ["a", 1, True, [], [{"Type": "String"}]])
def test_message_attributes_that_are_no_object_are_malformed(attributes: object) -> None:
    endpoint = Endpoint()
    envelope = endpoint.sender.notification() | {"MessageAttributes": attributes}
    assert endpoint.reason(envelope) == (400, "message-attributes")


def test_a_message_of_256_kib_fits_however_it_is_escaped() -> None:
    endpoint = Endpoint()
    message = "\x01" * 256 * 1024
    assert endpoint.push(endpoint.sender.notification(message)).message == message


def test_a_body_over_the_cap_is_too_large_and_one_just_below_is_not() -> None:
    endpoint = Endpoint()
    raw = text_of(endpoint.sender).encode()
    assert endpoint.believes(raw + b" " * (MAX_BODY - len(raw)))
    assert endpoint.reason(raw + b" " * (MAX_BODY - len(raw) + 1)) == (413, "too-large")


# Values re-cut across keys: the signed string stays the same byte for byte, and the message would be another one.


def recut(sender: SnsSender, signed: str, claimed: dict[str, Any]) -> dict[str, Any]:
    """An envelope with the signature of the string ``signed``, claiming to be ``claimed``."""
    original = sender.notification()
    envelope = {**original, **claimed}
    import base64

    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    signature = sender.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return {**envelope, "Signature": base64.b64encode(signature).decode()}


ALICE, MALLORY = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))


def signed_string(endpoint: Endpoint, message: str, *, subject: str | None = None, message_id: str = ALICE) -> str:
    subject_line = f"Subject\n{subject}\n" if subject is not None else ""
    return (
        f"Message\n{message}\nMessageId\n{message_id}\n{subject_line}Timestamp\n{timestamp(endpoint.time)}\n"
        f"TopicArn\n{endpoint.sender.topic_arn}\nType\nNotification\n"
    )


def test_a_message_that_holds_keys_stays_what_it_is() -> None:
    endpoint = Endpoint()
    inner = f"Hello\nMessageId\n{MALLORY}\nTimestamp\n{timestamp(endpoint.time)}\nTopicArn\nx\nType\nNotification"
    message = endpoint.push(endpoint.sender.notification(inner, message_id=ALICE))
    assert (message.message, message.message_id) == (inner, ALICE)


def test_the_end_of_a_message_cannot_become_its_identity() -> None:
    endpoint = Endpoint()
    signed = signed_string(endpoint, f"Hello\nMessageId\n{MALLORY}")
    envelope = recut(endpoint.sender, signed, {"Message": "Hello", "MessageId": f"{MALLORY}\nMessageId\n{ALICE}"})
    assert endpoint.reason(json.dumps(envelope).encode()) == (400, "message-id")


def test_the_end_of_a_message_cannot_become_a_subject_that_swallows_the_rest() -> None:
    endpoint = Endpoint()
    signed = signed_string(endpoint, f"Hello\nMessageId\n{MALLORY}\nSubject\nHi")
    claimed = {"Message": "Hello", "MessageId": MALLORY, "Subject": f"Hi\nMessageId\n{ALICE}"}
    envelope = recut(endpoint.sender, signed, claimed)
    assert endpoint.reason(json.dumps(envelope).encode()) == (400, "subject")


def test_a_subject_cannot_be_moved_into_the_message_id_or_the_timestamp() -> None:
    endpoint = Endpoint()
    signed = signed_string(endpoint, "Hello", subject="Hi")
    into_id = recut(endpoint.sender, signed, {"Message": "Hello", "MessageId": f"{ALICE}\nSubject\nHi"})
    assert endpoint.reason(json.dumps(into_id).encode()) == (400, "message-id")
    into_time = recut(
        endpoint.sender,
        signed.replace("Hi\nTimestamp\n", "Hi\nTimestamp\n2026-03-06T11:00:00.000Z\nTimestamp\n"),
        {
            "Message": "Hello",
            "MessageId": ALICE,
            "Subject": "Hi",
            "Timestamp": f"2026-03-06T11:00:00.000Z\nTimestamp\n{timestamp(endpoint.time)}",
        },
    )
    assert endpoint.reason(json.dumps(into_time).encode()) == (400, "timestamp")


def test_a_topic_cannot_swallow_what_follows() -> None:
    endpoint = Endpoint()
    arn = f"{endpoint.sender.topic_arn}\nType\nNotification\nTopicArn\nx"
    envelope = endpoint.sender.notification(TopicArn=arn)
    assert endpoint.reason(json.dumps(envelope).encode()) == (400, "topic-arn")


def test_a_notification_cannot_be_re_cut_into_a_confirmation() -> None:
    """Whoever may publish could otherwise write the words of a confirmation into a message."""
    endpoint = Endpoint()
    url = "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription"
    inner = (
        f"Hello\nMessageId\n{MALLORY}\nSubscribeURL\n{url}\nTimestamp\n{timestamp(endpoint.time)}\nToken\n{TOKEN}\n"
        f"TopicArn\n{endpoint.sender.topic_arn}\nType\nSubscriptionConfirmation"
    )
    envelope = endpoint.sender.notification(inner, message_id=ALICE)
    claimed = {"Message": "Hello", "MessageId": MALLORY, "SubscribeURL": url, "Token": TOKEN}
    for kind in ("SubscriptionConfirmation", f"SubscriptionConfirmation\nMessageId\n{ALICE}"):
        status, _ = endpoint.reason(json.dumps({**envelope, **claimed, "Type": kind}).encode())
        assert status in {400, 403}
