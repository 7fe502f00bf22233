"""Rules on a schedule."""

from __future__ import annotations

import pytest
from moto.sns.exceptions import TopicNotFound

from deploy.local.schedule import InvalidSchedule, Schedules, period
from tests.unit.deploy.virtual import Told, VirtualTime

TOPIC = "arn:aws:sns:us-east-1:123456789012:daily"
DAY = 24 * 60 * 60.0


class Scene:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.time, self.told = VirtualTime(), Told()
        monkeypatch.setattr(Schedules, "timer", self.time, raising=False)
        monkeypatch.setattr(Schedules, "now", self.time.wall)
        monkeypatch.setattr(Schedules, "publish", self.told, raising=False)
        Schedules.add("rate(1 day)", {TOPIC: "{}"})


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


def test_the_first_message_comes_after_one_period_and_then_one_each(scene: Scene) -> None:
    scene.time.pass_by(DAY - 1)
    assert scene.told.messages == []
    scene.time.pass_by(2)
    assert scene.told.messages == [(TOPIC, "{}")]
    scene.time.pass_by(2 * DAY)
    assert len(scene.told.messages) == 3


def test_a_message_that_goes_nowhere_does_not_end_the_rule(scene: Scene) -> None:
    scene.told.error = TopicNotFound()
    scene.time.pass_by(DAY)
    scene.told.error = None
    scene.time.pass_by(DAY)
    assert len(scene.told.messages) == 1


@pytest.mark.parametrize(
    ("expression", "seconds"), [("rate(1 minute)", 60), ("rate(6 hours)", 6 * 60 * 60), ("rate(7 days)", 7 * DAY)]
)
def test_rates(expression: str, seconds: float) -> None:
    assert period(expression) == seconds


@pytest.mark.parametrize("expression", ["cron(0 3 * * ? *)", "rate(0 days)", "rate(1 week)", ""])
def test_other_schedules_are_refused(expression: str) -> None:
    with pytest.raises(InvalidSchedule):
        period(expression)
