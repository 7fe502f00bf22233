"""How the annotator is put together on AWS."""

from __future__ import annotations

from typing import Any

import pytest

from annotator_hook.services import build
from annotator_hook.settings import AnnotatorSettings

REQUIRED = (
    "public_url",
    "inbox_table",
    "hook_url",
    "jobs_table",
    "inputs_bucket",
    "results_bucket",
    "job_requests_topic",
    "job_requests_dead_letters",
    "job_results_topic",
)


def settings(**changes: Any) -> AnnotatorSettings:
    return AnnotatorSettings(**{**dict.fromkeys(REQUIRED, "x"), **changes})


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GAS_METRICS_NAMESPACE", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")  # boto3 would ask the network for some
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")


def test_nothing_is_published_where_nothing_scales() -> None:
    assert build(settings()).publish_load is None


def test_the_load_is_published_where_a_namespace_is_given() -> None:
    assert build(settings(metrics_namespace="GAS/gas")).publish_load is not None


@pytest.mark.parametrize("namespace", ["", ":GAS"])
def test_a_namespace_that_cloudwatch_would_refuse_is_refused_at_the_start(namespace: str) -> None:
    with pytest.raises(ValueError, match="metrics_namespace"):
        settings(metrics_namespace=namespace)
