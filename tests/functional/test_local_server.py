"""The local cloud as a process and as an HTTP server."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.functional.local_cloud import LocalCloud, endpoint, running_cloud
from tests.whole import HOST


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with running_cloud() as running:
        yield running


@pytest.fixture
def connection(cloud: LocalCloud) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(HOST, cloud.port, timeout=10)
    yield connection
    connection.close()


def test_one_connection_serves_many_requests(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/healthz")
    connection.getresponse().read()
    first = connection.sock
    for method, path, body in [
        ("PUT", "/no-bucket/key", b"x" * 100_000),
        ("HEAD", "/mailbox", None),
        ("GET", "/healthz", None),
    ]:
        connection.request(method, path, body)
        connection.getresponse().read()
    assert first is not None
    assert connection.sock is first


def test_a_body_in_chunks_is_read_whole(cloud: LocalCloud, connection: http.client.HTTPConnection) -> None:
    s3 = cloud.aws("s3")
    s3.create_bucket(Bucket="chunks")
    connection.request("PUT", "/chunks/key", iter([b"ab", b"cd"]), encode_chunked=True)
    assert connection.getresponse().read() == b""
    assert s3.get_object(Bucket="chunks", Key="key")["Body"].read() == b"abcd"


def test_a_client_that_asks_first_is_told_to_go_on(cloud: LocalCloud) -> None:
    with socket.create_connection((HOST, cloud.port), timeout=10) as client:
        client.sendall(b"PUT /no-bucket/key HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"abc")
        assert client.recv(12) == b"HTTP/1.1 404"


def test_a_request_that_fails_inside_is_answered_and_the_next_one_served(
    connection: http.client.HTTPConnection,
) -> None:
    broken = {
        "X-Amz-Target": "DynamoDB_20120810.PutItem",
        "Authorization": "AWS4-HMAC-SHA256 Credential=a/b/us-east-1/dynamodb/aws4_request",
    }
    connection.request("POST", "/", b"no json", headers=broken)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 500
    connection.request("GET", "/healthz")
    assert connection.getresponse().status == 200


def test_metadata_keys_keep_their_underscores(cloud: LocalCloud) -> None:
    s3 = cloud.aws("s3")
    s3.create_bucket(Bucket="metadata")
    s3.put_object(Bucket="metadata", Key="k", Body=b"", Metadata={"a_b": "c"})
    assert s3.head_object(Bucket="metadata", Key="k")["Metadata"] == {"a_b": "c"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_when_told_even_while_an_endpoint_hangs(number: signal.Signals) -> None:
    with running_cloud() as cloud, endpoint() as hanging:
        hanging.gate.clear()
        sns = cloud.aws("sns")
        topic = sns.create_topic(Name="t")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hanging.url)
        hanging.next()  # the confirmation, which is not answered
        cloud.process.send_signal(number)
        assert cloud.process.wait(timeout=5) == 0


def test_a_port_in_use_is_one_line() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "deploy.local", "--port", port]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert result.stderr == f"gas: the local cloud cannot listen on port {port}: Address already in use\n"


def test_it_listens_on_loopback_alone(cloud: LocalCloud) -> None:
    addresses = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {HOST}
    for address in addresses:
        if not str(address).startswith("127."):
            with socket.socket() as client:
                client.settimeout(2)
                assert client.connect_ex((str(address), cloud.port)) != 0
