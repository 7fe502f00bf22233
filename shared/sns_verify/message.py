"""From a request's body to a message, strictly.

`read` says nothing about who sent it: that is `shared.sns_verify.verifier`'s business. What is strict here is strict
because the string that SNS signs has no lengths in it: ``Message\\n…\\nMessageId\\n…\\n``. Only Message may hold a
newline; every other signed value has a syntax without one. Read from its end, the signed string therefore has exactly
one meaning, and nothing signed can be re-cut into another message.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any, NoReturn

from shared.sns_verify.errors import Malformed, TooLarge
from shared.sns_verify.topics import match_arn

MAX_BODY = 2 * 1024 * 1024
"""Bytes. A message has at most 256 KiB, which escapes in JSON can make six times longer."""


@dataclass(frozen=True, slots=True)
class Notification:
    """Something was published to the topic."""

    message_id: str
    """A UUID; the same each time that SNS tries again."""
    topic_arn: str
    timestamp: datetime
    """When it was published; aware, in UTC."""
    message: str
    subject: str | None
    envelope: str
    """The request's body verbatim. Beside what is signed it holds what is not: read nothing from it but to verify it
    again."""


@dataclass(frozen=True, slots=True)
class SubscriptionConfirmation:
    """Somebody subscribed this endpoint. Confirm it by the API call `ConfirmSubscription`, with the token.

    SubscribeURL would confirm it too. It is left out on purpose: fetching a URL that came in a request is never needed.
    """

    message_id: str
    topic_arn: str
    timestamp: datetime
    message: str
    token: str
    """Valid for two days."""
    envelope: str


@dataclass(frozen=True, slots=True)
class UnsubscribeConfirmation:
    """The endpoint was unsubscribed. The token, which would undo that, is left out: nobody should do so by himself."""

    message_id: str
    topic_arn: str
    timestamp: datetime
    message: str
    """Names the subscription that ended."""
    envelope: str


Message = Notification | SubscriptionConfirmation | UnsubscribeConfirmation


@dataclass(slots=True)
class Claim:
    """A message, and what is needed to find out whether it is true."""

    message: Message
    kind: str
    signed: bytes
    """The string that SNS signs."""
    signature: str
    """In base64."""
    signature_version: str
    certificate_url: str


_MESSAGE_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z").fullmatch
_SUBJECT = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{0,100}").fullmatch
_TOKEN = re.compile(r"[0-9A-Fa-f]{64,1024}").fullmatch  # SNS writes 256
_SUBSCRIBE_URL = re.compile(r"https?://[!-~]{1,4096}").fullmatch

_SIGNED_ELSEWHERE = {
    "Notification": ("Token", "SubscribeURL"),
    "SubscriptionConfirmation": ("Subject",),
    "UnsubscribeConfirmation": ("Subject",),
}
"""Keys that other types sign and this one does not. SNS never sends them; somebody else might, to be believed."""


def read(body: bytes) -> Claim:
    """What the body claims to be, which is enough where it was verified before and kept. Raises `Malformed` or `TooLarge`.

    Keys that SNS does not document are let pass, since AWS may add some, and are not exposed, since they are not signed.
    """
    if len(body) > MAX_BODY:
        raise TooLarge("too-large", f"The body has more than {MAX_BODY} bytes.")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Malformed("not-utf8", "The body is not UTF-8.") from None
    fields = _json_object(text)
    match fields.get("Type"):
        case "Notification":
            return _notification(fields, text)
        case "SubscriptionConfirmation" | "UnsubscribeConfirmation" as kind:
            return _confirmation(fields, text, kind)
        case _:
            raise Malformed("type", "Type is not one of the three that SNS sends.")


def _notification(fields: dict[str, Any], text: str) -> Claim:
    message, message_id, timestamp, topic_arn = _common(fields, "Notification")
    subject = fields.get("Subject")
    if subject is None:  # null and absent are the same to SNS: not signed
        subject_line = ""
    elif isinstance(subject, str) and _SUBJECT(subject):
        subject_line = f"Subject\n{subject}\n"
    else:
        raise Malformed("subject", "Subject is not a line of at most 100 characters.")
    attributes = fields.get("MessageAttributes")
    if attributes is not None and not isinstance(attributes, dict):
        raise Malformed("message-attributes", "MessageAttributes is not an object.")
    return _claim(
        fields,
        "Notification",
        f"Message\n{message}\nMessageId\n{message_id}\n{subject_line}"
        f"Timestamp\n{timestamp}\nTopicArn\n{topic_arn}\nType\nNotification\n",
        Notification(message_id, topic_arn, _moment(timestamp), message, subject, text),
    )


def _confirmation(fields: dict[str, Any], text: str, kind: str) -> Claim:
    message, message_id, timestamp, topic_arn = _common(fields, kind)
    token, url = fields.get("Token"), fields.get("SubscribeURL")
    if not isinstance(token, str) or not _TOKEN(token):
        raise Malformed("token", "Token is not 64 to 1,024 hexadecimal digits.")
    if not isinstance(url, str) or not _SUBSCRIBE_URL(url):
        raise Malformed("subscribe-url", "SubscribeURL is not an address.")
    moment = _moment(timestamp)
    return _claim(
        fields,
        kind,
        f"Message\n{message}\nMessageId\n{message_id}\nSubscribeURL\n{url}\n"
        f"Timestamp\n{timestamp}\nToken\n{token}\nTopicArn\n{topic_arn}\nType\n{kind}\n",
        SubscriptionConfirmation(message_id, topic_arn, moment, message, token, text)
        if kind == "SubscriptionConfirmation"
        else UnsubscribeConfirmation(message_id, topic_arn, moment, message, text),
    )


def _common(fields: dict[str, Any], kind: str) -> tuple[str, str, str, str]:
    """Message, MessageId, Timestamp, TopicArn."""
    message = fields.get("Message")
    if not isinstance(message, str):
        raise Malformed("message", "Message is not a string.")
    message_id = fields.get("MessageId")
    if not isinstance(message_id, str) or not _MESSAGE_ID(message_id):
        raise Malformed("message-id", "MessageId is not a UUID.")
    timestamp = fields.get("Timestamp")
    if not isinstance(timestamp, str) or not _TIMESTAMP(timestamp):
        raise Malformed("timestamp", "Timestamp is not a moment as SNS writes it.")
    topic_arn = fields.get("TopicArn")
    if not isinstance(topic_arn, str) or not match_arn(topic_arn):
        raise Malformed("topic-arn", "TopicArn is not the ARN of a topic.")
    for name in _SIGNED_ELSEWHERE[kind]:
        if fields.get(name) is not None:
            raise Malformed("unsigned-key", f"{name} is not signed in a {kind} and must not be there.")
    return message, message_id, timestamp, topic_arn


def _claim(fields: dict[str, Any], kind: str, signed: str, message: Message) -> Claim:
    signature, version, url = fields.get("Signature"), fields.get("SignatureVersion"), fields.get("SigningCertURL")
    if not isinstance(signature, str):
        raise Malformed("signature-missing", "Signature is not a string.")
    if not isinstance(version, str):
        raise Malformed("signature-version", "SignatureVersion is not a string.")
    if not isinstance(url, str):
        raise Malformed("certificate-url-missing", "SigningCertURL is not a string.")
    return Claim(message, kind, signed.encode(), signature, version, url)


def _moment(timestamp: str) -> datetime:
    try:
        return datetime.fromisoformat(timestamp)
    except ValueError:
        raise Malformed("timestamp", "Timestamp is not a moment in time.") from None


# JSON. The standard parser keeps the last of two equal keys, knows NaN, and takes lone surrogates: none of them here.

_LONGEST_NUMBER = 32


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("duplicate-key", "A key stands twice in the same object.")
    return found


def _number(text: str) -> float:
    """No key that SNS documents holds a number; those that it may come to hold are not exposed."""
    if len(text) > _LONGEST_NUMBER or not isfinite(number := float(text)):
        raise Malformed("number", "A number is too large.")
    return number


def _no_constant(_: str) -> NoReturn:
    raise Malformed("json", "NaN and Infinity are not JSON.")


_decode = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_number, parse_float=_number, parse_constant=_no_constant
).decode


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = _decode(text)
    except ValueError:
        raise Malformed("json", "The body is not JSON.") from None
    except RecursionError:
        raise Malformed("json", "The body is nested too deeply.") from None
    if not isinstance(value, dict):
        raise Malformed("json", "The body is not a JSON object.")
    if "\\ud" in text or "\\uD" in text:
        _refuse_lone_surrogates(value)
    return value


def _refuse_lone_surrogates(value: dict[str, Any]) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Malformed("surrogate", "A string holds half a character.") from None
    except RecursionError:
        raise Malformed("json", "The body is nested too deeply.") from None
