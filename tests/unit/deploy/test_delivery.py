"""Deliveries: which answers are retried, when, and what becomes of the rest. An hour of retries in milliseconds."""

from __future__ import annotations

import pytest

from deploy.local.sns.delivery import Answer, Deliverer, Outlet, Unreachable
from deploy.local.sns.envelope import Push
from deploy.local.sns.policy import DeliveryPolicy
from tests.unit.deploy.virtual import InlineLane, VirtualTime

PUSH = Push(url="http://127.0.0.1:9/hooks/t", body="{}", headers={})
SILENCE = Unreachable("connection refused")


class Scene:
    """An endpoint that answers as told, and what it saw."""

    def __init__(self, *answers: Answer, policy: DeliveryPolicy | None = None, attempt_seconds: float = 0) -> None:
        self.time = VirtualTime()
        self.answers = list(answers)
        self.policy = policy or DeliveryPolicy()
        self.attempt_seconds = attempt_seconds
        self.attempts: list[float] = []
        self.made = 0
        self.given_up: list[tuple[float, str]] = []
        self.outlet = Outlet(InlineLane())
        self.deliverer = Deliverer(self._post, self.time)

    def _post(self, push: Push) -> Answer:
        assert push is PUSH
        self.attempts.append(self.time.now())
        self.time.spend(self.attempt_seconds)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def _make(self) -> Push:
        self.made += 1
        return PUSH

    def deliver(self) -> Scene:
        self.deliverer.deliver(
            self._make,
            self.policy,
            self.outlet,
            give_up=lambda _, reason: self.given_up.append((self.time.now(), reason)),
        )
        return self

    def play(self) -> Scene:
        self.deliver().time.run()
        return self


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_a_success_is_the_end(status: int) -> None:
    scene = Scene(status).play()
    assert (scene.attempts, scene.given_up) == ([0], [])


@pytest.mark.parametrize("answer", [500, 502, 503, 599, 429, 100, SILENCE])
def test_what_may_be_better_later_is_retried_by_the_policy_then_given_up(answer: Answer) -> None:
    scene = Scene(answer).play()
    assert scene.attempts == [0, 20, 40, 60]
    assert [moment for moment, _ in scene.given_up] == [60]


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 408, 410, 413])
def test_any_other_answer_is_permanent(status: int) -> None:
    scene = Scene(status).play()
    assert scene.attempts == [0]
    assert scene.given_up == [(0, f"answered {status}, which is permanent")]


def test_a_retry_that_succeeds_is_the_end() -> None:
    scene = Scene(503, SILENCE, 200).play()
    assert (scene.attempts, scene.given_up) == ([0, 20, 40], [])


def test_a_retry_that_is_refused_for_good_is_the_end() -> None:
    scene = Scene(503, 403).play()
    assert (scene.attempts, len(scene.given_up)) == ([0, 20], 1)


def test_attempts_follow_the_four_phases() -> None:
    policy = DeliveryPolicy(
        retries=9, no_delay_retries=2, min_delay_retries=1, max_delay_retries=3, min_delay=10, max_delay=30
    )
    assert Scene(500, policy=policy).play().attempts == [0, 0, 0, 10, 20, 40, 70, 100, 130, 160]


def test_the_delay_counts_from_the_end_of_an_attempt_that_timed_out() -> None:
    assert Scene(Unreachable("no answer within 15 s"), attempt_seconds=15).play().attempts == [0, 35, 70, 105]


def test_nothing_is_attempted_later_than_an_hour_after_the_publish() -> None:
    policy = DeliveryPolicy(retries=100, min_delay=30, max_delay=30)  # 100 x (30 + 15) s would be 75 minutes
    scene = Scene(Unreachable("no answer within 15 s"), policy=policy, attempt_seconds=15).play()
    assert scene.attempts[-1] <= 3600 < scene.attempts[-1] + 45
    assert "an hour has passed" in scene.given_up[0][1]


def test_the_push_is_made_for_each_attempt_since_its_endpoint_may_move_in_between() -> None:
    scene = Scene(500).play()
    assert (len(scene.attempts), scene.made) == (4, 4)


def test_a_throttle_spreads_attempts_evenly() -> None:
    scene = Scene(200, policy=DeliveryPolicy(per_second=2))
    for _ in range(4):
        scene.deliver()
    scene.time.run()
    assert scene.attempts == [0, 0.5, 1, 1.5]


def test_a_retry_far_off_does_not_hold_up_later_messages_of_a_throttled_subscription() -> None:
    scene = Scene(500, 200, policy=DeliveryPolicy(retries=1, min_delay=600, max_delay=600, per_second=1))
    scene.deliver()
    scene.deliver()
    scene.time.run()
    assert scene.attempts == [0, 1, 600]
