"""bench/costs.py: what a deployment costs, and that docs/deploy.md says the same."""

from __future__ import annotations

from typing import Any

from bench.costs import ALARM, CASES, DOCUMENT, alarm_metrics, costs, table


def test_the_document_has_the_computed_table() -> None:
    assert table() in DOCUMENT.read_text(), "run python -m bench.costs"


def test_more_jobs_cost_more_in_every_line_that_they_touch() -> None:
    idle, few, many = (costs(jobs) for jobs in CASES.values())
    assert all(idle[what] <= few[what] <= many[what] for what in idle)
    assert idle["files (S3, Glacier)"] == 0 < few["files (S3, Glacier)"]


def test_a_quiet_deployment_pays_for_its_least_servers_alone() -> None:
    assert costs(0)["servers (EC2)"] == costs(100)["servers (EC2)"]


def resources(*described: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "Resources": {
            str(number): {"Type": kind, "Properties": about} for number, (kind, about) in enumerate(described)
        }
    }


def test_an_alarm_costs_by_the_metrics_that_it_looks_at() -> None:
    alarm, policy = "AWS::CloudWatch::Alarm", "AWS::AutoScaling::ScalingPolicy"
    of_two = [{"MetricStat": {}}, {"MetricStat": {}}, {"Expression": "a / b"}]
    assert alarm_metrics(resources((alarm, {"MetricName": "one"}))) == 1
    assert alarm_metrics(resources((alarm, {"Metrics": of_two}), (alarm, {"Metrics": [{"Expression": "SELECT"}]}))) == 3
    predefined: dict[str, Any] = {"PredefinedMetricSpecification": {}}
    own = {"CustomizedMetricSpecification": {"Metrics": of_two}}
    assert alarm_metrics(resources((policy, {"TargetTrackingConfiguration": predefined}))) == 2
    assert alarm_metrics(resources((policy, {"TargetTrackingConfiguration": own}))) == 4
    assert alarm_metrics(resources((policy, {"PolicyType": "StepScaling"}))) == 0  # its alarm stands in the template


def test_logs_cost_by_what_is_logged() -> None:
    assert costs(0)["logs (CloudWatch)"] == 0 < costs(100)["logs (CloudWatch)"] < ALARM
