"""Where signing certificates are kept, and the only door through which new ones come in.

The URL of a certificate stands in a request that nobody has verified yet. So a URL is fetched only from the host that
the topic implies, once for all who ask at the same time, and only as often as a budget allows: made-up names on the
right host must neither become a flood of requests to it nor push out the certificates in use.
"""

from __future__ import annotations

import ipaddress
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from shared.sns_verify.certificates import SigningCertificate
from shared.sns_verify.errors import Refused, Undecided, VerificationError
from shared.sns_verify.fetch import fetch_certificate
from shared.sns_verify.topics import Topic

_PATH = re.compile(r"/SimpleNotificationService-[0-9A-Fa-f]{1,128}\.pem").fullmatch

_KEPT = 32
_FLIGHTS = 4
_BUDGET = 10.0
_BUDGET_PER_SECOND = 1.0
_FAILURES = 256
_FAILURE_MEMORY = timedelta(seconds=5)


def utc_now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


@dataclass(slots=True)
class _Kept:
    certificate: SigningCertificate
    proven: bool = False
    """It has verified a message."""


@dataclass(slots=True)
class _Flight:
    """A fetch under way. It never holds an exception of its own: the outcome is raised anew for everyone who waits."""

    outcome: Future[SigningCertificate | VerificationError] = field(default_factory=Future)
    started: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class _Failure:
    error: VerificationError
    at: datetime
    repeated: bool


class CertificateStore:
    """Signing certificates by URL. Safe to share between threads, and meant to be: one store a process.

    ``fetch`` answers the bytes at a URL; whatever it raises means that the certificate cannot be had now. ``now`` answers
    an aware datetime. ``extra_origin`` (such as ``http://127.0.0.1:8003``) is one more origin whose certificates count for
    every topic, for a stand-in of SNS on the same machine; `ValueError` unless it is a loopback address. ``patience`` is
    for how many seconds a request waits for a fetch. ``is_bounded``: False where no stranger can ask, as at an operator's
    terminal; then neither the number of fetches under way nor the budget below keeps anybody from a certificate.

    - 32 certificates are kept. Those that have verified a message are the last to go, so that nobody can push them out
      without SNS's private keys.
    - Requests for the same URL share one fetch; at most four fetches are under way.
    - Fetches have a budget: ten at once, one more each second. A certificate that verifies a message gives its own back.
    - A certificate that failed twice within five seconds is not asked for again for five more.
    """

    def __init__(
        self,
        *,
        fetch: Callable[[str], bytes] = fetch_certificate,
        now: Callable[[], datetime] = utc_now,
        extra_origin: str | None = None,
        patience: float = 5.0,
        is_bounded: bool = True,
    ) -> None:
        if extra_origin is not None and not _is_loopback_origin(extra_origin):
            raise ValueError(
                f"{extra_origin!r} is not a loopback origin such as http://127.0.0.1:8003; "
                "certificates from anywhere else than SNS and this machine are never trusted."
            )
        self._fetch = fetch
        self._now = now
        self._extra_origin = extra_origin
        self._patience = patience
        self._is_bounded = is_bounded
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        """The first is the next to go."""
        self._flights: dict[str, _Flight] = {}
        self._failures: OrderedDict[str, _Failure] = OrderedDict()
        self._budget = _BUDGET
        self._budget_at = now()

    def get(self, url: str, topic: Topic) -> SigningCertificate:
        """The certificate at ``url``.

        Raises `Refused` when it cannot be where certificates of the topic's region lie, or is not a proper certificate;
        `Undecided` when it cannot be had now. That includes an answer of 403 or 404 from the right host: a made-up name
        gets a 503 then, which costs nobody anything, while refusing would lose genuine messages to a fault of the host.
        """
        kept = self._kept.get(url)
        if not self._may_lie_at(url, topic):
            raise Refused("certificate-url", "SigningCertURL is not where SNS keeps the certificates of this region.")
        if kept is not None:
            return kept.certificate
        flight = self._join(url)
        try:
            outcome = flight.outcome.result(self._patience)
        except TimeoutError:
            raise Undecided("certificate-unavailable", "The certificate's host takes too long.") from None
        if isinstance(outcome, VerificationError):
            raise _anew(outcome)
        return outcome

    def proven(self, url: str) -> None:
        """The certificate at ``url`` has verified a message: it is in use."""
        with self._lock:
            kept = self._kept.get(url)
            if kept is None:
                return
            self._kept.move_to_end(url)
            if not kept.proven:
                kept.proven = True
                self._budget = min(_BUDGET, self._budget + 1)

    def _may_lie_at(self, url: str, topic: Topic) -> bool:
        """Compared as text, not parsed: no two readers can then disagree about what is host and what is path."""
        origin = topic.certificate_origin
        if not url.startswith(origin):
            if self._extra_origin is None or not url.startswith(self._extra_origin):
                return False
            origin = self._extra_origin
        return _PATH(url, len(origin)) is not None

    def _join(self, url: str) -> _Flight:
        """The fetch of ``url`` that is under way, or a new one. Raises what is known of it to fail."""
        with self._lock:
            flight = self._flights.get(url)
            if flight is not None:
                if time.monotonic() - flight.started > self._patience:
                    raise Undecided("certificate-unavailable", "The certificate's host takes too long.")
                return flight
            flight = _Flight()
            if (kept := self._kept.get(url)) is not None:  # it landed since we looked
                flight.outcome.set_result(kept.certificate)
                return flight
            now = self._now()
            failure = self._failures.get(url)
            if failure is not None and failure.repeated and _is_recent(failure.at, now):
                raise _anew(failure.error)
            if self._is_bounded and (len(self._flights) >= _FLIGHTS or not self._spend(now)):
                raise Undecided("certificate-budget", "Too many unknown certificates are asked for at this moment.")
            self._flights[url] = flight
        try:
            # a thread of its own: whoever waits gives up in time, whatever the fetcher (or the name server) does
            threading.Thread(target=self._fly, args=(url, flight), name="sns-certificate", daemon=True).start()
        except RuntimeError:
            self._land(url, flight, Undecided("certificate-unavailable", "No thread can be started."))
        return flight

    def _spend(self, now: datetime) -> bool:
        passed = max(0.0, (now - self._budget_at).total_seconds())  # a clock may be set back
        self._budget = min(_BUDGET, self._budget + passed * _BUDGET_PER_SECOND)
        self._budget_at = now
        if self._budget < 1:
            return False
        self._budget -= 1
        return True

    def _fly(self, url: str, flight: _Flight) -> None:
        outcome: SigningCertificate | VerificationError
        outcome = Undecided("certificate-unavailable", "The certificate cannot be fetched.")
        try:
            outcome = SigningCertificate.from_pem(self._fetch(url))
        except VerificationError as error:
            outcome = error
        except Exception as error:  # noqa: BLE001 - the fetcher is handed in: whatever it raises, we cannot decide
            outcome = Undecided(
                "certificate-unavailable", f"The certificate cannot be fetched ({type(error).__name__})."
            )
        finally:
            self._land(url, flight, outcome)

    def _land(self, url: str, flight: _Flight, outcome: SigningCertificate | VerificationError) -> None:
        with self._lock:
            del self._flights[url]
            if isinstance(outcome, VerificationError):
                now = self._now()
                earlier = self._failures.pop(url, None)
                # one failure may be chance, and the next message may be the one that gets through
                self._failures[url] = _Failure(outcome, now, earlier is not None and _is_recent(earlier.at, now))
                while len(self._failures) > _FAILURES:
                    self._failures.popitem(last=False)
            else:
                self._failures.pop(url, None)
                while len(self._kept) >= _KEPT:
                    self._kept.popitem(last=False)
                self._kept[url] = _Kept(outcome)
                self._kept.move_to_end(url, last=False)  # first to go, until it has proven itself
        flight.outcome.set_result(outcome)


def _is_recent(moment: datetime, now: datetime) -> bool:
    return timedelta(0) <= now - moment < _FAILURE_MEMORY


def _anew(error: VerificationError) -> VerificationError:
    """The same verdict for one more thread: raising one object twice mixes up their tracebacks."""
    return (Refused if error.is_final else Undecided)(error.reason, str(error))


def _is_loopback_origin(origin: str) -> bool:
    try:
        parts = urlsplit(origin)
        host, _ = parts.hostname, parts.port
        if parts.scheme not in ("http", "https") or not host or origin != f"{parts.scheme}://{parts.netloc}":
            return False
        if "@" in parts.netloc or parts.netloc.endswith(":"):
            return False
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
