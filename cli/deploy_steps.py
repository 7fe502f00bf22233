"""What `gas deploy` does, step by step. Each step finds out what is there and does only what is missing, so that any of
them may be broken off and begun again."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cli.deploy_cloud import Cloud
from cli.deploy_file import SECRETS, Deployment, check_servers
from cli.deploy_templates import FOLDER, Template, arguments, check_parameters, unknown
from deploy.servers.release import Release, zipped
from deploy.stack_settings import settings_from_outputs
from shared.aws.leftovers import HOLDING_DATA
from shared.aws.stacks import DONE, Change, Event, Proposal, Resource, Stack, why_it_failed
from shared.core.errors import ConfigurationError, GasError

KEEPING: Final = ("network", "core")
"""Stacks that hold data and cost nothing but what the data does."""


class Declined(GasError):
    """Somebody was asked, and did not agree."""


@dataclass(frozen=True)
class Planned:
    """What would become of one stack."""

    stack: str
    action: str
    """``create``, ``change``, ``keep``; or ``later``: known when a stack before it was changed."""
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Teller:
    """How somebody hears of it, and agrees to it."""

    say: Callable[[str], None]
    happened: Callable[[str, Event], None]
    """Stack and event."""
    planned: Callable[[Planned], None]
    agrees: Callable[[str], bool]
    """Shown what would happen to data: whether the deployment's name was typed."""


class Deployer:
    """One deployment. Every method raises `GasError`."""

    def __init__(
        self, deployment: Deployment, cloud: Cloud, templates: tuple[Template, ...], teller: Teller, code: Path = FOLDER
    ) -> None:
        """``code`` is the folder to which templates' paths of functions are relative."""
        check_parameters(deployment, templates)
        self._deployment, self._cloud, self._templates, self._teller = deployment, cloud, templates, teller
        self._functions = {path: zipped(code / path) for template in templates for path in template.functions}
        self._check_settings(dict.fromkeys(SECRETS, "-" * 32))

    # Planning

    def plan(self, release: Release) -> list[Planned]:
        """What `up` would do. Nothing is changed."""
        known, planned = self._known(release), []
        for template in self._templates:
            name = template.stack_name(self._deployment)
            stack = self._cloud.stacks.find(name)
            missing = unknown(template, known, self._templates)
            if stack is None or stack.never_was:
                planned.append(Planned(name, "create", template.additions()))
                continue
            if stack.is_changing:
                raise GasError(
                    f"The stack {name} is being changed ({stack.status}): wait, or run gas deploy up to follow it."
                )
            known |= stack.outputs
            if template.kind == "core":
                known |= self._versions(known)
            if missing:
                planned.append(Planned(name, "later"))
                continue
            proposal = self._cloud.stacks.propose(name, arguments(template, known), self._text(template, known))
            if proposal is not None:
                self._cloud.stacks.discard(proposal.change_set_id)
            planned.append(Planned(name, "change" if proposal else "keep", proposal.changes if proposal else ()))
        return planned

    # Up

    def up(self, release: Release | None, ask: Callable[[str], str]) -> None:
        """Makes the deployment what its file and the release say; without a release only what holds data, and what servers
        elsewhere read. ``ask`` is asked, the first time, for each secret of Stripe's by its setting's name."""
        wanted = [template for template in self._templates if release is not None or template.kind in KEEPING]
        for template in wanted:
            unknown(template, self._deployment.chosen, self._templates)  # what nobody chose is said first
        self._ensure_secrets(ask)
        known = self._known(release)
        for template in wanted:
            name = template.stack_name(self._deployment)
            self._settle(name)
            if template.kind == "core":
                self._upload_functions(known["ArtifactsBucket"])
            elif template.kind == "servers" and release is not None:
                self._upload_release(known["ArtifactsBucket"], release)
            if missing := unknown(template, known, self._templates):
                raise ConfigurationError(f"{name} needs {', '.join(missing)}, which no stack before it gives.")
            proposal = self._cloud.stacks.propose(name, arguments(template, known), self._text(template, known))
            self._change(name, proposal)
            known |= self._standing(name).outputs
            if template.kind == "core":
                self._cloud.settings.write(self._settings(known))
                known |= self._versions(known)

    def _ensure_secrets(self, ask: Callable[[str], str]) -> None:
        made = self._cloud.secrets.find() or {}
        missing = [name for name in SECRETS if not made.get(name)]
        if not missing:
            return
        for name in missing:
            made[name] = secrets.token_urlsafe(48) if name == "GAS_SECRET_KEY" else ask(name)
        self._check_settings(made)
        self._cloud.secrets.write(made)
        self._teller.say(f"Wrote the secret {self._deployment.servers_secret}.")

    def _settle(self, name: str) -> None:
        """Waits for what an earlier run began, and removes what it could not finish."""
        stack = self._cloud.stacks.find(name)
        if stack is not None and stack.is_changing:
            self._teller.say(f"{name} is being changed ({stack.status}); waiting.")
            self._follow(name, self._cloud.stacks.watch(name))
            stack = self._cloud.stacks.find(name)
        if stack is not None and stack.never_was:
            self._teller.say(f"{name} was never finished ({stack.status}); beginning anew.")
            self._delete(stack)
        elif stack is not None and stack.status in {"UPDATE_ROLLBACK_FAILED", "DELETE_FAILED"}:
            raise GasError(
                f"The stack {name} is {stack.status}: {stack.reason or 'no reason given'}. Mend that in the CloudFormation "
                "console (continue the rollback, or delete the stack), then run this again."
            )

    def _change(self, name: str, proposal: Proposal | None) -> None:
        if proposal is None:
            self._teller.say(f"{name}: nothing to change.")
            return
        self._teller.planned(Planned(name, "change", proposal.changes))
        endangered = [change for change in proposal.changes if change.takes_away and change.kind in HOLDING_DATA]
        if endangered and not self._teller.agrees(
            f"{name} would begin with others, empty ones, in place of: "
            + ", ".join(f"{change.logical_id} ({change.kind})" for change in endangered)
        ):
            self._cloud.stacks.discard(proposal.change_set_id)
            raise Declined(f"Nothing was changed in {name}: it holds data.")
        events = self._follow(name, self._cloud.stacks.execute(proposal))
        stack = self._standing(name)
        if stack.status not in DONE:
            raise GasError(f"{name} was not changed ({stack.status}): {why_it_failed(events)}")

    def _upload_functions(self, bucket: str) -> None:
        objects = self._cloud.bucket(bucket)
        for data in self._functions.values():
            objects.write(_function_key(data), data, content_type="application/zip")

    def _upload_release(self, bucket: str, release: Release) -> None:
        objects = self._cloud.bucket(bucket)
        if objects.size(release.key) == release.path.stat().st_size:
            return
        self._teller.say(f"Uploading the release, {release.path.stat().st_size / 2**20:.0f} MiB.")
        objects.upload(release.path, release.key, content_type="application/x-tar")

    # Down

    def holding(self) -> list[Resource]:
        """What holds data in the stacks that are there."""
        return [resource for stack in self._stacks().values() for resource in self._data_of(stack)]

    def down(self, *, delete_data: bool) -> list[str]:
        """Deletes the stacks that work; with ``delete_data`` those that hold data, too, and all data in them. The names
        of the stacks that are left."""
        retained = {template.kind: template.retained for template in self._templates}
        for kind, stack in reversed(self._stacks().items()):
            if kind in KEEPING and not delete_data:
                continue
            data = self._data_of(stack) if delete_data else []
            if kind in KEEPING:  # before the stack: should this be broken off, it still knows what is left
                self._delete_data([resource for resource in data if resource.logical_id in retained[kind]])
            self._delete(stack)
            self._delete_data(data)  # a load balancer, for one, writes its log to the end
        if delete_data:
            self._cloud.settings.delete()
            self._cloud.secrets.delete()
        return [stack.name for stack in self._stacks().values()]

    def _stacks(self) -> dict[str, Stack]:
        named = {template.kind: template.stack_name(self._deployment) for template in self._templates}
        found = {kind: self._cloud.stacks.find(name) for kind, name in named.items()}
        return {kind: stack for kind, stack in found.items() if stack is not None}

    def _data_of(self, stack: Stack) -> list[Resource]:
        resources = self._cloud.stacks.resources(stack.name)
        return [resource for resource in resources if resource.kind in HOLDING_DATA and resource.physical_id]

    def _delete_data(self, data: list[Resource]) -> None:
        for resource in data:
            if self._cloud.leftovers.delete(resource):
                self._teller.say(f"Deleted {resource.physical_id}.")

    def _delete(self, stack: Stack) -> None:
        events = self._follow(stack.name, self._cloud.stacks.delete(stack))
        after = self._cloud.stacks.find(stack.stack_id)
        if after is not None and after.status != "DELETE_COMPLETE":
            raise GasError(f"{stack.name} was not deleted ({after.status}): {why_it_failed(events)}")

    # Servers that run are told anew

    def restart_servers(self) -> None:
        """Replaces the servers that are told secrets, one after the other, if others are there than they were told."""
        self._settle(self._servers)
        if self._cloud.stacks.find(self._servers) is None:
            return  # they will read it when they are there
        told = {"SecretsVersion": self._cloud.secrets.version()}
        self._change(self._servers, self._cloud.stacks.propose(self._servers, told, template=None))

    def told(self) -> dict[str, str]:
        """The settings that servers have; where there are no servers, those that they would get."""
        return self._cloud.settings.read(self._told_version())

    def _told_version(self) -> str:
        """Empty where there are no servers."""
        stack = self._cloud.stacks.find(self._servers)
        return stack.parameters.get("SettingsVersion", "") if stack else ""

    # What they have in common

    def _known(self, release: Release | None) -> dict[str, str]:
        url = self._deployment.url
        return {
            **self._deployment.chosen,
            "Deployment": self._deployment.name,
            "AnnotatorUrl": url,
            "MakeSubscriptions": "no",  # the servers do that when SNS can reach them
            "UtilUrl": url,
            "FrontendUrl": url,
            **({"ReleaseKey": release.key, "ReleaseSha256": release.sha256} if release else {}),
        }

    @property
    def _servers(self) -> str:
        return next(each.stack_name(self._deployment) for each in self._templates if each.kind == "servers")

    def _versions(self, known: Mapping[str, str]) -> dict[str, str]:
        """Of what servers read at their start, once the core stack stands."""
        return {
            "SettingsVersion": self._cloud.settings.version_of(self._settings(known), self._told_version()),
            "SecretsVersion": self._cloud.secrets.version(),
        }

    def _settings(self, known: Mapping[str, str]) -> dict[str, str]:
        """What all servers are told, but for the secrets."""
        core = next(template for template in self._templates if template.kind == "core")
        return {
            **self._deployment.settings,
            **settings_from_outputs({name: known[name] for name in sorted(core.outputs) if name in known}),
            **self._own_settings(),
        }

    def _own_settings(self) -> dict[str, str]:
        url = self._deployment.url
        return {"GAS_REGION": self._deployment.region, "GAS_PUBLIC_URL": url, "GAS_HOOK_URL": url}

    def _check_settings(self, with_secrets: Mapping[str, str]) -> None:
        """Before anything is made."""
        core = next(template for template in self._templates if template.kind == "core")
        settings = self._settings(dict.fromkeys(core.outputs, "known later"))
        chosen = self._deployment.settings.keys() & (
            settings_from_outputs(dict.fromkeys(core.outputs, "")) | self._own_settings()
        )
        if chosen:
            raise ConfigurationError(f"{', '.join(sorted(chosen))}: not to be chosen, take it out of [settings].")
        check_servers({**settings, **with_secrets})

    def _text(self, template: Template, known: Mapping[str, str]) -> str:
        keys = {path: _function_key(data) for path, data in self._functions.items()}
        return template.with_code(known["ArtifactsBucket"], keys) if template.functions else template.text

    def _follow(self, name: str, events: Iterator[Event]) -> list[Event]:
        seen = []
        for event in events:
            seen.append(event)
            self._teller.happened(name, event)
        return seen

    def _standing(self, name: str) -> Stack:
        stack = self._cloud.stacks.find(name)
        if stack is None:
            raise GasError(f"The stack {name} is gone. Did somebody else delete it?")
        return stack


def _function_key(data: bytes) -> str:
    return f"functions/{hashlib.sha256(data).hexdigest()}.zip"
