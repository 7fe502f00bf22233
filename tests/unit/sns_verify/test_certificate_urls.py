"""Family 1: a certificate is fetched only from where SNS keeps those of the topic's region."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shared.sns_verify import CertificateStore
from tests.sns_sender import SnsSender, certificate, rsa_key
from tests.unit.sns_verify.endpoint import Endpoint

HOST = "sns.us-east-1.amazonaws.com"
PATH = "/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"

ELSEWHERE = [
    # schemes
    f"http://{HOST}{PATH}",
    f"HTTPS://{HOST}{PATH}",
    f"ftp://{HOST}{PATH}",
    f"file://{HOST}{PATH}",
    f"file://{PATH}",
    f"//{HOST}{PATH}",
    f"{HOST}{PATH}",
    f"javascript://{HOST}{PATH}",
    "data:application/x-pem-file;base64,LS0tLS0=",
    # hosts that look alike
    f"https://sns.us-east-1.amazonaws.com.evil.example{PATH}",
    f"https://evil.example/{HOST}{PATH}",
    f"https://evil.example{PATH}",
    f"https://sns.us-east-1.amazonaws.com.{PATH}",
    f"https://SNS.us-east-1.amazonaws.com{PATH}",
    f"https://xsns.us-east-1.amazonaws.com{PATH}",
    f"https://x.sns.us-east-1.amazonaws.com{PATH}",
    f"https://sns.us-east-1.amazonaws.co{PATH}",
    f"https://sns.us-east-1.amazonaws.com.cn{PATH}",
    f"https://sns.us-east-1-amazonaws.com{PATH}",
    f"https://sns-us-east-1.amazonaws.com{PATH}",
    f"https://sns.us-east-1.amazonaws.org{PATH}",
    f"https://snsxus-east-1xamazonawsxcom{PATH}",
    f"https://sns.us\u2010east-1.amazonaws.com{PATH}",
    f"https://sns.us-east-1.аmazonaws.com{PATH}",
    f"https://s3.amazonaws.com/sns.us-east-1.amazonaws.com{PATH}",
    f"https://sns.us-east-1.amazonaws.com.s3.amazonaws.com{PATH}",
    f"https://sns.amazonaws.com{PATH}",
    f"https://sqs.us-east-1.amazonaws.com{PATH}",
    f"https://127.0.0.1{PATH}",
    f"https://169.254.169.254{PATH}",
    f"https://[::1]{PATH}",
    # other regions
    f"https://sns.eu-west-1.amazonaws.com{PATH}",
    f"https://sns.us-east-2.amazonaws.com{PATH}",
    f"https://sns.cn-north-1.amazonaws.com.cn{PATH}",
    # userinfo
    f"https://alice@{HOST}{PATH}",
    f"https://alice:secret@{HOST}{PATH}",
    f"https://{HOST}@evil.example{PATH}",
    f"https://{HOST}:x@evil.example{PATH}",
    f"https://{HOST}\\@evil.example{PATH}",
    f"https://evil.example\\@{HOST}{PATH}",
    f"https://{HOST}%40evil.example{PATH}",
    # ports
    f"https://{HOST}:443{PATH}",
    f"https://{HOST}:8443{PATH}",
    f"https://{HOST}:{PATH}",
    f"https://{HOST}:22{PATH}",
    # fragments and queries
    f"https://{HOST}{PATH}#",
    f"https://{HOST}{PATH}#.pem",
    f"https://{HOST}{PATH}?",
    f"https://{HOST}{PATH}?x=.pem",
    f"https://{HOST}/?Action=Publish&x={PATH}",
    f"https://evil.example/#{HOST}{PATH}",
    f"https://evil.example?{HOST}{PATH}",
    # other paths on the right host
    f"https://{HOST}/",
    f"https://{HOST}",
    f"https://{HOST}/SimpleNotificationService.pem",
    f"https://{HOST}/SimpleNotificationService-.pem",
    f"https://{HOST}/SimpleNotificationService-xyz.pem",
    f"https://{HOST}/simplenotificationservice-0123456789abcdef0123456789abcdef.pem",
    f"https://{HOST}/{PATH}",
    f"https://{HOST}/x{PATH}",
    f"https://{HOST}/..{PATH}",
    f"https://{HOST}/./..{PATH}",
    f"https://{HOST}{PATH}/",
    f"https://{HOST}{PATH}/../evil.pem",
    f"https://{HOST}{PATH}.pem",
    f"https://{HOST}{PATH}%00",
    f"https://{HOST}{PATH};x=.pem",
    f"https://{HOST}/SimpleNotificationService-0123456789abcdef/../../evil.pem",
    f"https://{HOST}/SimpleNotificationService-0123%2F.pem",
    f"https://{HOST}/SimpleNotificationService-٠١٢٣.pem",  # digits, but not hexadecimal ones
    f"https://{HOST}/SimpleNotificationService-{'0' * 129}.pem",
    f"https://{HOST}/cat.pem",
    f"https://{HOST}{PATH.replace('.pem', '.PEM')}",
    f"https://{HOST}{PATH.replace('.pem', '.crt')}",
    # white space and line breaks, where a pattern's $ would let them pass
    f"https://{HOST}{PATH}\n",
    f"https://{HOST}{PATH}\nhttps://evil.example/",
    f" https://{HOST}{PATH}",
    f"https://{HOST}{PATH} ",
    f"\thttps://{HOST}{PATH}",
    f"https://{HOST}\t{PATH}",
    f"https:/\n/{HOST}{PATH}",
    f"https:\\\\{HOST}{PATH}",
    f"https:///{HOST}{PATH}",
    "",
]


@pytest.mark.parametrize("url", ELSEWHERE)
def test_nothing_is_fetched_from_elsewhere(url: str) -> None:
    endpoint = Endpoint(SnsSender(certificate_url="x"))
    endpoint.sender.certificate_url = url
    assert endpoint.reason(endpoint.sender.notification()) == (403, "certificate-url")
    assert endpoint.sender.fetches == []


@pytest.mark.parametrize("hexadecimal", ["0", "0000000000000000000000", "0123456789abcdefABCDEF" * 2, "f" * 128])
def test_hexadecimal_names_of_other_lengths_are_taken(hexadecimal: str) -> None:
    url = f"https://{HOST}/SimpleNotificationService-{hexadecimal}.pem"
    endpoint = Endpoint(SnsSender(certificate_url=url))
    assert endpoint.believes(endpoint.sender.notification())
    assert endpoint.sender.fetches == [url]


@pytest.mark.parametrize("value", [None, 1, [], {}, True])
def test_a_certificate_url_of_another_type_is_malformed(value: object) -> None:
    endpoint = Endpoint()
    assert endpoint.reason(endpoint.sender.notification(SigningCertURL=value)) == (400, "certificate-url-missing")


def test_a_certificate_known_for_one_region_does_not_serve_another() -> None:
    here, there = SnsSender(), SnsSender("arn:aws:sns:eu-west-1:123456789012:job-requests")
    endpoint = Endpoint(here, topic_arns={here.topic_arn, there.topic_arn})
    endpoint.push(here.notification())
    there.certificate_url = here.certificate_url
    assert endpoint.reason(there.notification()) == (403, "certificate-url")


@pytest.mark.parametrize(
    "origin",
    [
        "http://127.0.0.1:8003",
        "http://127.0.0.1",
        "https://127.0.0.1:8003",
        "http://127.8.9.10:1",
        "http://[::1]:8003",
        "http://localhost:8003",
    ],
)
def test_one_more_origin_is_trusted_when_it_is_a_loopback_address(origin: str) -> None:
    sender = SnsSender(certificate_url=f"{origin}{PATH}")
    assert Endpoint(sender, extra_origin=origin).believes(sender.notification())
    assert Endpoint(sender).reason(sender.notification()) == (403, "certificate-url")


@pytest.mark.parametrize(
    "origin",
    [
        "http://10.0.0.1:8003",
        "http://0.0.0.0:8003",
        "https://sns.us-east-1.amazonaws.com",
        "https://evil.example",
        "http://localhost.evil.example",
        "http://127.0.0.1.nip.io",
        "http://127.0.0.1@evil.example",
        "http://evil.example\\@127.0.0.1",
        "http://127.0.0.1:8003@evil.example",
        "http://2130706433",
        "http://127.1",
        "http://[::ffff:10.0.0.1]",
        "http://[fe80::1]",
        "ftp://127.0.0.1",
        "file://127.0.0.1",
        "127.0.0.1:8003",
        "//127.0.0.1:8003",
        "http://127.0.0.1:8003/",
        "http://127.0.0.1:8003/path",
        "http://127.0.0.1:8003?x",
        "http://127.0.0.1:8003#x",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:",
        "http://127.0.0.1:x",
        " http://127.0.0.1:8003",
        "http://127.0.0.1:8003\n",
        "http://",
        "http://[",
        "",
    ],
)
def test_any_other_extra_origin_stops_the_start(origin: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        CertificateStore(extra_origin=origin)


@pytest.mark.parametrize(
    "url",
    [
        f"http://127.0.0.1:8004{PATH}",
        f"http://127.0.0.1:80030{PATH}",
        f"http://127.0.0.1{PATH}",
        f"https://127.0.0.1:8003{PATH}",
        f"http://127.0.0.1:8003@evil.example{PATH}",
        f"http://127.0.0.1:8003.evil.example{PATH}",
        f"http://127.0.0.1:8003/x{PATH}",
        f"http://127.0.0.1:8003{PATH}?x",
    ],
)
def test_the_extra_origin_is_compared_as_exactly_as_the_host_of_sns(url: str) -> None:
    endpoint = Endpoint(SnsSender(certificate_url=url), extra_origin="http://127.0.0.1:8003")
    assert endpoint.reason(endpoint.sender.notification()) == (403, "certificate-url")
    assert endpoint.sender.fetches == []


def test_a_certificate_from_the_extra_origin_must_be_as_proper_as_any() -> None:
    url = f"http://127.0.0.1:8003{PATH}"
    sender = SnsSender(certificate_url=url, pem=certificate(names=["sns.example.org"], common_name="sns.example.org"))
    endpoint = Endpoint(sender, extra_origin="http://127.0.0.1:8003")
    assert endpoint.reason(sender.notification()) == (403, "certificate-name")


NOT_A_CERTIFICATE_ALONE: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b" ",
    "words": lambda _: b"not found",
    "zeros": lambda _: b"\x00" * 100,
    "a page around it": lambda pem: b"<html>" + pem + b"</html>",
    "a comment after it": lambda pem: pem + b"<!-- -->",
    "a letter before it": lambda pem: b"x" + pem,
    "a comment before it": lambda pem: b"# a comment\n" + pem,
    "two of it": lambda pem: pem + pem,
    "its issuer after it": lambda pem: pem + certificate(rsa_key("authority"), is_ca=True),
    "another label": lambda pem: pem.replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE"),
    "a key's label": lambda pem: pem.replace(b"CERTIFICATE", b"PUBLIC KEY"),
    "no end": lambda pem: pem.replace(b"-----END CERTIFICATE-----", b""),
    "no beginning": lambda pem: pem.replace(b"-----BEGIN CERTIFICATE-----", b""),
    "no lines": lambda pem: pem.replace(b"\n", b" "),
    "no base64": lambda pem: pem.replace(b"MII", b"MI*", 1),
    "no DER": lambda pem: pem.replace(b"MII", b"AII", 1),
    "half of it": lambda pem: pem[: len(pem) // 2] + b"\n-----END CERTIFICATE-----\n",
    "an empty one": lambda _: b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
    "three zeros": lambda _: b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    "padding": lambda _: b"-----BEGIN CERTIFICATE-----\n=\n-----END CERTIFICATE-----\n",
    "too much space": lambda pem: pem + b" " * 16 * 1024,
    "a megabyte": lambda _: b"A" * 1024 * 1024,
}


@pytest.mark.parametrize("change", NOT_A_CERTIFICATE_ALONE.values(), ids=NOT_A_CERTIFICATE_ALONE)
def test_what_lies_there_must_be_one_pem_certificate_and_nothing_else(change: Callable[[bytes], bytes]) -> None:
    endpoint = Endpoint(SnsSender(pem=change(certificate())))
    assert endpoint.reason(endpoint.sender.notification()) == (403, "certificate-body")


@pytest.mark.parametrize(
    "change",
    [lambda pem: pem.replace(b"\n", b"\r\n"), lambda pem: b"\n" + pem + b"\n\n", bytes.rstrip],
    ids=["line ends", "white space", "no last line end"],
)
def test_line_ends_and_white_space_around_the_certificate_do_not_matter(change: Callable[[bytes], bytes]) -> None:
    endpoint = Endpoint(SnsSender(pem=change(certificate())))
    assert endpoint.believes(endpoint.sender.notification())
