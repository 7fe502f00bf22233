"""Family 5: only the one spelling of the one right signature, of a version that the policy allows."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.sns_sender import string_to_sign
from tests.unit.sns_verify.endpoint import Endpoint


def flipped(signature: str, bit: int) -> str:
    data = bytearray(base64.b64decode(signature))
    data[bit // 8] ^= 1 << bit % 8
    return base64.b64encode(data).decode()


def cut(signature: str, size: int) -> str:
    return base64.b64encode(base64.b64decode(signature)[:size]).decode()


CHANGES: dict[str, Callable[[str], str]] = {
    "empty": lambda _: "",
    "a word": lambda _: "EXAMPLEpH+..",
    "zeros": lambda _: base64.b64encode(bytes(256)).decode(),
    "ones": lambda _: base64.b64encode(b"\xff" * 256).decode(),
    "the number one": lambda _: base64.b64encode(bytes(255) + b"\x01").decode(),
    "other alphabet": lambda text: text.replace("+", "-").replace("/", "_"),
    "line break in it": lambda text: text[:64] + "\n" + text[64:],
    "line break after it": lambda text: text + "\n",
    "space before it": lambda text: " " + text,
    "junk in it": lambda text: text[:10] + "!" + text[10:],
    "an umlaut": lambda text: "ä" + text[1:],
    "a zero": lambda text: text + "\x00",
    "no padding": lambda text: text.rstrip("="),
    "more padding": lambda text: text + "=",
    "padding in it": lambda text: text[:4] + "==" + text[4:],
    "more after the padding": lambda text: text + "AAAA",
    "other spelling of the last letter": lambda text: text[:-3] + chr(ord(text[-3]) + 1) + "==",
    "twice": lambda text: text + text,
    "first bit flipped": lambda text: flipped(text, 7),
    "last bit flipped": lambda text: flipped(text, 8 * 255),
    "one byte less": lambda text: cut(text, 255),
    "half": lambda text: cut(text, 128),
    "one byte": lambda text: cut(text, 1),
    "one byte more": lambda text: base64.b64encode(b"\x00" + base64.b64decode(text)).decode(),
    "in hexadecimal": lambda text: base64.b64decode(text).hex(),
    "too long by far": lambda text: text[:-2] * 1000,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("version", ["1", "2"])
def test_any_other_signature_is_refused(version: str, change: Callable[[str], str]) -> None:
    endpoint = Endpoint(minimum_version=1)
    envelope = endpoint.sender.notification(version=version)
    assert endpoint.believes(envelope)
    other = change(envelope["Signature"])
    assert other != envelope["Signature"]
    assert endpoint.reason(envelope | {"Signature": other}) == (403, "signature")


@pytest.mark.parametrize("bit", range(0, 2048, 61))
def test_any_flipped_bit_is_refused(bit: int) -> None:
    endpoint = Endpoint()
    envelope = endpoint.sender.notification()
    assert endpoint.reason(envelope | {"Signature": flipped(envelope["Signature"], bit)}) == (403, "signature")


@pytest.mark.parametrize("value", [None, 1, True, [], {}, ["A" * 344]])
def test_a_signature_of_another_type_is_malformed(value: object) -> None:
    endpoint = Endpoint()
    envelope = endpoint.sender.notification()
    assert endpoint.reason(envelope | {"Signature": value}) == (400, "signature-missing")


def test_a_message_without_signature_is_malformed() -> None:
    endpoint = Endpoint()
    envelope = endpoint.sender.notification()
    del envelope["Signature"]
    assert endpoint.reason(envelope) == (400, "signature-missing")


@pytest.mark.parametrize("version", ["", "0", "3", "01", "2 ", " 2", "2\n", "2.0", "two", "٢", "1,2"])
def test_other_versions_are_refused(version: str) -> None:
    endpoint = Endpoint(minimum_version=1)
    assert endpoint.reason(endpoint.sender.notification() | {"SignatureVersion": version}) == (403, "signature-version")


@pytest.mark.parametrize("version", [None, 1, 2, 2.0, True, [], ["2"], {}])
def test_a_version_of_another_type_is_malformed(version: object) -> None:
    endpoint = Endpoint(minimum_version=1)
    assert endpoint.reason(endpoint.sender.notification() | {"SignatureVersion": version}) == (400, "signature-version")


def test_version_1_is_refused_by_default_before_anything_is_fetched() -> None:
    endpoint = Endpoint()
    assert endpoint.reason(endpoint.sender.notification(version="1")) == (403, "signature-version")
    assert endpoint.sender.fetches == []


@pytest.mark.parametrize("version", ["1", "2"])
def test_both_versions_are_taken_where_the_policy_allows_1(version: str) -> None:
    endpoint = Endpoint(minimum_version=1)
    assert endpoint.believes(endpoint.sender.notification(version=version, subject="Alice's job"))
    assert endpoint.believes(endpoint.sender.subscription_confirmation(SignatureVersion=version))


@pytest.mark.parametrize(("signed", "said"), [("1", "2"), ("2", "1")])
def test_a_signature_of_one_version_does_not_count_as_the_other(signed: str, said: str) -> None:
    endpoint = Endpoint(minimum_version=1)
    envelope = endpoint.sender.notification(version=signed) | {"SignatureVersion": said}
    assert endpoint.reason(envelope) == (403, "signature")


@pytest.mark.parametrize("version", [0, 3])
def test_a_policy_for_a_version_that_does_not_exist_stops_the_start(version: int) -> None:
    with pytest.raises(ValueError, match="minimum_version"):
        Endpoint(minimum_version=version)


def test_the_padding_must_be_that_of_sns() -> None:
    endpoint = Endpoint()
    envelope = endpoint.sender.notification()
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
    signature = endpoint.sender.key.sign(string_to_sign(envelope), pss, hashes.SHA256())
    assert endpoint.reason(envelope | {"Signature": base64.b64encode(signature).decode()}) == (403, "signature")


def test_a_signature_of_another_message_is_refused() -> None:
    endpoint = Endpoint()
    alices, bobs = endpoint.sender.notification("for alice"), endpoint.sender.notification("for bob")
    assert endpoint.reason(alices | {"Signature": bobs["Signature"]}) == (403, "signature")
