"""How a resource type is taught to moto: as a function that creates one.

moto finds its resource types by the direct subclasses of `CloudFormationModel`, the latest defined first; so a type of
moto's own can be replaced as well as a missing one added.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Set
from typing import Any

from moto.cloudformation.exceptions import ValidationError
from moto.core.common_models import CloudFormationModel

Properties = dict[str, Any]
Create = Callable[[str, Properties, str, str], Any]
"""Name, properties, account, region → what `Ref` and `GetAtt` of the resource ask: moto's own object, or `Made`."""

Update = Callable[[Any, Properties, str, str], None]
"""What was made, its new properties, account, region: brings it in line. Its name stays."""

TYPES: set[str] = set()
"""Every type that is registered."""


class Made:
    """A resource of which moto has no object."""

    def __init__(self, physical_resource_id: str, attributes: Mapping[str, str] | None = None) -> None:
        self.physical_resource_id = physical_resource_id
        """What `Ref` answers."""
        self.described: Properties = {}
        """Its properties."""
        self._attributes = attributes or {}

    def get_cfn_attribute(self, attribute: str) -> str:
        """What `GetAtt` answers."""
        return self._attributes[attribute]

    def is_created(self) -> bool:
        """At once."""
        return True


def resource(
    resource_type: str,
    *,
    properties: Set[str],
    name_property: str = "",
    attributes: Set[str] = frozenset(),
    update: Update | None = None,
) -> Callable[[Create], Create]:
    """Registers the decorated function as the way to create resources of this type.

    ``properties``: those it heeds; any other is an error. ``attributes``: what `GetAtt` may ask of the object.
    ``update``: how one is changed; None where it cannot be.
    """

    def register(create: Create) -> Create:
        def create_from_cloudformation_json(
            name: str, cloudformation_json: Any, account_id: str, region_name: str, **_: Any
        ) -> Any:
            given: Properties = cloudformation_json["Properties"]
            only(given, properties, resource_type)
            described = copy.deepcopy(given)
            made = create(name, given, account_id, region_name)
            made.described = described
            return made

        def update_from_cloudformation_json(
            original_resource: Any, cloudformation_json: Any, account_id: str, region_name: str, **_: Any
        ) -> Any:
            given: Properties = cloudformation_json["Properties"]
            if given == original_resource.described:
                return original_resource
            only(given, properties, resource_type)
            named = original_resource.described.get(name_property) != given.get(name_property)
            if update is None or named:
                raise ValidationError(
                    message=f"{resource_type} {original_resource.physical_resource_id} cannot be changed in place"
                    f" ({', '.join(_changed(original_resource.described, given))})."
                )
            described = copy.deepcopy(given)
            update(original_resource, given, account_id, region_name)
            original_resource.described = described
            return original_resource

        type(
            f"Stack{resource_type.rpartition(':')[2]}",
            (CloudFormationModel,),
            {
                "__module__": __name__,
                "cloudformation_type": staticmethod(lambda: resource_type),
                "cloudformation_name_type": staticmethod(lambda: name_property),
                "has_cfn_attr": staticmethod(lambda attribute: attribute in attributes),
                "create_from_cloudformation_json": staticmethod(create_from_cloudformation_json),
                "update_from_cloudformation_json": staticmethod(update_from_cloudformation_json),
            },
        )
        TYPES.add(resource_type)
        return create

    return register


def _changed(before: Properties, after: Properties) -> list[str]:
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def only(given: Properties, known: Set[str], where: str) -> None:
    """Raises the CloudFormation error for a property that would be ignored."""
    unknown = sorted(set(given) - known)
    if unknown:
        raise ValidationError(message=f"The local cloud does not know [{', '.join(unknown)}] of {where}.")
