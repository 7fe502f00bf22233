"""Alert rules and dashboard ask for metrics that exist; each alert has its section in the runbook, whose commands exist."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import promql_parser
import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram

from cli.main import gas
from shared import metrics

ROOT = Path(__file__).parents[3]
OBSERVABILITY = ROOT / "deploy" / "observability"
RUNBOOK = (ROOT / "docs" / "operations.md").read_text()
PROMETHEUS_OWN = {"up": {"job"}, "ALERTS": {"alertname", "alertstate"}}
ADDED = {"instance", "job", "server"}
"""Labels that deploy/observability/prometheus.yml gives to everything."""
RULES = [
    rule for group in yaml.safe_load((OBSERVABILITY / "alerts.yaml").read_text())["groups"] for rule in group["rules"]
]


def own_metrics() -> dict[str, set[str]]:
    """Name as Prometheus stores it → labels."""
    found: dict[str, set[str]] = {}
    for metric in vars(metrics).values():
        if isinstance(metric, Counter | Gauge | Histogram):
            labels = set(metric._labelnames)
            [family] = metric.describe()
            if isinstance(metric, Histogram):
                found |= {f"{family.name}_{part}": labels | {"le"} for part in ("bucket", "count", "sum")}
            else:
                found[family.name + ("_total" if isinstance(metric, Counter) else "")] = labels
    return found


METRICS = own_metrics()


def words(*folders: str) -> str:
    return "\n".join(path.read_text() for folder in folders for path in (ROOT / folder).rglob("*.py"))


SAID = {
    ("gas_pushes_total", "outcome"): words("shared/inbox", "shared/sns_verify"),
    ("gas_messages_total", "outcome"): (ROOT / "shared/core/inbox.py").read_text(),
    ("gas_jobs_total", "outcome"): words("annotator_hook/handlers"),
    ("gas_mails_total", "outcome"): (ROOT / "shared/metrics.py").read_text(),
    ("gas_http_requests_total", "endpoint"): 'pages.(healthz|readyz) "static"',
    ("gas_http_requests_total", "status"): '"5.."',
}
"""Where the values that rules ask for must be written as words of the code."""


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def expressions() -> Iterator[tuple[str, str]]:
    """(where, PromQL)."""
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    dashboard = json.loads((OBSERVABILITY / "grafana-dashboard.json").read_text())
    for panel in panels(dashboard):
        for target in panel.get("targets", []):
            yield f"panel {panel['title']}", target["expr"].replace("$__rate_interval", "1m")
    for annotation in dashboard["annotations"]["list"]:
        yield f"annotation {annotation['name']}", annotation["expr"]


def selectors(expression: str) -> Iterator[promql_parser.VectorSelector]:
    found: list[promql_parser.VectorSelector] = []

    def visit(node: promql_parser.Expr) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        return True

    promql_parser.walk(promql_parser.parse(expression), visit)
    return iter(found)


EXPRESSIONS = list(expressions())


@pytest.mark.parametrize(("where", "expression"), EXPRESSIONS)
def test_every_metric_and_label_that_is_asked_for_exists(where: str, expression: str) -> None:
    known = METRICS | PROMETHEUS_OWN
    asked = list(selectors(expression))
    assert asked
    labels = ADDED | {label for selector in asked for label in known.get(selector.name or "", set())}
    for selector in asked:
        assert selector.name in known, f"{where}: nobody sets {selector.name}"
        for matcher in selector.matchers.matchers:
            assert matcher.name in known[selector.name] | ADDED, f"{where}: {selector.name} has no {matcher.name}"
    for grouping in re.findall(r"\b(?:by|on) \(([^)]*)\)", expression):
        assert set(re.split(r"\s*,\s*", grouping)) <= labels, f"{where}: grouped by what does not exist"


@pytest.mark.parametrize(("where", "expression"), EXPRESSIONS)
def test_every_outcome_that_is_asked_for_is_a_word_of_the_code(where: str, expression: str) -> None:
    for selector in selectors(expression):
        for matcher in selector.matchers.matchers:
            if selector.name in PROMETHEUS_OWN or matcher.name in ADDED:
                continue
            said = SAID[selector.name or "", matcher.name]
            for word in re.split(r"\|(?![^(]*\))", matcher.value):
                assert word in said if "(" in word else f'"{word}"' in said, f"{where}: nobody says {word}"


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_every_alert_says_how_urgent_it_is_and_where_the_runbook_tells_of_it(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"
    assert re.search(rf"^### {rule['alert']}$", RUNBOOK, re.MULTILINE)


def test_the_runbook_tells_of_no_alert_that_does_not_exist() -> None:
    assert set(re.findall(r"^### (Gas\w+)$", RUNBOOK, re.MULTILINE)) == {rule["alert"] for rule in RULES}


def test_the_tests_of_the_rules_are_about_rules_that_exist() -> None:
    tested = yaml.safe_load((OBSERVABILITY / "alerts_test.yaml").read_text())["tests"]
    names = {case["alertname"] for test in tested for case in test["alert_rule_test"]}
    assert names <= {rule["alert"] for rule in RULES}


def runbook_commands() -> Iterator[str]:
    """Every `gas …` of its code blocks and of its sentences."""
    for block in re.findall(r"^```\w*\n(.*?)^```$", RUNBOOK, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if found := re.search(r"(?:^|\s)(gas .*?)(?: +#.*| +\|.*)?$", line):
                yield found.group(1)
    yield from re.findall(r"`(gas [^`]+)`", RUNBOOK)


@pytest.mark.parametrize("command", sorted(set(runbook_commands())))
def test_every_command_of_the_runbook_can_be_given(command: str) -> None:
    """Down to its options. `click` parses it as it would; nothing is run."""
    found: click.Command = gas
    context: click.Context | None = None
    arguments = shlex.split(command)[1:]
    while True:
        context = found.make_context(found.name, arguments, parent=context)
        if not isinstance(found, click.Group):
            return
        _, following, arguments = found.resolve_command(context, [*context._protected_args, *context.args])
        assert following, command
        found = following
