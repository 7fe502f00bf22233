"""The entrance of the `gas` command: one subcommand a file, imported when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

from shared.core.errors import GasError
from shared.core.version import VERSION

COMMANDS: Final = {
    "backup": ("cli.backup", "backup_group"),
    "billing": ("cli.billing", "billing_group"),
    "deploy": ("cli.deploy", "deploy_group"),
    "dlq": ("cli.dlq", "dlq_group"),
    "messages": ("cli.messages", "messages_group"),
    "packs": ("cli.packs", "packs_group"),
    "up": ("cli.up", "up"),
    "users": ("cli.users", "users_group"),
}
"""Command → module and function."""


class _Commands(click.Group):
    """Imports no more than the command needs: the servers, the local cloud and the engine take seconds together."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="gas")
def gas() -> None:
    """GAS, the Genomics Annotation Service."""


def main() -> None:
    """Runs the command; an error that GAS understands is one line on standard error, not a traceback."""
    try:
        gas()
    except GasError as error:
        raise SystemExit(f"gas: {error}") from None
