"""What the operators' commands have in common: settings, who it is, moments, and two ways to answer."""

from __future__ import annotations

import functools
import getpass
import json
import os
import re
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec

import click
from pydantic import Field
from pydantic_settings import SettingsConfigDict
from rich.console import Console
from rich.text import Text

from shared.core.clock import to_iso, utc_now
from shared.core.errors import ConfigurationError, GasError
from shared.core.logs import configure
from shared.core.settings import FromEnvironment, OperatorSettings
from shared.inbox.operations import PARSERS, Operations, build_operations

P = ParamSpec("P")
CHANNELS = tuple(PARSERS)
"""Their names, for options."""
_INTERRUPTED = "Stopped at once, as you asked. If anything was done until then, the audit log has it."
_MOST_COMPLAINTS = 2
_WIDE = 180  # columns, where a file or another program reads
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO = re.compile(r"(\d{1,6})([smhdw])").fullmatch


class OperatorName(FromEnvironment):
    """Who sits at the terminal."""

    model_config = SettingsConfigDict(env_prefix="GAS_")

    operator: str = Field(
        default="", description="Who uses operators' commands, for the audit log; the login name when it is empty."
    )


class OperatorCommandSettings(OperatorName, OperatorSettings):
    """Settings of `gas dlq` and `gas messages`."""


@dataclass(frozen=True)
class Answer:
    """What a command found or did."""

    document: Mapping[str, Any]
    """What a script reads."""
    show: Callable[[Console], None]
    """Prints the same for a person."""
    code: int = 0


def command(function: Callable[..., Answer]) -> Callable[..., None]:
    """A subcommand. With ``--json`` it answers, or says its error, as one JSON document."""

    @click.option("--json", "as_json", is_flag=True, help="Answer as JSON, on standard output.")
    @click.pass_obj
    @functools.wraps(function)
    def run(operations: Operations | None, /, *, as_json: bool, **given: Any) -> None:
        configure("ERROR")  # what the log would say is the command's answer
        try:
            if operations is None:
                operations = build_operations(_settings())
            answer = function(operations, **given)
        except GasError as error:
            if as_json:
                click.echo(json.dumps({"error": str(error)}))
            elif isinstance(error, ConfigurationError):
                click.echo(f"gas: {error}", err=True)
            else:
                raise
            sys.exit(2 if isinstance(error, ConfigurationError) else 1)
        except KeyboardInterrupt:
            if as_json:
                click.echo(json.dumps({"error": _INTERRUPTED}))
            else:
                click.echo(f"gas: {_INTERRUPTED}", err=True)
            sys.exit(1)
        if as_json:
            click.echo(json.dumps(answer.document, indent=2))
        else:
            answer.show(_console())
        sys.exit(answer.code)

    return run


def _settings() -> OperatorCommandSettings:
    try:
        return OperatorCommandSettings.from_environment()
    except ConfigurationError as error:
        complaints = str(error).split("; ")
        more = f"; and {len(complaints) - _MOST_COMPLAINTS} more" if len(complaints) > _MOST_COMPLAINTS else ""
        raise ConfigurationError(
            "Commands read the servers' settings from the environment: source settings.sh first "
            f"(. var/settings.sh, which is there while `make run` runs). {'; '.join(complaints[:_MOST_COMPLAINTS])}{more}."
        ) from None


def why_option(*, required: bool) -> Callable[[Callable[P, Any]], Callable[P, Any]]:
    """``--why`` and ``--who``."""

    why: dict[str, Any] = {"required": True, "callback": _why} if required else {"default": ""}

    def decorate(function: Callable[P, Any]) -> Callable[P, Any]:
        who = click.option("--who", callback=_who, help="Who you are. [default: GAS_OPERATOR, or the login name]")
        return click.option("--why", **why, help="The reason, for the audit log.")(who(function))

    return decorate


def _why(context: click.Context, parameter: click.Parameter, given: str) -> str:
    if not given.strip():
        raise click.BadParameter("Say why you do this: the audit log keeps it.", ctx=context, param=parameter)
    return given


def _who(context: click.Context, parameter: click.Parameter, given: str | None) -> str:
    who = (given or OperatorName.from_environment().operator).strip()
    try:
        return who or getpass.getuser()
    except (OSError, KeyError):  # nobody has this user id, as in some containers
        raise click.BadParameter("Say who you are: --who, or GAS_OPERATOR.", ctx=context, param=parameter) from None


class Since(click.ParamType[datetime | timedelta]):
    """``2h`` (so long ago; s, m, h, d or w) or a moment in ISO 8601, UTC where it does not say. What is so long ago is left
    to whoever knows the time better than this machine's clock."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime | timedelta:
        if isinstance(value, datetime | timedelta):
            return value
        try:
            if ago := _AGO(str(value).strip()):
                length = timedelta(**{_UNITS[ago[2]]: int(ago[1])})
                utc_now() - length  # is there such a moment?
                return length
            moment = datetime.fromisoformat(str(value).strip())
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(
                f"{value!r} is neither a time such as 30m, 2h or 3d nor a moment such as 2026-03-06T12:00.", param, ctx
            )


class Moment(click.ParamType[datetime]):
    """As `Since`, by this machine's clock."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        given = Since().convert(value, param, ctx)
        return utc_now() - given if isinstance(given, timedelta) else given


@contextmanager
def stoppable() -> Iterator[threading.Event]:
    """Set by Ctrl-C or SIGTERM. A second one ends the process as it would have without this."""
    stop = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}

    def restore() -> None:
        for number in numbers:
            signal.signal(number, before[number])

    def note(number: int, frame: types.FrameType | None) -> None:  # noqa: ARG001 - the signature of a signal handler
        stop.set()
        restore()

    for number in numbers:
        signal.signal(number, note)
    try:
        yield stop
    finally:
        restore()


def _console() -> Console:
    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _WIDE
    return console


def plain(text: str, style: str = "") -> Text:
    """What somebody else wrote, for a terminal: control characters are shown, not obeyed, and nothing is markup."""
    shown = "".join(char if char.isprintable() or char == "\n" else f"\\x{ord(char):02x}" for char in text)
    return Text(shown, style=style)


def iso(moment: datetime | None) -> str | None:
    """For documents."""
    return to_iso(moment) if moment else None


def clock(moment: datetime | None) -> str:
    """For people: ``2026-03-06 12:00:07``, UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if moment else ""


def span(length: timedelta) -> str:
    """For people: ``450 ms``, ``12 s``, ``3 min``, ``5 h``, ``2 d``; rounded down."""
    seconds = length.total_seconds()
    if seconds < 1:
        return f"{max(0, int(seconds * 1000))} ms"
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"
