"""A server's entrance: what it reads, what counts, and what it becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from deploy.servers.launch import LaunchSettings, main
from shared.core.errors import Unavailable


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GAS_SETTINGS_PARAMETER", "GAS_SERVERS_SECRET", "GAS_PORT", "GAS_LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)


def launched(name: str, found: Mapping[str, str] | Exception) -> tuple[list[str], dict[str, str], bool]:
    """The command and the environment, and whether secrets were asked for."""
    became: list[tuple[list[str], dict[str, str]]] = []
    asked: list[bool] = []

    def read(settings: LaunchSettings, with_secrets: bool) -> Mapping[str, str]:
        asked.append(with_secrets)
        if isinstance(found, Exception):
            raise found
        return found

    def become(command: Sequence[str], environment: Mapping[str, str]) -> None:
        became.append((list(command), dict(environment)))

    main([name], read, become)
    ((command, told),) = became
    return command, told, asked == [True]


def test_it_becomes_gunicorn_on_its_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAS_PORT", "8002")
    command, _, _ = launched("util_hook", {})
    assert command[1:3] == ["-m", "gunicorn"]
    assert command[-3:] == ["--bind", "0.0.0.0:8002", "util_hook.wsgi:app"]


def test_what_aws_keeps_is_told_to_the_server() -> None:
    _, told, _ = launched("frontend", {"GAS_JOBS_TABLE": "jobs"})
    assert told["GAS_JOBS_TABLE"] == "jobs"


def test_what_its_own_environment_says_counts_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAS_LOG_LEVEL", "DEBUG")
    _, told, _ = launched("frontend", {"GAS_LOG_LEVEL": "ERROR"})
    assert told["GAS_LOG_LEVEL"] == "DEBUG"


@pytest.mark.parametrize(("name", "told"), [("frontend", True), ("util_hook", True), ("annotator_hook", False)])
def test_the_annotator_is_told_no_secret(name: str, told: bool) -> None:
    assert launched(name, {})[2] is told


def test_when_aws_does_not_answer_one_line_says_so_and_systemd_tries_again(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        launched("frontend", Unavailable("SSM could not be reached."))
    assert ended.value.code == 1
    assert capsys.readouterr().err == "SSM could not be reached.\n"


@pytest.mark.parametrize("arguments", [[], ["frontends"], ["frontend", "util_hook"]])
def test_an_unknown_server_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    def never(*_: Any) -> Any:
        pytest.fail("nothing is to be launched")

    with pytest.raises(SystemExit):
        main(arguments, never, never)
    assert "frontend, annotator_hook, util_hook" in capsys.readouterr().err
