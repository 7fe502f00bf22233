"""What Prometheus is told of a frontend, whether anybody asks for pages or not."""

from __future__ import annotations

import pytest
from prometheus_client import REGISTRY

from shared.core.errors import Unavailable
from tests.frontend_world import FrontendWorld


def metric(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def test_the_dead_letters_of_every_queue_are_counted(world: FrontendWorld) -> None:
    for _ in range(2):
        world.queues.put(world.settings.job_results_dead_letters, "{}")
    world.app.extensions["gas"].watch.look()
    counted = {channel.name: metric("gas_dead_letters", queue=channel.name) for channel in world.settings.channels}
    assert {queue: count for queue, count in counted.items() if count != 0} == {"job-results": 2}
    assert metric("gas_ready") == 1


def test_a_frontend_that_cannot_count_dead_letters_is_ready_all_the_same(world: FrontendWorld) -> None:
    world.queues.fail_with = Unavailable("SQS is away.")
    with pytest.raises(Unavailable):
        world.app.extensions["gas"].watch.look()
    assert metric("gas_ready") == 1


def test_a_frontend_that_does_not_reach_its_users_says_so(world: FrontendWorld) -> None:
    world.users.fail_with = Unavailable("DynamoDB is away.")
    world.app.extensions["gas"].watch.look()
    assert metric("gas_ready") == 0


def test_a_frontend_that_is_about_to_stop_says_so(world: FrontendWorld) -> None:
    world.app.extensions["gas"].drain()
    world.app.extensions["gas"].watch.look()
    assert metric("gas_ready") == 0


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
