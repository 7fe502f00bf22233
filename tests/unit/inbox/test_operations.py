"""What operators work with is put together of the settings."""

from __future__ import annotations

from typing import Any

import pytest

from shared.core.errors import ConfigurationError
from shared.core.settings import OperatorSettings
from shared.inbox.operations import PARSERS, build_operations


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else boto3 asks the network for some."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def settings(**changes: Any) -> OperatorSettings:
    required = {name: "x" for name, field in OperatorSettings.model_fields.items() if field.is_required()}
    topics = {name: f"arn:aws:sns:us-east-1:123456789012:gas-{name}" for name in required if name.endswith("_topic")}
    return OperatorSettings(**{**required, **topics, **changes})


def test_every_channel_of_the_stack_can_be_read() -> None:
    operations = build_operations(settings())
    assert {channel.name for channel in operations.channels} == set(PARSERS)


@pytest.mark.parametrize(
    "wrong", [{"daily_topic": "daily"}, {"extra_certificate_origin": "https://certificates.example.org"}]
)
def test_what_cannot_be_trusted_stops_the_start(wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=r"A topic or GAS_EXTRA_CERTIFICATE_ORIGIN is wrong: '(daily|https)"):
        build_operations(settings(**wrong))
