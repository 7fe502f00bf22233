"""From an HTTP request to the moto application of its service."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from deploy.local.gate import Gate

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_LINKS = {"ConfirmSubscription", "Unsubscribe"}
"""SNS actions that are called without credentials, by the links in its messages."""
_POLLED = {"sqs"}
"""Receiving waits for messages: it must not keep others out. SQS promises no order and no single delivery."""
_READS = ("BatchGet", "Describe", "Get", "List", "Query", "Scan")
"""How the names of actions begin that change nothing, in the header that names them."""


class Dispatcher(DomainDispatcherApplication):
    """One request of a service at a time.

    moto's backends are plain dictionaries: without a lock, two threads could both pass the condition of a conditional
    write. It costs nothing, since Python runs one of them at a time anyway.
    """

    def __init__(self, gate: Gate) -> None:
        super().__init__(create_backend_app)
        self._gate = gate
        self._backends: dict[str | None, Any] = {}
        self._locks: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)

    def exclusive(self, service: str) -> AbstractContextManager[Any]:
        """Held while a request of this service runs."""
        return nullcontext() if service in _POLLED else self._locks[service]

    def get_backend_for_host(self, host: str | None) -> Any:
        """moto's, remembered: it matches some hundred patterns."""
        if host not in self._backends:
            self._backends[host] = super().get_backend_for_host(host)
        return self._backends[host]

    def infer_service_region_host(self, environ: dict[str, Any], path: str) -> str | None:
        """moto's, which takes a GET for S3's unless it is signed."""
        if path == "/" and environ["REQUEST_METHOD"] == "GET" and "HTTP_AUTHORIZATION" not in environ:
            query = parse_qs(environ.get("QUERY_STRING", ""))
            if _LINKS & set(query.get("Action", [])):
                arn = (query.get("TopicArn") or query.get("SubscriptionArn") or [""])[0]
                parts = arn.split(":")
                return f"sns.{parts[3] if len(parts) > 3 else 'us-east-1'}.amazonaws.com"
        return super().infer_service_region_host(environ, path)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        app = self.get_application(environ)
        passing = self._gate.look() if _only_reads(environ) else self._gate.change()
        with passing, self.exclusive(str(app.service)):  # type: ignore[attr-defined]  # moto's own mark
            return list(app(environ, start_response))


def _only_reads(environ: WSGIEnvironment) -> bool:
    """Certainly. What is not known to be a read may be one all the same."""
    if environ["REQUEST_METHOD"] in {"GET", "HEAD"}:
        return "Action=" not in environ.get("QUERY_STRING", "")
    action: str = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    return action.startswith(_READS)
