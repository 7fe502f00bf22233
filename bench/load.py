"""How many pushes one gunicorn worker takes, and what it costs when the certificate host is away.

Both servers stand side by side and are pushed to in turns, so that whatever else the machine does meets both alike. The
medians of the rounds count. What is compared is taking pushes: the handlers are busy meanwhile, as they are in life, and
what was accepted waits in the table until the round is over. Beside it stands what is taken and handled, by a handler
that does nothing.
"""

from __future__ import annotations

import statistics
import threading
import time

from bench.load_driver import (
    MESSAGES,
    CertificateHost,
    Line,
    Pusher,
    Server,
    fresh_certificate,
    make_requests,
    make_sender,
    serving,
)

ROUNDS = 7
PUSHES = 2000
"""In a round."""
PACED = 500
"""Pushes whose latency is measured, one after the other."""
PAUSE_SECONDS = 0.01
STRANGERS = 6
"""Connections on which messages come whose certificate is not known yet."""


def measure() -> dict[str, float]:
    """``verified_per_s``, ``bare_per_s``, ``ratio``; ``handled_per_s``, taken and handled; milliseconds of a push while the certificate host is there
    (``median_ms``, ``p99_ms``) and while it is away (``away_median_ms``, ``away_p99_ms``; ``away_ratio`` of the medians)."""
    pem = fresh_certificate()
    with CertificateHost(pem) as host:
        requests = make_requests(make_sender(pem, host.origin), MESSAGES)
        with serving("verified", host.origin) as verified, serving("bare", host.origin) as bare:
            rates = _rates(Pusher(verified, requests), Pusher(bare, requests))
            handled = [_handled(Pusher(verified, requests)) for _ in range(ROUNDS)]
            median, p99 = _latency(verified, requests)
            host.is_away.set()
            away_median, away_p99 = _latency_beside_strangers(verified, requests, pem, host.origin)
    return {
        "verified_per_s": statistics.median(mine for mine, _ in rates),
        "bare_per_s": statistics.median(theirs for _, theirs in rates),
        "ratio": statistics.median(mine / theirs for mine, theirs in rates),
        "handled_per_s": statistics.median(handled),
        "median_ms": median,
        "p99_ms": p99,
        "away_median_ms": away_median,
        "away_ratio": away_median / median,
        "away_p99_ms": away_p99,
    }


def _rates(verified: Pusher, bare: Pusher) -> list[tuple[float, float]]:
    """Pushes a second of both, in each round."""

    def mine() -> float:
        verified.server.let_handlers("wait")
        rate = PUSHES / verified.push(PUSHES)
        verified.server.let_handlers("go")
        verified.server.wait_until_done()
        return rate

    def theirs() -> float:
        return PUSHES / bare.push(PUSHES)

    mine(), theirs()  # warm
    before = verified.server.count()["done"]
    rates = [(mine(), theirs()) for _ in range(ROUNDS)]
    assert verified.server.count()["done"] - before == ROUNDS * PUSHES, "a push was taken for a repetition"
    return rates


def _handled(pusher: Pusher) -> float:
    """Pushes a second, until the last one was handled."""
    began = time.perf_counter()
    pusher.push(PUSHES)
    pusher.server.wait_until_done()
    return PUSHES / (time.perf_counter() - began)


def _latency(server: Server, requests: list[bytes]) -> tuple[float, float]:
    """Median and 99th percentile, in milliseconds."""
    line, taken = Line(server), []
    pause = threading.Event()
    for raw in requests[:PACED]:
        began = time.perf_counter()
        status = line.push(raw)
        taken.append((time.perf_counter() - began) * 1000)
        assert status == 200, f"a push was answered {status}"
        pause.wait(PAUSE_SECONDS)
    line.close()
    server.wait_until_done()
    return statistics.median(taken), sorted(taken)[int(len(taken) * 0.99) - 1]


def _latency_beside_strangers(server: Server, requests: list[bytes], pem: bytes, origin: str) -> tuple[float, float]:
    """As `_latency`, while others push messages whose certificates would have to be fetched: each gets a 503."""
    over = threading.Event()
    answers: list[int] = []

    def push_strangers(number: int) -> None:
        stranger = make_requests(make_sender(pem, origin, f"{number + 1:032x}"), 1)[0]
        line = Line(server)
        while not over.is_set():
            answers.append(line.push(stranger))
            over.wait(PAUSE_SECONDS)
        line.close()

    threads = [threading.Thread(target=push_strangers, args=(number,)) for number in range(STRANGERS)]
    for thread in threads:
        thread.start()
    try:
        found = _latency(server, requests)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert set(answers) == {503}, f"messages with an unknown certificate were answered {set(answers)}"
    return found
