"""What Prometheus is told of a frontend, whether anybody asks for pages or not."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from functools import partial
from threading import Event

import pytest
from prometheus_client import REGISTRY

from frontend.watch import Threads, Watch
from shared.core.errors import Unavailable
from tests.frontend_world import FrontendWorld
from tests.whole import wait_for

PATIENCE = 20.0
"""Seconds for threads on a busy machine."""


def metric(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def watch_of(world: FrontendWorld, monotonic: Callable[[], float] = time.monotonic) -> Watch:
    """The app's own, before its threads have started."""
    threads: Threads = world.app.extensions["gas"]
    threads.watch = Watch(world.services, threads.announcer, monotonic)
    return threads.watch


def look(watch: Watch) -> None:
    """Once at everything."""
    for name in ("database", "bucket"):
        with contextlib.suppress(Unavailable):
            watch.probe(name)


def readyz(world: FrontendWorld) -> tuple[int, dict[str, str]]:
    """The status, and what it says of each check that fails."""
    answer = world.app.test_client().get("/readyz")
    checks = answer.get_json()["checks"]
    return answer.status_code, {name: check["detail"] for name, check in checks.items() if not check["ok"]}


def test_the_dead_letters_of_every_queue_are_counted(world: FrontendWorld) -> None:
    for _ in range(2):
        world.queues.put(world.settings.job_results_dead_letters, "{}")
    watch_of(world).count()
    counted = {channel.name: metric("gas_dead_letters", queue=channel.name) for channel in world.settings.channels}
    assert {queue: count for queue, count in counted.items() if count != 0} == {"job-results": 2}


def test_a_frontend_is_ready_once_it_has_reached_what_its_pages_need(world: FrontendWorld) -> None:
    watch = watch_of(world)
    never = "It was not reached yet."
    assert readyz(world) == (503, {"database": never, "bucket": never})
    watch.probe("database")
    assert (readyz(world), metric("gas_ready")) == ((503, {"bucket": never}), 0)
    watch.probe("bucket")
    assert (readyz(world), metric("gas_ready")) == ((200, {}), 1)


@pytest.mark.parametrize("name", ["database", "bucket"])
def test_what_the_pages_need_may_fail_once_and_is_missed_after_seconds(world: FrontendWorld, name: str) -> None:
    passed = [0.0]
    watch = watch_of(world, lambda: passed[0])
    look(watch)
    {"database": world.users, "bucket": world.results}[name].fail_with = Unavailable("AWS is away.")
    passed[0] = 5
    look(watch)
    assert readyz(world) == (200, {})
    passed[0] = 20
    look(watch)
    assert readyz(world) == (503, {name: "It has not answered for 20 s. AWS is away."})
    assert metric("gas_ready") == 0


def test_while_aws_hangs_whoever_asks_is_answered_and_prometheus_is_told(
    world: FrontendWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = [0.0]
    watch = watch_of(world, lambda: passed[0])
    look(watch)
    assert metric("gas_ready") == 1
    hanging, over = [Event(), Event(), Event()], Event()

    def hang(number: int) -> int:
        hanging[number].set()
        over.wait()
        return 0

    world.probes["database"], world.probes["bucket"] = partial(hang, 0), partial(hang, 1)
    monkeypatch.setattr(world.queues, "count", lambda _: hang(2))
    passed[0] = 46.4
    watch.start()
    try:
        assert all(one.wait(PATIENCE) for one in hanging)
        said = "It has not answered for 46 s."
        assert readyz(world) == (503, {"database": said, "bucket": said})
        wait_for("Prometheus to be told", lambda: metric("gas_ready") == 0, seconds=PATIENCE)
    finally:
        watch.stop()
        over.set()


def test_a_frontend_that_cannot_count_dead_letters_is_ready_all_the_same(world: FrontendWorld) -> None:
    world.queues.fail_with = Unavailable("SQS is away.")
    watch = watch_of(world)
    with pytest.raises(Unavailable):
        watch.count()
    look(watch)
    assert metric("gas_ready") == 1


def test_a_frontend_that_is_about_to_stop_says_so(world: FrontendWorld) -> None:
    watch = watch_of(world)
    look(watch)
    world.app.extensions["gas"].drain()
    watch.report()
    assert metric("gas_ready") == 0
    assert readyz(world) == (503, {"draining": "This server is stopping."})


def test_a_page_is_counted_by_its_name_and_never_by_its_address(world: FrontendWorld) -> None:
    labels = {"endpoint": "(none)", "method": "GET", "status": "404"}
    before = metric("gas_http_requests_total", **labels) or 0
    world.browser().get("/no-such-page-1")
    world.browser().get("/no-such-page-2")
    assert metric("gas_http_requests_total", **labels) == before + 2


@pytest.mark.parametrize("method", ["BREW", "GET2"])
def test_a_method_that_does_not_exist_makes_no_time_series(world: FrontendWorld, method: str) -> None:
    world.app.test_client().open("/", method=method)
    assert metric("gas_http_requests_total", endpoint="(none)", method=method, status="405") is None
    assert metric("gas_http_requests_total", endpoint="(none)", method="(other)", status="405")
