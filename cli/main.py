"""The entrance of the `gas` command: one subcommand a file."""

from __future__ import annotations

import click

from cli.packs import packs_group
from cli.up import up
from shared.core.errors import GasError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gas")
def gas() -> None:
    """GAS, the Genomics Annotation Service."""


gas.add_command(up)
gas.add_command(packs_group, "packs")


def main() -> None:
    """Runs the command; an error that GAS understands is one line on standard error, not a traceback."""
    try:
        gas()
    except GasError as error:
        raise SystemExit(f"gas: {error}") from None
