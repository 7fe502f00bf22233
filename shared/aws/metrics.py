"""What CloudWatch is told, for Auto Scaling to act on.

The data have no dimensions: CloudWatch sums up what has the same name, and Auto Scaling cannot search. So over a minute
the sum of ``Slots`` is that of all servers, and the average of ``Backlog``, which all of them count, is the backlog.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.aws.errors import translated
from shared.core.load import Load

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient


class CloudWatchMetrics:
    """The custom metrics of one deployment. Thread-safe."""

    def __init__(self, cloudwatch: CloudWatchClient, namespace: str) -> None:
        self._cloudwatch = cloudwatch
        self._namespace = namespace

    def publish(self, load: Load) -> None:
        """Called once a minute by each process: sums are over a minute. Raises `Unavailable`."""
        with translated("CloudWatch"):
            self._cloudwatch.put_metric_data(
                Namespace=self._namespace,
                MetricData=[
                    {"MetricName": "Backlog", "Value": load.backlog, "Unit": "Count"},
                    {"MetricName": "Slots", "Value": load.slots, "Unit": "Count"},
                    {"MetricName": "BusySlots", "Value": load.busy, "Unit": "Count"},
                ],
            )
