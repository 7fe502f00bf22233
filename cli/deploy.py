"""`gas deploy`: GAS on AWS, from one file that says what is wanted.

Exit codes: 0 done, or all is well; 1 it failed, or is not well, and said why; 2 the command was wrong; 3 (of `plan`
alone) there is something to change.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click
import requests
from rich.console import Console

from cli import deploy_rotate, deploy_view
from cli.deploy_cloud import Cloud, connect
from cli.deploy_file import Deployment, read
from cli.deploy_pushes import push_words
from cli.deploy_steps import Deployer, Teller
from cli.deploy_templates import load
from deploy.servers.release import Release, build
from shared.aws.mail_identity import MailIdentity
from shared.core.errors import GasError
from shared.core.logs import configure

ROOT: Final = Path(__file__).parent.parent
BUILD: Final = ROOT / "build"
CHANGES = 3
_PROMPTS = {
    "GAS_STRIPE_KEY": "Stripe's secret or restricted API key",
    "GAS_STRIPE_WEBHOOK_SECRETS": "Signing secret of Stripe's webhook endpoint",
}
_STORED = (
    "That one was stored already, and servers have it now. If the one before was meant to be replaced by another, make that "
    "in Stripe's dashboard first."
)
_READY_SECONDS = 10


class Run:
    """One command's deployment, and where it speaks."""

    def __init__(self, deployment: Deployment, cloud: Cloud, confirmed: str | None = None) -> None:
        self.deployment, self.cloud, self.confirmed = deployment, cloud, confirmed
        self.console = Console(highlight=False)
        teller = Teller(
            say=lambda words: self.console.print(words, markup=False, soft_wrap=True),
            happened=lambda stack, event: deploy_view.show_event(self.console, stack, event),
            planned=lambda planned: deploy_view.show_plan(self.console, [planned]),
            agrees=self.agrees,
        )
        self.templates = load()
        self.deployer = Deployer(deployment, cloud, self.templates, teller)

    def begin(self) -> None:
        """Says whose account it is. Raises `GasError` where there are no credentials."""
        self.console.print(f"{self.deployment.name} in account {self.cloud.account()}, {self.deployment.region}")

    def release(self) -> Release:
        """Built of the present commit."""
        self.console.print("Building the release …")
        return build(ROOT, BUILD)

    def agrees(self, what: str) -> bool:
        """Whether the deployment's name was given by ``--confirm``, or is typed now."""
        self.console.print(what, markup=False, style="bold red", soft_wrap=True)
        typed = self.confirmed
        if typed is None and sys.stdin.isatty():
            typed = click.prompt(
                f"Type the deployment's name ({self.deployment.name}) to go on", default="", show_default=False
            )
        return (typed or "").strip() == self.deployment.name


_file = click.option(
    "--file",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("deployment.toml"),
    show_default=True,
    help="What is to be deployed.",
)
_confirm = click.option("--confirm", metavar="NAME", help="The deployment's name, instead of typing it when asked.")


@click.group("deploy")
def deploy_group() -> None:
    """GAS on AWS."""
    configure("ERROR")  # what the log would say is the command's answer


@deploy_group.command("plan")
@_file
def plan_command(path: Path) -> None:
    """Show what `up` would change. Exit code 0: nothing; 3: something."""
    run = _run(path)
    planned = run.deployer.plan(run.release())
    deploy_view.show_plan(run.console, planned)
    if any(each.action != "keep" for each in planned):
        sys.exit(CHANGES)


@deploy_group.command("up")
@_file
@_confirm
@click.option(
    "--without-servers",
    is_flag=True,
    help="Only what holds data, settings and secrets, for servers that run elsewhere.",
)
def up_command(path: Path, confirm: str | None, *, without_servers: bool) -> None:
    """Create the deployment, or bring it in line with its file and the present commit. It may be broken off: the next
    one goes on."""
    run = _run(path, confirm)
    run.deployer.up(None if without_servers else run.release(), _ask)
    for words in [*deploy_view.mail_words(*_mail(run)), *_pushes(run)]:
        run.console.print(words, markup=False, soft_wrap=True)
    dns = _load_balancer(run)
    if dns and not run.deployment.parameters.get("HostedZoneId"):
        run.console.print(
            f"In your DNS, {run.deployment.parameters['DomainName']} has to be a CNAME of {dns}.", soft_wrap=True
        )
    if without_servers:
        where = f"SSM parameter {run.deployment.settings_parameter}, secret {run.deployment.servers_secret}"
        run.console.print(f"Up, for servers elsewhere. What they are told: {where}.", soft_wrap=True)
    else:
        run.console.print(f"Up: {run.deployment.url}")


@deploy_group.command("status")
@_file
def status_command(path: Path) -> None:
    """Show how the stacks stand, whether the pages answer and SNS pushes, and what is left to do. Exit code 1: not all is
    well."""
    run = _run(path)
    names = [template.stack_name(run.deployment) for template in run.templates]
    found = [(name, run.cloud.stacks.find(name)) for name in names]
    deploy_view.show_stacks(run.console, found)
    answer = _readiness(run.deployment.url)
    words = [
        *deploy_view.mail_words(*_mail(run)),
        *_pushes(run),
        *([f"{run.deployment.url}: {answer}"] if answer else []),
    ]
    for line in words:
        run.console.print(line, markup=False, soft_wrap=True)
    if words or any(stack is None or not stack.stands for _, stack in found):
        sys.exit(1)
    run.console.print(f"All is well: {run.deployment.url}")


@deploy_group.command("down")
@click.option("--delete-data", is_flag=True, help="Delete accounts, jobs, files, messages and secrets, too. For good.")
@_file
@_confirm
def down_command(path: Path, confirm: str | None, *, delete_data: bool) -> None:
    """Delete the servers and what they cost. Data stays, and `up` brings the servers back to it."""
    run = _run(path, confirm)
    if delete_data:
        data = "".join(f"\n  {resource.physical_id}" for resource in run.deployer.holding())
        question = f"This deletes all of {run.deployment.name}, and for good all that is in:{data or ' nothing'}"
    else:
        question = f"{run.deployment.url} will not answer any more. Data stays."
    if not run.agrees(question):
        raise GasError("Nothing was deleted: the deployment's name was not typed.")
    left = run.deployer.down(delete_data=delete_data)
    run.console.print(f"Down. Left: {', '.join(left)}, with all data." if left else "Down. Nothing is left.")


@deploy_group.command("settings")
@_file
def settings_command(path: Path) -> None:
    """Print what servers are told, for a shell to read: so operators' commands reach the same tables and queues. No
    secrets are among it."""
    deployment = read(path)
    for name, value in sorted(Run(deployment, connect(deployment)).deployer.told().items()):
        click.echo(f"export {name}={shlex.quote(value)}")


@deploy_group.group("rotate")
def rotate_group() -> None:
    """Replace a secret while GAS runs. Broken off, the same command goes on."""


@rotate_group.command("secret-key")
@click.option("--forget", is_flag=True, help="Believe no older key: everybody has to sign in again. If one leaked.")
@_file
def rotate_secret_key_command(path: Path, *, forget: bool) -> None:
    """Replace the key that signs sessions and links. Servers are replaced twice."""
    run = _run(path)
    deploy_rotate.rotate_secret_key(run.cloud.secrets, run.deployer.restart_servers, forget=forget)
    run.console.print("A new secret key signs.")


@rotate_group.command("stripe-webhook-secret")
@_file
def rotate_webhook_secret_command(path: Path) -> None:
    """Believe Stripe's new signing secret, and the one before. Roll it in Stripe's dashboard first, good for 24 h."""
    run = _run(path)
    new = _ask("GAS_STRIPE_WEBHOOK_SECRETS")
    is_new = deploy_rotate.rotate_webhook_secret(run.cloud.secrets, run.deployer.restart_servers, new)
    run.console.print("Events with the new secret are believed." if is_new else _STORED)


@rotate_group.command("stripe-key")
@_file
def rotate_stripe_key_command(path: Path) -> None:
    """Use a new API key of Stripe's. Revoke the old one in Stripe's dashboard afterwards."""
    run = _run(path)
    new = _ask("GAS_STRIPE_KEY")
    is_new = deploy_rotate.rotate_stripe_key(run.cloud.secrets, run.deployer.restart_servers, new)
    run.console.print("The new key is used. Revoke the old one in Stripe's dashboard." if is_new else _STORED)


def _run(path: Path, confirmed: str | None = None) -> Run:
    deployment = read(path)
    run = Run(deployment, connect(deployment), confirmed)
    run.begin()
    return run


def _ask(name: str) -> str:
    """From the environment, as in CI, or typed without being shown."""
    if given := os.environ.get(name, "").strip():
        return given
    if not sys.stdin.isatty():
        raise GasError(
            f"Set {name} in the environment ({_PROMPTS[name]}), or run this in a terminal, which asks for it."
        )
    typed = str(click.prompt(_PROMPTS[name], hide_input=True)).strip()
    if not typed:
        raise GasError(f"Nothing was given: {_PROMPTS[name]}.")
    return typed


def _mail(run: Run) -> tuple[str, MailIdentity | None]:
    identity = run.deployment.parameters["MailIdentity"]
    return identity, run.cloud.mail_identity(identity)


def _pushes(run: Run) -> list[str]:
    """None where there is nobody to push to."""
    core = _outputs(run, "core")
    return push_words(run.deployment, core, run.cloud.subscriptions) if core and _outputs(run, "servers") else []


def _load_balancer(run: Run) -> str:
    return _outputs(run, "servers").get("LoadBalancerDnsName", "")


def _outputs(run: Run, kind: str) -> Mapping[str, str]:
    """Of a stack; empty where it is not there."""
    stack = run.cloud.stacks.find(next(each.stack_name(run.deployment) for each in run.templates if each.kind == kind))
    return stack.outputs if stack else {}


def _readiness(url: str) -> str:
    """Empty where the pages answer; else why not."""
    try:
        answer = requests.get(f"{url}/readyz", timeout=_READY_SECONDS)
    except requests.RequestException as error:
        return f"does not answer ({type(error).__name__})"
    return "" if answer.ok else f"is not ready ({answer.status_code})"
