"""bench/costs.py: what a deployment costs, and that docs/deploy.md says the same."""

from __future__ import annotations

from bench.costs import CASES, DOCUMENT, costs, table


def test_the_document_has_the_computed_table() -> None:
    assert table() in DOCUMENT.read_text(), "run python -m bench.costs"


def test_more_jobs_cost_more_in_every_line_that_they_touch() -> None:
    idle, few, many = (costs(jobs) for jobs in CASES.values())
    assert all(idle[what] <= few[what] <= many[what] for what in idle)
    assert idle["files (S3, Glacier)"] == 0 < few["files (S3, Glacier)"]


def test_a_quiet_deployment_pays_for_its_least_servers_alone() -> None:
    assert costs(0)["servers (EC2)"] == costs(100)["servers (EC2)"]
