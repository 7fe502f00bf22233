"""Family 8: what becomes of pushes when certificates cannot be had, and what made-up certificate names can do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.sns_verify import Refused, Undecided
from tests.sns_sender import Envelope, SnsSender, certificate, rsa_key
from tests.unit.sns_verify.endpoint import Endpoint

HOST = "https://sns.us-east-1.amazonaws.com"


def url(number: int) -> str:
    return f"{HOST}/SimpleNotificationService-{number:032x}.pem"


def from_certificate(sender: SnsSender, number: int) -> Envelope:
    """A message whose certificate lies at `url` of that number."""
    return sender.notification() | {"SigningCertURL": url(number)}


class Host:
    """A certificate host that can be away, hang, and answer what the test says."""

    def __init__(self) -> None:
        self.pem = certificate()
        self.asked: list[str] = []
        self.trouble: Exception | None = None
        self.made_up: Callable[[str], bool] = lambda _: False
        self.answers = threading.Event()
        self.answers.set()
        self._lock = threading.Lock()

    def fetch(self, url: str) -> bytes:
        with self._lock:
            self.asked.append(url)
        assert self.answers.wait(60)
        if self.trouble is not None:
            raise self.trouble
        if self.made_up(url):
            raise Undecided("certificate-unavailable", "The certificate's host answered 404, not 200.")
        return self.pem


@pytest.fixture
def host() -> Iterator[Host]:
    host = Host()
    yield host
    host.answers.set()


@pytest.fixture
def endpoint(host: Host) -> Endpoint:
    return Endpoint(fetch=host.fetch)


def until(condition: Callable[[], bool]) -> None:
    """Waits for another thread."""
    deadline = time.monotonic() + 30
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline
        pause.wait(0.001)


@pytest.mark.parametrize(
    "trouble",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        OSError("no route"),
        LookupError("404"),
        ValueError("anything"),
        RuntimeError("a fetcher's own mistake"),
        Undecided("certificate-unavailable", "The certificate's host answered 503, not 200."),
    ],
    ids=lambda trouble: type(trouble).__name__,
)
def test_a_certificate_host_that_is_away_leads_to_a_retry(host: Host, endpoint: Endpoint, trouble: Exception) -> None:
    host.trouble = trouble
    error = endpoint.error(endpoint.sender.notification())
    assert isinstance(error, Undecided)
    assert (error.status, error.reason, error.is_final) == (503, "certificate-unavailable", False)


def test_a_push_is_believed_as_soon_as_the_host_is_back(host: Host, endpoint: Endpoint) -> None:
    envelope = endpoint.sender.notification()
    host.trouble = OSError()
    assert endpoint.reason(envelope)[0] == 503
    host.trouble = None
    assert endpoint.believes(envelope)


def test_a_failure_that_repeats_itself_is_remembered_for_a_few_seconds(host: Host, endpoint: Endpoint) -> None:
    envelope = endpoint.sender.notification()
    host.trouble = OSError()
    for _ in range(100):
        assert endpoint.reason(envelope)[0] == 503
    assert len(host.asked) == 2
    host.trouble = None
    assert endpoint.reason(envelope)[0] == 503
    endpoint.wait(seconds=5)
    assert endpoint.believes(envelope)


def test_a_clock_that_is_set_back_does_not_prolong_a_failure(host: Host, endpoint: Endpoint) -> None:
    host.trouble = OSError()
    for _ in range(3):
        assert endpoint.reason(endpoint.sender.notification())[0] == 503
    host.trouble = None
    endpoint.wait(minutes=-10)
    assert endpoint.believes(endpoint.sender.notification(at=endpoint.time))


def test_a_bad_certificate_is_refused_and_fetched_anew_after_a_few_seconds(host: Host, endpoint: Endpoint) -> None:
    good, host.pem = host.pem, certificate(is_ca=True)
    for _ in range(10):
        assert isinstance(endpoint.error(endpoint.sender.notification()), Refused)
    assert len(host.asked) == 2
    host.pem = good
    endpoint.wait(seconds=5)
    assert endpoint.believes(endpoint.sender.notification())


def test_a_certificate_is_fetched_once(host: Host, endpoint: Endpoint) -> None:
    for _ in range(50):
        endpoint.push(endpoint.sender.notification())
    assert len(host.asked) == 1


def test_a_known_certificate_serves_while_its_host_is_away(host: Host, endpoint: Endpoint) -> None:
    endpoint.push(endpoint.sender.notification())
    host.trouble = OSError()
    endpoint.wait(hours=5)
    assert endpoint.believes(endpoint.sender.notification(at=endpoint.time))


def test_a_rotated_certificate_is_fetched_beside_the_old_one(host: Host, endpoint: Endpoint) -> None:
    for number in (1, 2, 1, 2):
        assert endpoint.believes(from_certificate(endpoint.sender, number))
    assert host.asked == [url(1), url(2)]


def test_pushes_that_arrive_together_share_one_fetch(host: Host, endpoint: Endpoint) -> None:
    host.answers.clear()
    envelopes = [endpoint.sender.notification() for _ in range(16)]
    with ThreadPoolExecutor(16) as threads:
        answers = [threads.submit(endpoint.believes, envelope) for envelope in envelopes]
        until(lambda: len(host.asked) == 1)
        host.answers.set()
        assert all(answer.result(30) for answer in answers)
    assert len(host.asked) == 1


def test_pushes_that_arrive_together_share_one_failure(host: Host, endpoint: Endpoint) -> None:
    host.answers.clear()
    host.trouble = OSError()
    envelopes = [endpoint.sender.notification() for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        errors = [threads.submit(endpoint.error, envelope) for envelope in envelopes]
        until(lambda: len(host.asked) == 1)
        host.answers.set()
        found = [error.result(30) for error in errors]
    assert {error.status for error in found} == {503}
    assert len({id(error) for error in found}) == 8, "each thread raises an error of its own"


def test_a_host_that_hangs_leads_to_a_retry_in_time_and_disturbs_nobody_else(host: Host) -> None:
    endpoint = Endpoint(fetch=host.fetch, patience=0.05)
    assert endpoint.believes(from_certificate(endpoint.sender, 1))
    host.answers.clear()
    assert endpoint.reason(from_certificate(endpoint.sender, 2)) == (503, "certificate-unavailable")
    assert endpoint.believes(from_certificate(endpoint.sender, 1))
    start = time.monotonic()
    for _ in range(200):
        assert endpoint.reason(from_certificate(endpoint.sender, 2)) == (503, "certificate-unavailable")
    assert time.monotonic() - start < 5, "nobody waits again for a fetch that was waited for in vain"
    assert host.asked == [url(1), url(2)]


def test_what_was_fetched_too_late_for_one_push_serves_the_next(host: Host) -> None:
    endpoint = Endpoint(fetch=host.fetch, patience=0.05)
    host.answers.clear()
    assert endpoint.reason(endpoint.sender.notification())[0] == 503
    host.answers.set()
    until(lambda: not endpoint.store._flights)
    assert endpoint.believes(endpoint.sender.notification())
    assert len(host.asked) == 1


def test_no_more_than_four_fetches_are_under_way(host: Host) -> None:
    endpoint = Endpoint(fetch=host.fetch, patience=0.02)
    host.answers.clear()
    reasons = [endpoint.reason(from_certificate(endpoint.sender, number)) for number in range(8)]
    assert reasons == [(503, "certificate-unavailable")] * 4 + [(503, "certificate-budget")] * 4
    assert len(host.asked) == 4


def test_made_up_names_do_not_become_a_flood_of_requests(host: Host, endpoint: Endpoint) -> None:
    host.made_up = lambda _: True
    statuses = {endpoint.error(from_certificate(endpoint.sender, number)).status for number in range(1000)}
    assert statuses == {503}
    assert len(host.asked) == 10
    for _ in range(60):
        endpoint.wait(seconds=1)
        for number in range(2000, 2010):
            endpoint.error(from_certificate(endpoint.sender, number))
    assert len(host.asked) <= 10 + 60


def test_where_no_stranger_asks_made_up_names_keep_nobody_from_a_certificate(host: Host) -> None:
    endpoint = Endpoint(fetch=host.fetch, is_bounded=False)
    host.made_up = lambda asked: asked != url(0)
    for number in range(1, 31):
        endpoint.error(from_certificate(endpoint.sender, number))
    assert endpoint.believes(from_certificate(endpoint.sender, 0))
    assert len(host.asked) == 31


def test_a_flood_does_not_stop_messages_with_a_known_certificate(host: Host, endpoint: Endpoint) -> None:
    endpoint.push(from_certificate(endpoint.sender, 0))
    host.made_up = lambda _: True
    for number in range(1, 500):
        endpoint.error(from_certificate(endpoint.sender, number))
        assert endpoint.believes(from_certificate(endpoint.sender, 0))
    assert host.asked.count(url(0)) == 1


def test_a_new_certificate_gets_through_when_the_flood_is_over(host: Host, endpoint: Endpoint) -> None:
    host.made_up = lambda url_: url_ != url(0)
    for number in range(1, 100):
        endpoint.error(from_certificate(endpoint.sender, number))
    assert endpoint.reason(from_certificate(endpoint.sender, 0)) == (503, "certificate-budget")
    endpoint.wait(seconds=2)
    assert endpoint.believes(from_certificate(endpoint.sender, 0))


def test_certificates_that_verify_messages_cost_no_budget(host: Host, endpoint: Endpoint) -> None:
    for number in range(100):
        assert endpoint.believes(from_certificate(endpoint.sender, number))
    assert len(host.asked) == 100


def test_the_cache_is_bounded_and_forgets_what_was_used_least_recently(host: Host, endpoint: Endpoint) -> None:
    for number in range(33):
        endpoint.push(from_certificate(endpoint.sender, number))
        endpoint.push(from_certificate(endpoint.sender, 0))
    assert len(endpoint.store._kept) == 32
    asked = len(host.asked)
    endpoint.push(from_certificate(endpoint.sender, 0))
    endpoint.push(from_certificate(endpoint.sender, 32))
    assert len(host.asked) == asked
    endpoint.push(from_certificate(endpoint.sender, 1))
    assert len(host.asked) == asked + 1


def test_real_certificates_that_verified_nothing_push_out_none_that_did(host: Host, endpoint: Endpoint) -> None:
    """SNS's old certificates still lie on its host: their names need not be made up."""
    for number in range(5):
        endpoint.push(from_certificate(endpoint.sender, number))
    mallory = SnsSender(key=rsa_key("mallory"))
    for number in range(100, 300):
        endpoint.wait(seconds=1)
        assert endpoint.reason(from_certificate(mallory, number)) == (403, "signature")
    asked = len(host.asked)
    for number in range(5):
        assert endpoint.believes(from_certificate(endpoint.sender, number))
    assert len(host.asked) == asked


def test_failures_are_remembered_within_bounds(host: Host, endpoint: Endpoint) -> None:
    host.made_up = lambda _: True
    for number in range(400):
        endpoint.wait(seconds=1)
        assert endpoint.error(from_certificate(endpoint.sender, number)).status == 503
    assert len(endpoint.store._failures) <= 256


def test_a_thread_that_cannot_be_started_leads_to_a_retry(
    host: Host, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        assert endpoint.reason(endpoint.sender.notification()) == (503, "certificate-unavailable")
    assert endpoint.believes(endpoint.sender.notification())
