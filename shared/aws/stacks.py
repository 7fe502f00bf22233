"""CloudFormation stacks, changed by change sets: what would change is known before it does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared.aws.errors import code_of, message_of, translated
from shared.core.errors import Permanent, Unavailable

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import StackTypeDef

DONE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
"""What a stack is after a change that was made."""
ROLLED_BACK = "UPDATE_ROLLBACK_COMPLETE"
"""What a stack is that stands as it did before a change which failed."""
_POLL_SECONDS = 3.0
_SILENT_POLLS = 40
"""After so many without a word CloudFormation is not believed to have begun."""
_NOTHING = ("didn't contain changes", "No updates are to be performed")
"""Parts of the reasons with which CloudFormation refuses a change set without a change."""
_LARGEST = 51_200  # bytes; a larger one has to lie in S3


@dataclass(frozen=True)
class Stack:
    """How a stack stands."""

    name: str
    stack_id: str
    status: str
    """CloudFormation's, such as ``UPDATE_COMPLETE``."""
    reason: str
    """Why it is so; often empty."""
    changed_at: datetime
    outputs: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_changing(self) -> bool:
        """Whether CloudFormation works on it."""
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"

    @property
    def stands(self) -> bool:
        """Whether all of it is as its template and its parameters say, be it after a change or without it."""
        return self.status in DONE or self.status == ROLLED_BACK

    @property
    def never_was(self) -> bool:
        """Whether its creation failed or was not begun: nothing can be done with it but to delete it."""
        return self.status in {"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"}


@dataclass(frozen=True)
class Change:
    """What would become of one resource."""

    action: str
    """``Add``, ``Modify``, ``Remove``, ``Import`` or ``Dynamic`` (known only when it is done)."""
    logical_id: str
    kind: str
    """Such as ``AWS::S3::Bucket``."""
    replacement: str = ""
    """For ``Modify``: whether another resource takes its place, ``True``, ``False`` or ``Conditional``."""
    because: tuple[str, ...] = ()
    """Names of the properties that change."""

    @property
    def takes_away(self) -> bool:
        """Whether the resource that is there may be gone from the stack afterwards."""
        return self.action in {"Remove", "Dynamic"} or self.replacement in {"True", "Conditional"}


@dataclass(frozen=True)
class Proposal:
    """A change set that can be executed or thrown away."""

    stack: str
    change_set_id: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Event:
    """What happened to one resource."""

    event_id: str
    at: datetime
    logical_id: str
    kind: str
    status: str
    reason: str

    @property
    def is_the_end(self) -> bool:
        """Whether it is the stack itself that was done with."""
        return self.kind == "AWS::CloudFormation::Stack" and not self.status.endswith("_IN_PROGRESS")


@dataclass(frozen=True)
class Resource:
    """What belongs to a stack."""

    logical_id: str
    kind: str
    physical_id: str


class Stacks:
    """The stacks of one region. Every method raises `GasError`."""

    def __init__(self, cloudformation: CloudFormationClient, sleep: Callable[[float], None] = time.sleep) -> None:
        self._cloudformation, self._sleep = cloudformation, sleep

    def find(self, name_or_id: str) -> Stack | None:
        """None where there is none. A deleted one is found by its id."""
        with _translated():
            try:
                found = self._cloudformation.describe_stacks(StackName=name_or_id)["Stacks"]
            except ClientError as error:
                if code_of(error) == "ValidationError":  # AWS's word for what is not there
                    return None
                raise
        return _stack(found[0]) if found else None

    def propose(self, name: str, parameters: Mapping[str, str], template: str | None) -> Proposal | None:
        """What would change; None where nothing would. A stack that is not there would be created.

        Parameters that are not named get the template's default; without a template the stack's own is kept, and so are
        parameters that are not named.
        """
        before = self.find(name)
        given: dict[str, Any] = {
            "StackName": name,
            "ChangeSetName": f"gas-deploy-{time.time_ns()}",
            "ChangeSetType": "UPDATE" if before else "CREATE",
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        }
        if template is None:
            kept = (before.parameters if before else {}).keys() - parameters.keys()
            given["Parameters"] += [{"ParameterKey": key, "UsePreviousValue": True} for key in sorted(kept)]
            given["UsePreviousTemplate"] = True
        elif len(template.encode()) > _LARGEST:
            raise Permanent(
                f"The template of {name} is longer than {_LARGEST} bytes, the most that CloudFormation takes."
            )
        else:
            given["TemplateBody"] = template
        with _translated():
            try:
                change_set_id = self._cloudformation.create_change_set(**given)["Id"]
            except ClientError as error:
                if _says_nothing_changes(message_of(error)):
                    return None
                raise
        return self._proposal(name, change_set_id)

    def _proposal(self, name: str, change_set_id: str) -> Proposal | None:
        while True:
            with _translated():
                page: Any = self._cloudformation.describe_change_set(ChangeSetName=change_set_id)
            if page["Status"] not in {"CREATE_PENDING", "CREATE_IN_PROGRESS"}:
                break
            self._sleep(_POLL_SECONDS)
        if page["Status"] != "CREATE_COMPLETE":
            self.discard(change_set_id)
            reason = page.get("StatusReason", "no reason given")
            if _says_nothing_changes(reason):
                return None
            raise Permanent(f"CloudFormation cannot change {name}: {reason}")
        changes = [_change(item) for item in page.get("Changes", [])]
        while token := page.get("NextToken"):
            with _translated():
                page = self._cloudformation.describe_change_set(ChangeSetName=change_set_id, NextToken=token)
            changes += [_change(item) for item in page.get("Changes", [])]
        return Proposal(name, change_set_id, tuple(changes))

    def discard(self, change_set_id: str) -> None:
        """Nothing of it happens."""
        with _translated():
            self._cloudformation.delete_change_set(ChangeSetName=change_set_id)

    def execute(self, proposal: Proposal) -> Iterator[Event]:
        """Does it. Events come as they happen, and end when the stack stands still; `find` then says how it stands."""
        seen = self._latest(proposal.stack)
        with _translated():  # what a failed creation made is empty: it would only be in the way of the next try
            self._cloudformation.execute_change_set(ChangeSetName=proposal.change_set_id, RetainExceptOnCreate=True)
        yield from self._follow(proposal.stack, seen)

    def delete(self, stack: Stack) -> Iterator[Event]:
        """Deletes the stack, but none of the resources that it retains."""
        seen = self._latest(stack.stack_id)
        with _translated():
            self._cloudformation.delete_stack(StackName=stack.stack_id)
        yield from self._follow(stack.stack_id, seen)

    def watch(self, name: str) -> Iterator[Event]:
        """What happens from now on to a stack that changes, until it stands still."""
        yield from self._follow(name, self._latest(name), has_ended=True)

    def resources(self, name: str) -> list[Resource]:
        """All that belong to it."""
        with _translated():
            pages = self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
            return [
                Resource(item["LogicalResourceId"], item["ResourceType"], item.get("PhysicalResourceId", ""))
                for page in pages
                for item in page["StackResourceSummaries"]
            ]

    def _follow(self, name_or_id: str, seen: str, *, has_ended: bool = False) -> Iterator[Event]:
        """Until the stack stands still. That it does says its own last event: for a moment CloudFormation may describe a
        stack as it was before what it was just asked to do. ``has_ended``: that event may have been before ``seen``."""
        silent = 0
        while True:
            stack = self.find(name_or_id)  # before its events, so that none is missed
            events = list(self._since(name_or_id, seen))
            yield from events
            seen = events[-1].event_id if events else seen
            has_ended = has_ended or any(event.is_the_end for event in events)
            if stack is None or stack.status == "DELETE_COMPLETE" or (has_ended and not stack.is_changing):
                return
            silent = 0 if events or stack.is_changing else silent + 1
            if silent == _SILENT_POLLS:
                raise Unavailable(f"CloudFormation does not say that it began to change {stack.name}. Run this again.")
            self._sleep(_POLL_SECONDS)

    def _since(self, name_or_id: str, seen: str) -> Iterator[Event]:
        """What happened after the event of that id, the oldest first."""
        newer: list[Event] = []
        with _translated():
            try:
                for page in self._cloudformation.get_paginator("describe_stack_events").paginate(StackName=name_or_id):
                    for item in page["StackEvents"]:  # the newest first
                        if item["EventId"] == seen:
                            return iter(newer[::-1])
                        newer.append(_event(item))
            except ClientError as error:
                if code_of(error) != "ValidationError":
                    raise  # else it is gone
        return iter(newer[::-1])

    def _latest(self, name_or_id: str) -> str:
        """The id of the latest event."""
        with _translated():
            found = self._cloudformation.describe_stack_events(StackName=name_or_id)["StackEvents"]
        return found[0]["EventId"] if found else ""


def why_it_failed(events: list[Event]) -> str:
    """The first failure is the cause; what CloudFormation cancels after it is not."""
    for event in events:
        if event.status.endswith("_FAILED") and "cancelled" not in event.reason:
            return f"{event.logical_id} ({event.kind}): {event.reason or 'no reason given'}"
    return "CloudFormation gives no reason"


def _says_nothing_changes(reason: str) -> bool:
    return any(part in reason for part in _NOTHING)


def _stack(item: StackTypeDef) -> Stack:
    return Stack(
        name=item["StackName"],
        stack_id=item.get("StackId", ""),
        status=item["StackStatus"],
        reason=item.get("StackStatusReason", ""),
        changed_at=item.get("LastUpdatedTime") or item["CreationTime"],
        outputs={one.get("OutputKey", ""): one.get("OutputValue", "") for one in item.get("Outputs", [])},
        parameters={one.get("ParameterKey", ""): one.get("ParameterValue", "") for one in item.get("Parameters", [])},
    )


def _change(item: Any) -> Change:
    found = item["ResourceChange"]
    names = (detail.get("Target", {}) for detail in found.get("Details", []))
    because = {target.get("Name") or target.get("Attribute", "") for target in names}
    return Change(
        action=found["Action"],
        logical_id=found["LogicalResourceId"],
        kind=found["ResourceType"],
        replacement=found.get("Replacement", ""),
        because=tuple(sorted(because - {""})),
    )


def _event(item: Any) -> Event:
    return Event(
        event_id=item["EventId"],
        at=item["Timestamp"],
        logical_id=item.get("LogicalResourceId", ""),
        kind=item.get("ResourceType", ""),
        status=item.get("ResourceStatus", ""),
        reason=item.get("ResourceStatusReason", ""),
    )


@contextmanager
def _translated() -> Iterator[None]:
    """CloudFormation's own words say best what is wrong with a template or a parameter."""
    with translated("CloudFormation"):
        try:
            yield
        except ClientError as error:
            if code_of(error) == "ValidationError":
                raise Permanent(f"CloudFormation refused: {message_of(error)}") from error
            raise
