"""A template is created as it is written, or not at all.

moto skips resource types and ignores properties that it does not know; a stack that "works" locally would then lack
what it has on AWS, or the other way round.
"""

from __future__ import annotations

import json
from typing import Any

import yaml
from moto.cloudformation import urls
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import CloudFormationBackend, Stack, cloudformation_backends
from moto.cloudformation.parsing import ResourceMap
from moto.cloudformation.utils import yaml_tag_constructor

from deploy.local.cloudformation import access, compute, mail, messaging, resources, storage
from deploy.local.moto_urls import UrlModule

MODULES = (access, compute, mail, messaging, storage)
"""Importing them registers their types."""
TYPES = resources.TYPES


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # a class either way
    """Reads a template as moto's loader does, but with libyaml where it is there: the start waits for it."""


_Loader.add_multi_constructor("", yaml_tag_constructor)


class StrictCloudFormation(CloudFormationBackend):
    """Refuses resource types that nothing here creates."""

    @property
    def _url_module(self) -> UrlModule:
        return UrlModule(urls.url_bases, urls.url_paths)

    def create_stack(self, name: str, template: str, parameters: dict[str, Any], *args: Any, **kwargs: Any) -> Stack:
        _resources(template)
        return super().create_stack(name, template, parameters, *args, **kwargs)

    def update_stack(self, name: str, template: str, *args: Any, **kwargs: Any) -> Stack:
        """Nothing leaves the stack: what a template does not name any more may hold what somebody needs."""
        gone = sorted(set(self.get_stack(name).resource_map.resources) - _resources(template).keys())
        if gone:
            raise ValidationError(message=f"The local cloud removes nothing from a stack: [{', '.join(gone)}].")
        stack = self.get_stack(name)
        resources = stack.resource_map
        before = stack.template, stack.template_dict, resources._template, resources._resource_json_map
        try:
            return super().update_stack(name, template, *args, **kwargs)
        except BaseException:  # moto would take it for done, the next time
            stack.template, stack.template_dict, resources._template, resources._resource_json_map = before
            raise


def install() -> None:
    """Every CloudFormation backend that moto makes from now on is strict."""
    cloudformation_backends.backend = StrictCloudFormation
    Stack.parse_template = staticmethod(_parse)  # type: ignore[method-assign]  # moto has no other hook
    setattr(ResourceMap, "build_resource_diff", _compare)  # noqa: B010 - mypy: a method there, and replaced for good


def _resources(template: str) -> dict[str, Any]:
    described: dict[str, Any] = Stack.parse_template(template).get("Resources", {})
    unknown = sorted({resource["Type"] for resource in described.values()} - TYPES)
    if unknown:
        raise ValidationError(message=f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]")
    return described


def _compare(resources: ResourceMap, template: dict[str, Any], _: Any = None) -> dict[str, list[str]]:
    """What an update has to look at: all there is, since moto overlooks parameters within ``Fn::Sub``."""
    known, described = set(resources.resources), template["Resources"]
    return {
        "Add": [name for name in described if name not in known],
        "Modify": [name for name in described if name in known],
        "Remove": [],
    }


def _parse(template: str) -> dict[str, Any]:
    try:
        document: dict[str, Any] = yaml.load(template, _Loader)  # noqa: S506 - derived from a safe one
    except yaml.YAMLError:
        document = json.loads(template)
    return document
