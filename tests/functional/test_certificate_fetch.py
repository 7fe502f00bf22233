"""`fetch_certificate` against real sockets: hosts that redirect, hang, drip, lie, or are not who they say they are."""

from __future__ import annotations

import gzip
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from shared.sns_verify import Undecided, fetch, fetch_certificate
from shared.sns_verify.fetch import MAX_CERTIFICATE
from tests.sns_sender import rsa_key

Answer = Callable[[BaseHTTPRequestHandler], None]


class Host(ThreadingHTTPServer):
    """Answers every request as the test says, and keeps what was asked."""

    daemon_threads = True

    def __init__(self, answer: Answer) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.over = threading.Event()
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                host.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                try:
                    answer(self)
                except OSError:
                    self.close_connection = True  # whoever asked has gone

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, *_: object) -> None:
        """Somebody who hangs up early is what these tests are about."""

    def url(self, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.server_port}/SimpleNotificationService-0.pem"


@pytest.fixture
def serve() -> Iterator[Callable[..., Host]]:
    hosts: list[Host] = []

    def start(answer: Answer, context: ssl.SSLContext | None = None) -> Host:
        host = Host(answer)
        if context is not None:
            host.socket = context.wrap_socket(host.socket, server_side=True)
        hosts.append(host)
        threading.Thread(target=host.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return host

    yield start
    for host in hosts:
        host.over.set()
        host.shutdown()
        host.server_close()


def with_body(body: bytes, status: int = 200, **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return answer


def test_what_lies_there_is_answered(serve: Callable[..., Host]) -> None:
    host = serve(with_body(b"a certificate"))
    assert fetch_certificate(host.url()) == b"a certificate"
    assert host.asked[0][0] == "/SimpleNotificationService-0.pem"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(serve: Callable[..., Host], status: int) -> None:
    target = serve(with_body(b"a certificate"))
    host = serve(with_body(b"", status, Location=target.url()))
    with pytest.raises(Undecided, match=str(status)):
        fetch_certificate(host.url())
    assert target.asked == []


@pytest.mark.parametrize("status", [204, 206, 400, 403, 404, 429, 500, 503])
def test_every_other_answer_than_200_leaves_it_undecided(serve: Callable[..., Host], status: int) -> None:
    host = serve(with_body(b"", status))
    with pytest.raises(Undecided, match=str(status)):
        fetch_certificate(host.url())


def test_a_body_without_end_is_read_up_to_the_bound(serve: Callable[..., Host]) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while not host.over.is_set():
            request.wfile.write(b"A" * 4096)

    host = serve(answer)
    assert len(fetch_certificate(host.url())) == MAX_CERTIFICATE + 1


def test_a_body_that_drips_is_given_up(serve: Callable[..., Host], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "_TOTAL_SECONDS", 0.2)

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while not host.over.wait(0.02):
            request.wfile.write(b"A")

    host = serve(answer)
    with pytest.raises(Undecided, match="slowly"):
        fetch_certificate(host.url())


def test_silence_is_given_up(serve: Callable[..., Host], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "_READ_SECONDS", 0.1)
    over = threading.Event()
    host = serve(lambda _: over.wait(30) and None)
    with pytest.raises(Undecided, match="did not answer"):
        fetch_certificate(host.url())
    over.set()


def test_a_body_shorter_than_announced_leaves_it_undecided(serve: Callable[..., Host]) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "100")
        request.end_headers()
        request.wfile.write(b"half")
        request.close_connection = True

    with pytest.raises(Undecided, match="did not answer"):
        fetch_certificate(serve(answer).url())


def test_nobody_there_leaves_it_undecided() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/SimpleNotificationService-0.pem"
    with pytest.raises(Undecided, match="did not answer"):
        fetch_certificate(url)


def test_a_compressed_body_is_not_unpacked(serve: Callable[..., Host]) -> None:
    packed = gzip.compress(b"A" * 10_000_000)
    host = serve(with_body(packed, Content_Encoding="gzip"))
    assert fetch_certificate(host.url()) == packed[: MAX_CERTIFICATE + 1]


def test_the_environment_changes_nothing(
    serve: Callable[..., Host], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login alice password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    host = serve(with_body(b"a certificate"))
    assert fetch_certificate(host.url()) == b"a certificate"
    assert "authorization" not in host.asked[0][1]


def test_a_host_whose_tls_certificate_no_known_authority_issued_is_not_believed(
    serve: Callable[..., Host], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tls_files(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(path))
    host = serve(with_body(b"a certificate"), context)
    with pytest.raises(Undecided, match="SSLError"):
        fetch_certificate(host.url("https"))
    assert host.asked == []


def tls_files(folder: Path) -> Path:
    """A key and its self-signed certificate for 127.0.0.1, in one file."""
    key = rsa_key("tls")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "tls.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path
