"""Target tracking, as Amazon EC2 Auto Scaling says that it does it.

Source: "Target tracking scaling policies for Amazon EC2 Auto Scaling" and "Set the default instance warmup", Amazon EC2 Auto
Scaling User Guide; the alarms' three and fifteen data points are those of the alarms that it makes. Scaling out goes all the
way at once and counts what is already warming up; scaling in is slower, and waits until nothing warms up.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from typing import Any, Self

OUT_MINUTES, IN_MINUTES = 3, 15
IN_BELOW = 0.9
"""Of the target: the low alarm's threshold."""


class TargetTracking:
    """One policy of one group."""

    def __init__(self, target: float, warmup: float, *, least: int, most: int) -> None:
        """``warmup`` in seconds."""
        self.desired = least
        self._target = target
        self._warmup = warmup
        self._least = least
        self._most = most
        self._data: deque[float] = deque(maxlen=IN_MINUTES)
        self._warm_at = 0.0

    @classmethod
    def of_template(cls, configuration: Mapping[str, Any], *, least: int, most: int) -> Self:
        """As `AnnotatorWork` in deploy/stack/servers.yaml has it, with ``Warmup`` beside it."""
        (result,) = (
            metric for metric in configuration["CustomizedMetricSpecification"]["Metrics"] if metric["ReturnData"]
        )
        assert result["Expression"] == "backlog / slots", "the simulation knows another metric"
        return cls(configuration["TargetValue"], configuration["Warmup"], least=least, most=most)

    def datum(self, metric: float, servers: int, now: float) -> None:
        """A minute's value, of so many servers; `desired` follows it."""
        self._data.append(metric)
        latest = list(self._data)[-OUT_MINUTES:]
        if len(latest) == OUT_MINUTES and min(latest) > self._target:
            self._to(max(self.desired, math.ceil(servers * metric / self._target)), now)
        elif len(self._data) == IN_MINUTES and max(self._data) < IN_BELOW * self._target and now >= self._warm_at:
            # What is needed is judged by the busiest of those minutes; the last one may be a lull.
            self._to(min(self.desired, math.ceil(servers * max(self._data) / self._target)), now)

    def _to(self, count: int, now: float) -> None:
        count = min(max(count, self._least), self._most)
        if count > self.desired:
            self._warm_at = now + self._warmup
        elif count < self.desired:
            self._data.clear()  # what was measured with more servers says nothing any more
        self.desired = count
