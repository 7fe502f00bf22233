"""Unit tests are pure: no socket opens, so none can depend on a network or a server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import pytest_socket


@pytest.fixture(autouse=True)
def no_sockets() -> Iterator[None]:
    """Opening a socket fails the test; Unix sockets stay possible, since asyncio and subprocess plumbing use them."""
    pytest_socket.disable_socket(allow_unix_socket=True)
    yield
    pytest_socket.enable_socket()
