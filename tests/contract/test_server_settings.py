"""What servers read at their start, in SSM and Secrets Manager."""

from __future__ import annotations

import pytest

from deploy.servers.launch import LaunchSettings, read_from_aws
from shared.aws.server_settings import ServerSecrets, ServerSettings
from shared.aws.session import client
from shared.core.errors import ConfigurationError
from tests.contract.conftest import SETTINGS

PARAMETER, SECRET = "/gas/gas/settings", "gas/servers"


@pytest.fixture
def settings(moto: None) -> ServerSettings:
    return ServerSettings(client(SETTINGS, "ssm"), PARAMETER)


@pytest.fixture
def secrets(moto: None) -> ServerSecrets:
    return ServerSecrets(client(SETTINGS, "secretsmanager"), SECRET)


def test_what_was_written_is_read(settings: ServerSettings, secrets: ServerSecrets) -> None:
    settings.write({"GAS_JOBS_TABLE": "jobs"})
    settings.write({"GAS_JOBS_TABLE": "other"})
    secrets.write({"GAS_SECRET_KEY": "first"})
    secrets.write({"GAS_SECRET_KEY": "second"})
    assert settings.read() == {"GAS_JOBS_TABLE": "other"}
    assert secrets.read() == {"GAS_SECRET_KEY": "second"}


def test_what_is_not_there_says_how_to_make_it(settings: ServerSettings, secrets: ServerSecrets) -> None:
    for store in (settings, secrets):
        with pytest.raises(ConfigurationError, match="gas deploy up"):
            store.read()
    assert secrets.find() is None
    assert secrets.version() == ""


def test_secrets_that_are_written_have_another_version(secrets: ServerSecrets) -> None:
    secrets.write({"GAS_SECRET_KEY": "first"})
    first = secrets.version()
    assert secrets.version() == first
    secrets.write({"GAS_SECRET_KEY": "second"})
    assert secrets.version() != first


def test_settings_of_every_version_can_be_read(settings: ServerSettings) -> None:
    settings.write({"GAS_JOBS_TABLE": "jobs"})
    settings.write({"GAS_JOBS_TABLE": "other"})
    assert settings.read("1") == {"GAS_JOBS_TABLE": "jobs"}
    assert settings.read("2") == settings.read() == {"GAS_JOBS_TABLE": "other"}
    with pytest.raises(ConfigurationError, match=f"no SSM parameter {PARAMETER}:3"):
        settings.read("3")


def test_settings_that_are_there_are_not_written_again(settings: ServerSettings) -> None:
    for _ in range(2):
        settings.write({"GAS_JOBS_TABLE": "jobs"})
    assert client(SETTINGS, "ssm").get_parameter(Name=PARAMETER)["Parameter"]["Version"] == 1


def test_the_version_of_settings_is_known_before_they_are_written(settings: ServerSettings) -> None:
    for table, version in (("jobs", "1"), ("other", "2")):
        wanted = {"GAS_JOBS_TABLE": table}
        assert settings.version_of(wanted) == version
        settings.write(wanted)
        assert settings.version_of(wanted) == version


def test_servers_that_have_these_settings_already_need_no_other_version(settings: ServerSettings) -> None:
    for table in ("jobs", "other", "jobs"):
        settings.write({"GAS_JOBS_TABLE": table})
    assert settings.version_of({"GAS_JOBS_TABLE": "jobs"}, told="1") == "1"
    assert settings.version_of({"GAS_JOBS_TABLE": "jobs"}, told="2") == "3"
    assert settings.version_of({"GAS_JOBS_TABLE": "jobs"}, told="99") == "3"


@pytest.mark.parametrize("text", ["", "[]", '{"GAS_SECRET_KEY": 1}', "GAS_SECRET_KEY=hush"])
def test_a_damaged_secret_is_named_but_not_told(secrets: ServerSecrets, text: str) -> None:
    client(SETTINGS, "secretsmanager").create_secret(Name=SECRET, SecretString=text or " ")
    with pytest.raises(ConfigurationError, match=f"The secret {SECRET} is not a JSON object") as raised:
        secrets.read()
    assert "hush" not in str(raised.value)


def test_what_is_deleted_is_gone_and_may_be_deleted_again(settings: ServerSettings, secrets: ServerSecrets) -> None:
    settings.write({"GAS_JOBS_TABLE": "jobs"})
    secrets.write({"GAS_SECRET_KEY": "first"})
    for _ in range(2):
        settings.delete()
        secrets.delete()
    assert secrets.find() is None


def test_a_server_is_told_settings_and_secrets_but_nothing_else_of_them(
    settings: ServerSettings, secrets: ServerSecrets
) -> None:
    settings.write({"GAS_JOBS_TABLE": "jobs", "PATH": "/tmp"})
    secrets.write({"GAS_SECRET_KEY": "first", "next_secret_key": "second"})
    settings.write({"GAS_JOBS_TABLE": "other"})
    named = LaunchSettings(settings_parameter=f"{PARAMETER}:1", servers_secret=SECRET)
    assert read_from_aws(named, True) == {"GAS_JOBS_TABLE": "jobs", "GAS_SECRET_KEY": "first"}
    assert read_from_aws(named, False) == {"GAS_JOBS_TABLE": "jobs"}


def test_nothing_is_read_where_nothing_is_named(moto: None) -> None:
    assert read_from_aws(LaunchSettings(settings_parameter="", servers_secret=""), True) == {}
