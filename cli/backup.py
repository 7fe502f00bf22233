"""`gas backup`: copies of a deployment's tables and files, and the way back.

Exit codes: 0 done, 1 it failed and said why, 2 the command was wrong. Nothing but the region is read from the
environment: where the data is, CloudFormation says.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping

import click

from shared.aws.backup import Backup, Backups, Stores
from shared.aws.session import client
from shared.aws.stacks import Stacks
from shared.aws.topics import SnsTopics
from shared.core.clock import to_iso, utc_now
from shared.core.errors import NotFound
from shared.core.logs import configure
from shared.core.messages import AccountChanged
from shared.core.settings import AwsSettings
from shared.core.version import VERSION

_bucket = click.option("--bucket", required=True, help="The bucket that holds backups, best in an account of its own.")
_deployment = click.option("--deployment", default="gas", show_default=True, help="The deployment's name.")
_yes = click.option("--yes", is_flag=True, help="Do it; without it, say what would be done.")
_as_json = click.option("--json", "as_json", is_flag=True, help="Answer as JSON, on standard output.")


@click.group("backup")
def backup_group() -> None:
    """Copies of tables and files, and the way back."""
    configure("ERROR")  # what the log would say is the command's answer


@backup_group.command("create")
@_bucket
@_deployment
@_as_json
def create(*, bucket: str, deployment: str, as_json: bool) -> None:
    """Copy all tables and files. Files that an earlier backup holds are not copied again."""
    access = AwsSettings.from_environment()
    backup = _backups(access, bucket).create(Stores.of(_outputs(access, deployment)), now=utc_now(), gas=VERSION)
    click.echo(json.dumps(_plain(backup), indent=2) if as_json else _words(backup))


@backup_group.command("list")
@_bucket
@_as_json
def list_(*, bucket: str, as_json: bool) -> None:
    """All backups that are whole, oldest first."""
    found = _backups(AwsSettings.from_environment(), bucket).all()
    if as_json:
        click.echo(json.dumps([_plain(backup) for backup in found], indent=2))
    else:
        click.echo("\n".join(map(_words, found)) or f"There is no backup in {bucket}.")


@backup_group.command("restore")
@click.argument("name")
@_bucket
@_deployment
@_yes
@_as_json
def restore(*, name: str, bucket: str, deployment: str, yes: bool, as_json: bool) -> None:
    """Put a backup into a deployment. What is there already stays as it is, so it may be given again."""
    access = AwsSettings.from_environment()
    backups, outputs = _backups(access, bucket), _outputs(access, deployment)
    backup = backups.get(name)
    accounts = []
    if yes:
        accounts = backups.restore(backup, Stores.of(outputs))
        topics = SnsTopics(client(access, "sns"), client(access, "sqs"))
        nudges = [AccountChanged(user_id=user_id, epoch=epoch).to_json() for user_id, epoch in accounts]
        topics.publish_all(outputs["AccountChangesTopic"], nudges)
    if as_json:
        click.echo(json.dumps({"restored": yes, "accounts": len(accounts), "backup": _plain(backup)}, indent=2))
    elif yes:
        click.echo(f"{_words(backup)}\nIs in {deployment} now, with {len(accounts)} accounts.")
    else:
        click.echo(f"{_words(backup)}\nWould be put into {deployment}, where it is missing. --yes does it.")


@backup_group.command("delete")
@click.argument("name")
@_bucket
@_yes
def delete(*, name: str, bucket: str, yes: bool) -> None:
    """Delete a backup, and the copies of files that no other backup holds."""
    backups = _backups(AwsSettings.from_environment(), bucket)
    backup = backups.get(name)
    if yes:
        click.echo(f"Deleted {name} and {backups.delete(backup, now=utc_now())} copies of files.")
    else:
        click.echo(f"{_words(backup)}\nWould be deleted. --yes does it.")


def _backups(access: AwsSettings, bucket: str) -> Backups:
    return Backups(client(access, "dynamodb"), client(access, "s3"), bucket)


def _outputs(access: AwsSettings, deployment: str) -> Mapping[str, str]:
    stack = Stacks(client(access, "cloudformation")).find(deployment)
    if stack is None:
        raise NotFound(f"There is no stack {deployment} in {access.region}: GAS_REGION names the region.")
    return stack.outputs


def _plain(backup: Backup) -> dict[str, object]:
    return {**dataclasses.asdict(backup), "made_at": to_iso(backup.made_at)}


def _words(backup: Backup) -> str:
    items = ", ".join(f"{count:,} {table.lower()}" for table, count in backup.items.items())
    archived = f"; {backup.archived:,} in the archive, not copied" if backup.archived else ""
    return f"{backup.name}  {items}; {backup.files:,} files, {backup.bytes / 2**20:,.1f} MiB{archived}"
