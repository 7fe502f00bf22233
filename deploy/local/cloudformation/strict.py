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
        described = Stack.parse_template(template).get("Resources", {})
        unknown = sorted({resource["Type"] for resource in described.values()} - TYPES)
        if unknown:
            raise ValidationError(message=f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]")
        return super().create_stack(name, template, parameters, *args, **kwargs)


def install() -> None:
    """Every CloudFormation backend that moto makes from now on is strict."""
    cloudformation_backends.backend = StrictCloudFormation
    Stack.parse_template = staticmethod(_parse)  # type: ignore[method-assign]  # moto has no other hook


def _parse(template: str) -> dict[str, Any]:
    try:
        document: dict[str, Any] = yaml.load(template, _Loader)  # noqa: S506 - derived from a safe one
    except yaml.YAMLError:
        document = json.loads(template)
    return document
