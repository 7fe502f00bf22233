"""The templates of the stacks: which there are, in which order, and what each has to be told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from cli.deploy_file import Deployment
from shared.aws.stacks import Change
from shared.core.errors import ConfigurationError

FOLDER: Final = Path(__file__).parent.parent / "deploy" / "stack"
KINDS: Final = ("network", "core", "roles", "servers", "alarms")
"""In this order: a parameter has the value of the output of the same name of a stack before."""
COMPUTED: Final = frozenset(
    {
        "Deployment",
        "AnnotatorUrl",
        "UtilUrl",
        "FrontendUrl",
        "HookProtocol",
        "MakeSubscriptions",
        "ReleaseKey",
        "ReleaseSha256",
        "SettingsVersion",
        "SecretsVersion",
    }
)
"""Parameters that `gas deploy` finds out by itself."""
_CODE = re.compile(r"^(?P<indent> *)Code: (?P<path>\.\./[^\s#]+).*$", re.MULTILINE)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # a class either way
    """Reads what can be read without CloudFormation: its functions are nothing here."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: None)  # noqa: ARG005 - PyYAML's signature


@dataclass(frozen=True)
class Template:
    """One of the stacks."""

    kind: str
    text: str
    parameters: Mapping[str, Mapping[str, Any]]
    outputs: frozenset[str]
    resources: Mapping[str, str]
    """Logical id → type."""
    retained: frozenset[str]
    """Logical ids of those that CloudFormation keeps when it deletes the stack."""

    def stack_name(self, deployment: Deployment) -> str:
        """The core stack has the deployment's own name, so that its resources are named as in the local cloud."""
        return deployment.name if self.kind == "core" else f"{deployment.name}-{self.kind}"

    @property
    def functions(self) -> list[str]:
        """Folders of Lambda functions, as the template names them."""
        return [match["path"] for match in _CODE.finditer(self.text)]

    def with_code(self, bucket: str, keys: Mapping[str, str]) -> str:
        """The text, in which code of Lambda functions lies in a bucket, as `aws cloudformation package` would say it."""
        return _CODE.sub(
            lambda match: f"{match['indent']}Code: {{S3Bucket: {bucket}, S3Key: {keys[match['path']]}}}", self.text
        )

    def additions(self) -> tuple[Change, ...]:
        """What its creation makes; some of it perhaps not, where the template has conditions."""
        return tuple(Change("Add", name, kind) for name, kind in self.resources.items())


def load(folder: Path = FOLDER) -> tuple[Template, ...]:
    """Every template, in order. Raises `ConfigurationError` for one that cannot be read."""
    return tuple(_load(kind, folder / f"{kind}.yaml") for kind in KINDS)


def _load(kind: str, path: Path) -> Template:
    try:
        text = path.read_text()
        found = yaml.load(text, _Loader)  # noqa: S506 - a safe loader that knows CloudFormation's tags
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from None
    return Template(
        kind=kind,
        text=text,
        parameters=found.get("Parameters", {}),
        outputs=frozenset(found.get("Outputs", {})),
        resources={name: resource["Type"] for name, resource in found["Resources"].items()},
        retained=frozenset(
            name for name, resource in found["Resources"].items() if resource.get("DeletionPolicy") == "Retain"
        ),
    )


def check_parameters(deployment: Deployment, templates: tuple[Template, ...]) -> None:
    """Raises `ConfigurationError` for a parameter in the deployment's file that no stack has, that is not to be chosen, or
    that its stack would refuse."""
    outputs = frozenset[str]().union(*(template.outputs for template in templates))
    known = frozenset[str]().union(*(template.parameters for template in templates))
    for name in deployment.parameters:
        if name not in known:
            raise ConfigurationError(f"No stack has a parameter {name}; deploy/stack/*.yaml describe all.")
        if name in COMPUTED | outputs:
            raise ConfigurationError(f"{name} is not to be chosen: take it out of [parameters].")
    given = deployment.chosen
    for template in templates:
        for name, about in template.parameters.items():
            if name in given and (trouble := _trouble(given[name], about)):
                raise ConfigurationError(
                    f"{name} under [parameters] is {given[name]!r}, {trouble}. {about.get('Description', '')}".rstrip()
                )
        _check_sizes(template, given)
    _check_certificate(given.get("CertificateArn", ""), deployment.region)


def _trouble(value: str, about: Mapping[str, Any]) -> str:
    """Why CloudFormation, or what the stack makes, would refuse a parameter's value; empty where nothing would."""
    if about["Type"] == "Number":
        if not re.fullmatch(r"-?\d+", value, re.ASCII):
            return "which is no whole number"
        if "MinValue" in about and int(value) < int(about["MinValue"]):
            return f"which is less than {about['MinValue']}"
        if "MaxValue" in about and int(value) > int(about["MaxValue"]):
            return f"which is more than {about['MaxValue']}"
    if "AllowedValues" in about and value not in about["AllowedValues"]:
        return f"which is none of {', '.join(about['AllowedValues'])}"
    if "AllowedPattern" in about and not re.fullmatch(about["AllowedPattern"], value, re.ASCII):
        return f"which does not match {about['AllowedPattern']}"
    return ""


def _check_sizes(template: Template, given: Mapping[str, str]) -> None:
    """An update starts one more server than the least number, and its stack refuses where that is the greatest, too."""
    sizes = {name: given.get(name, about.get("Default")) for name, about in template.parameters.items()}
    for name, least in sizes.items():
        greatest = sizes.get(f"{name.removesuffix('Min')}Max") if name.endswith("Min") else None
        if least is not None and greatest is not None and int(least) >= int(greatest):
            raise ConfigurationError(
                f"{name} is {least}, and {name.removesuffix('Min')}Max is {greatest}: say more than {least} under "
                "[parameters], since an update starts one more."
            )


def _check_certificate(arn: str, region: str) -> None:
    if arn and arn.split(":")[3] != region:
        raise ConfigurationError(
            f"CertificateArn under [parameters] is of {arn.split(':')[3]}, and the deployment is in {region}: load balancers "
            "use certificates of their own region. Request one there."
        )


def unknown(template: Template, known: Mapping[str, str], templates: tuple[Template, ...]) -> list[str]:
    """Parameters without a value as long as a stack before is not there.

    Raises `ConfigurationError` that names a parameter which somebody has to choose.
    """
    outputs = frozenset[str]().union(*(each.outputs for each in templates))
    missing = [name for name, about in template.parameters.items() if name not in known and "Default" not in about]
    for name in missing:
        if name not in outputs | COMPUTED:
            about = template.parameters[name].get("Description", "")
            raise ConfigurationError(f"Say {name} under [parameters] in the deployment's file: {about}".rstrip())
    if template.functions and "ArtifactsBucket" not in known:
        missing.append("ArtifactsBucket")
    return missing


def arguments(template: Template, known: Mapping[str, str]) -> dict[str, str]:
    """The template's parameters, from what is known."""
    return {name: known[name] for name in template.parameters if name in known}
