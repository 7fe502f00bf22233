"""Whether a hook server's memory stays where it is, however many pushes come."""

from __future__ import annotations

import statistics

from bench.load_driver import MESSAGES, CertificateHost, Pusher, fresh_certificate, make_requests, make_sender, serving

PUSHES = 100_000
STEP = 5000
"""Pushes between two looks at the memory."""
WARM = 20_000
"""Pushes that are not looked at: threads start, caches and the allocator's arenas fill."""


def measure() -> dict[str, float]:
    """``start_mb`` and ``end_mb``: the worker's resident memory after `WARM` and after all pushes; ``slope_bytes``: what
    each push in between adds by linear regression; ``per_s``: accepted pushes a second over all that time."""
    pem = fresh_certificate()
    curve: list[tuple[int, int]] = []
    with CertificateHost(pem) as host, serving("verified", host.origin) as server:
        pusher = Pusher(server, make_requests(make_sender(pem, host.origin), MESSAGES))
        seconds = 0.0
        for pushed in range(STEP, PUSHES + 1, STEP):
            seconds += pusher.push(STEP)
            server.wait_until_done()
            curve.append((pushed, server.memory))
        assert server.count()["done"] == PUSHES, "a push was taken for a repetition"
    looked_at = [(pushed, memory) for pushed, memory in curve if pushed >= WARM]
    slope, _ = statistics.linear_regression(*zip(*looked_at, strict=True))
    return {
        "start_mb": looked_at[0][1] / 1e6,
        "end_mb": looked_at[-1][1] / 1e6,
        "slope_bytes": slope,
        "per_s": PUSHES / seconds,
    }
