"""The real timer and threads: nobody waits for somebody else's endpoint."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from deploy.local.sns.delivery import Answer, Deliverer, Outlet
from deploy.local.sns.envelope import Push
from deploy.local.sns.lanes import ThreadLane, ThreadTimer
from deploy.local.sns.policy import DeliveryPolicy

SOON = 10.0
"""Seconds after which something that should have happened has not."""


def push(url: str) -> Push:
    return Push(url=url, body="{}", headers={})


class HangingEndpoint:
    """``hanging`` never answers until released; any other answers at once."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.hanging = threading.Semaphore(0)
        self.delivered = threading.Event()

    def post(self, push: Push) -> Answer:
        if push.url == "hanging":
            self.hanging.release()
            self.release.wait(SOON)
        else:
            self.delivered.set()
        return 200


@pytest.fixture
def endpoint() -> Iterator[HangingEndpoint]:
    endpoint = HangingEndpoint()
    yield endpoint
    endpoint.release.set()


def fail(push: Push, reason: str) -> None:
    raise AssertionError(f"{push.url} was given up: {reason}")


def test_publishing_is_not_held_up_by_a_hanging_endpoint(endpoint: HangingEndpoint) -> None:
    deliverer, outlet = Deliverer(endpoint.post, ThreadTimer()), Outlet(ThreadLane(width=1))
    for _ in range(3):
        deliverer.deliver(lambda: push("hanging"), DeliveryPolicy(), outlet, give_up=fail)  # returns, or the test hangs
    assert endpoint.hanging.acquire(timeout=SOON)


def test_a_hanging_endpoint_does_not_hold_up_another(endpoint: HangingEndpoint) -> None:
    deliverer = Deliverer(endpoint.post, ThreadTimer())
    hanging = Outlet(ThreadLane(width=1))
    for _ in range(3):
        deliverer.deliver(lambda: push("hanging"), DeliveryPolicy(), hanging, give_up=fail)
    assert endpoint.hanging.acquire(timeout=SOON)
    deliverer.deliver(lambda: push("healthy"), DeliveryPolicy(), Outlet(ThreadLane(width=1)), give_up=fail)
    assert endpoint.delivered.wait(SOON)


def test_a_lane_runs_as_many_tasks_at_once_as_it_is_wide() -> None:
    lane, met = ThreadLane(width=3), threading.Barrier(4)

    def meet() -> None:
        met.wait(SOON)

    for _ in range(3):
        lane.run(meet)
    met.wait(SOON)  # raises unless all three run at once


def test_a_lane_runs_no_more_tasks_at_once_than_it_is_wide() -> None:
    lane, release, lock = ThreadLane(width=2), threading.Event(), threading.Lock()
    started, done = threading.Semaphore(0), threading.Semaphore(0)
    running = most = 0

    def task() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        started.release()
        release.wait(SOON)
        with lock:
            running -= 1
        done.release()

    for _ in range(6):
        lane.run(task)
    assert started.acquire(timeout=SOON)
    assert started.acquire(timeout=SOON)
    release.set()
    assert all(done.acquire(timeout=SOON) for _ in range(6))
    assert most == 2


def test_a_task_that_fails_does_not_end_its_lane(capsys: pytest.CaptureFixture[str]) -> None:
    lane, ran = ThreadLane(width=1), threading.Event()

    def broken() -> None:
        raise ValueError("a broken task")

    lane.run(broken)
    lane.run(ran.set)
    assert ran.wait(SOON)
    assert "a broken task" in capsys.readouterr().err


def test_the_timer_runs_tasks_in_the_order_in_which_they_are_due() -> None:
    timer, done, order = ThreadTimer(), threading.Event(), list[str]()
    timer.later(0.06, done.set)
    timer.later(0.05, lambda: order.append("later"))
    timer.later(0.0, lambda: order.append("at once"))
    timer.later(0.02, lambda: order.append("soon"))
    assert done.wait(SOON)
    assert order == ["at once", "soon", "later"]
