"""deploy/stack/alarms.yaml: nothing breaks in silence, and whoever is woken is told where to read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from shared.core.settings import OperatorSettings
from tests.unit.deploy.templates import STACKS, Key, of_type, properties

ALARMS = [(stack, name) for stack, name in of_type("AWS::CloudWatch::Alarm") if stack == "alarms"]
CHANNELS = sorted(
    re.sub("_(.)", lambda found: found[1].upper(), f"_{name}").removesuffix("DeadLetters")
    for name in OperatorSettings.model_fields
    if name.endswith("_dead_letters")
)
RUNBOOK = Path("docs/operations.md").read_text()


def alarm(name: str) -> dict[str, Any]:
    return properties(("alarms", f"{name}Alarm"))


def watched(name: str) -> set[str]:
    """The parameters that an alarm looks at."""
    return set(re.findall(r'(?:"Ref": "|\$\{)(\w+)', json.dumps(alarm(name))))


@pytest.mark.parametrize("key", ALARMS, ids="-".join)
def test_every_alarm_is_mailed_and_so_is_its_end(key: Key) -> None:
    assert properties(key)["AlarmActions"] == properties(key)["OKActions"] == [{"Ref": "Alarms"}]
    subscription = properties(("alarms", "AlarmMails"))
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", {"Ref": "AlarmEmail"})


@pytest.mark.parametrize("key", ALARMS, ids="-".join)
def test_a_section_that_an_alarm_names_is_in_the_runbook(key: Key) -> None:
    for section in re.findall(r"operations\.md, (\w+(?: letters)?)", properties(key)["AlarmDescription"]):
        assert re.search(rf"^##+ {section}$", RUNBOOK, re.MULTILINE | re.IGNORECASE), section


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_dead_letter_is_told_and_so_is_one_that_is_soon_forgotten(channel: str) -> None:
    depth = alarm(f"{channel}DeadLetters")
    assert (depth["MetricName"], depth["Threshold"]) == ("ApproximateNumberOfMessagesVisible", 0)
    assert f"{channel}DeadLetters" in watched(f"{channel}DeadLetters") & watched("DeadLettersOld")
    assert 7 * 24 * 60 * 60 < alarm("DeadLettersOld")["Threshold"] < 14 * 24 * 60 * 60


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_topic_whose_pushes_fail_is_told(channel: str) -> None:
    assert f"{channel}Topic" in watched("PushesFail") & watched("PushesLost")


@pytest.mark.parametrize("name", ["DeadLettersOld", "PushesFail", "PushesLost"])
def test_an_alarm_over_all_channels_is_within_what_cloudwatch_computes(name: str) -> None:
    *metrics, expression = alarm(name)["Metrics"]
    assert len(metrics) == len(CHANNELS) <= 10  # of one alarm
    assert {metric["ReturnData"] for metric in metrics} == {False}
    assert "METRICS()" in expression["Expression"]


@pytest.mark.parametrize("key", of_type("AWS::DynamoDB::Table"), ids="-".join)
def test_every_table_that_is_throttled_is_told(key: Key) -> None:
    _, name = key
    assert f"{name}Table" in watched(f"{name}Throttled")


@pytest.mark.parametrize("key", ALARMS, ids="-".join)
def test_a_query_knows_no_or(key: Key) -> None:
    """CloudWatch Metrics Insights has AND alone, and cfn-lint does not read queries."""
    for metric in properties(key).get("Metrics", []):
        query = metric.get("Expression", "")
        assert " OR " not in (query["Sub"] if isinstance(query, dict) else query)


@pytest.mark.parametrize("kind", ["Frontend", "Annotator", "Util"])
def test_every_kind_of_server_that_is_not_ready_is_told(kind: str) -> None:
    assert f"{kind}Targets" in watched(f"No{kind}") & watched(f"{kind}Unhealthy")
    assert alarm(f"No{kind}")["TreatMissingData"] == "breaching"


@pytest.mark.parametrize(
    ("name", "parameter"), [("RestoreFunction", "RestoreFunction"), ("ArchiveWaits", "ArchiveWaits")]
)
def test_functions_and_waits_that_fail_are_told(name: str, parameter: str) -> None:
    assert parameter in watched(name)
    assert alarm(name)["Threshold"] == 0
    assert parameter in STACKS["core"]["Outputs"]


def test_annotators_that_cannot_keep_up_are_told_by_the_measure_that_they_are_scaled_by() -> None:
    tracking = properties(("servers", "AnnotatorWork"))["TargetTrackingConfiguration"]
    metrics = {metric["Id"]: metric for metric in alarm("AnnotatorsBehind")["Metrics"]}
    for measured in tracking["CustomizedMetricSpecification"]["Metrics"]:
        same = metrics[measured["Id"]]
        assert same.get("Expression") == measured.get("Expression")
        if "MetricStat" in measured:
            assert same["MetricStat"] == {**measured["MetricStat"], "Period": 60}  # as often as they say it
    assert alarm("AnnotatorsBehind")["Threshold"] == 4 * tracking["TargetValue"]
    assert alarm("AnnotatorsBehind")["EvaluationPeriods"] == 30


def test_annotators_of_which_nothing_is_heard_are_told() -> None:
    silent = alarm("AnnotatorsSilent")
    assert (silent["Namespace"], silent["MetricName"]) == ({"Sub": "GAS/${Deployment}"}, "Slots")
    assert silent["TreatMissingData"] == "breaching"
