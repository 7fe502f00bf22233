"""What annotators tell CloudWatch, as Auto Scaling reads it there."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.aws.metrics import CloudWatchMetrics
from shared.aws.session import client
from shared.core.clock import utc_now
from shared.core.load import Load
from tests.contract.conftest import SETTINGS

NAMESPACE = "GAS/gas"


@pytest.mark.usefixtures("moto")
def test_of_several_annotators_the_slots_are_summed_up_and_the_backlog_is_counted_once() -> None:
    cloudwatch = client(SETTINGS, "cloudwatch")
    metrics = CloudWatchMetrics(cloudwatch, NAMESPACE)
    metrics.publish(Load(backlog=7, slots=2, busy=2))
    metrics.publish(Load(backlog=7, slots=2, busy=1))
    now = utc_now()

    def read(name: str, statistic: str) -> float:
        found = cloudwatch.get_metric_statistics(
            Namespace=NAMESPACE,
            MetricName=name,
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=5),
            Period=3600,
            Statistics=[statistic],  # type: ignore[list-item]  # its type is a Literal
        )
        return sum(point[statistic] for point in found["Datapoints"])  # type: ignore[literal-required]  # the statistic is one of its keys

    assert (read("Backlog", "Average"), read("Slots", "Sum"), read("BusySlots", "Sum")) == (7, 4, 3)
