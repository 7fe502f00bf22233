"""EventBridge rules on a schedule: every so often a message to topics.

Source: "Schedule types in EventBridge rules", Amazon EventBridge User Guide.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from moto.core.exceptions import ServiceException

from deploy.local.sns.lanes import Timer
from deploy.local.sns.publisher import Publish
from shared.core.clock import Clock, utc_now

log = logging.getLogger(__name__)

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}


class InvalidSchedule(ValueError):
    """The local cloud cannot keep to this schedule. ``str(error)`` says why."""


class Schedules:
    """The rules of all regions. They cannot be seen through EventBridge's API."""

    timer: ClassVar[Timer]
    publish: ClassVar[Publish]
    """Both are set once, by `install`."""
    now: ClassVar[Clock] = staticmethod(utc_now)

    @classmethod
    def add(cls, expression: str, inputs: Mapping[str, str]) -> Rule:
        """From now on each topic (by its ARN) gets its message, the first time when the period has passed once.

        Raises `InvalidSchedule`.
        """
        rule = Rule(period(expression), inputs)
        rule.wait()
        return rule


@dataclass
class Rule:
    """One of them."""

    seconds: float
    inputs: Mapping[str, str]
    enabled: bool = True

    def wait(self) -> None:
        """Until a period has passed."""
        Schedules.timer.at(Schedules.now() + timedelta(seconds=self.seconds), self.fire)

    def fire(self) -> None:
        """It has. While the cloud did not run, several may have: what was missed is made up for once."""
        if not self.enabled:
            return
        self.wait()
        for topic_arn, message in self.inputs.items():
            try:
                Schedules.publish(topic_arn, message)
            except ServiceException as error:
                log.warning("a scheduled message went nowhere: %s", error)


def period(expression: str) -> float:
    """Seconds of a rate. Raises `InvalidSchedule` for anything else."""
    found = _RATE.fullmatch(expression)
    if found is None or found[1] == "0":
        raise InvalidSchedule(f"The local cloud knows rate(n minutes|hours|days), and not {expression!r}.")
    return float(int(found[1]) * _SECONDS[found[2]])


def install(timer: Timer, publish: Publish) -> None:
    """Rules go by this timer and publish so."""
    Schedules.timer = timer
    Schedules.publish = staticmethod(publish)
