"""How long an e-mail's fate is unclear, against how long SES's report may take to a server that died."""

from __future__ import annotations

import pytest

from cli.local_settings import LocalSettings
from shared.aws.topics import DELIVERY_POLICY
from util_hook.settings import UtilSettings

RESTART_SECONDS = 5.0
DEATHS = 2
"""In a row, at the worst moments: while SNS pushes, and while the report is handled."""


@pytest.mark.parametrize(
    ("evidence", "lease"),
    [
        (
            LocalSettings.model_fields["mail_evidence_seconds"].default,
            LocalSettings.model_fields["lease_seconds"].default,
        ),
        (
            UtilSettings.model_fields["mail_evidence_seconds"].default,
            UtilSettings.model_fields["lease_seconds"].default,
        ),
    ],
    ids=["local", "AWS"],
)
def test_an_email_is_not_sent_again_before_its_report_can_have_come(evidence: float, lease: float) -> None:
    sweep = UtilSettings.model_fields["sweep_seconds"].default
    pushed_again = RESTART_SECONDS + DELIVERY_POLICY["healthyRetryPolicy"]["minDelayTarget"]
    assert evidence > DEATHS * pushed_again + lease + sweep
