"""Every setting is in docs/settings.md, with its default; nothing is there that is not a setting."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from annotator_hook.settings import AnnotatorSettings
from cli.local_settings import LocalSettings
from cli.operator import OperatorName
from cli.packs_settings import PacksSettings
from deploy.servers.launch import LaunchSettings
from deploy.servers.lifecycle import LifecycleSettings
from deploy.servers.metrics import MetricsSettings
from deploy.servers.worker import DrainSettings
from frontend.settings import FrontendSettings
from shared.core.errors import ConfigurationError
from util_hook.settings import UtilSettings

DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"
CLASSES: tuple[type[BaseSettings], ...] = (
    FrontendSettings,
    AnnotatorSettings,
    UtilSettings,
    LocalSettings,
    PacksSettings,
    OperatorName,
    LaunchSettings,
    LifecycleSettings,
    MetricsSettings,
    DrainSettings,
)


def all_settings() -> dict[str, FieldInfo]:
    """Environment variable → field, of every process."""
    return {
        f"{settings.model_config['env_prefix']}{name.upper()}": field
        for settings in CLASSES
        for name, field in settings.model_fields.items()
    }


SETTINGS = all_settings()


def row(name: str) -> str:
    """The line of the document's table about one setting."""
    match = re.search(rf"^\| `{name}` \|.*$", DOCUMENT.read_text(), re.MULTILINE)
    return match.group() if match else ""


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_is_documented(name: str) -> None:
    assert row(name), f"{name} is missing in docs/settings.md"


@pytest.mark.parametrize("name", SETTINGS)
def test_the_documented_default_is_the_real_one(name: str) -> None:
    field = SETTINGS[name]
    if field.is_required():
        assert "required" in row(name)
    elif field.default_factory is None:
        value = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
        assert ("none" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`") in row(
            name
        )


def test_nothing_is_documented_that_is_no_setting() -> None:
    documented = set(re.findall(r"^\| `(GAS_\w+)` \|", DOCUMENT.read_text(), re.MULTILINE))
    assert documented - set(SETTINGS) == set()


def test_a_missing_setting_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigurationError) as caught:
        AnnotatorSettings.from_environment()
    assert "GAS_JOBS_TABLE" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wrong_setting_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAS_SECRET_KEY", "too-short-secret")
    with pytest.raises(ConfigurationError) as caught:
        FrontendSettings.from_environment()
    assert "GAS_SECRET_KEY" in str(caught.value)
    assert "too-short-secret" not in str(caught.value)
