"""Auto Scaling: the end of an instance that its group takes away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from shared.aws.errors import code_of, message_of, translated
from shared.core.errors import NotFound

if TYPE_CHECKING:
    from types_boto3_autoscaling import AutoScalingClient


class LifecycleHook:
    """A group's hook for instances that end."""

    def __init__(self, autoscaling: AutoScalingClient, *, group: str, hook: str) -> None:
        self._autoscaling = autoscaling
        self._group = group
        self._hook = hook

    def complete(self, instance_id: str) -> None:
        """The instance may be taken away. Raises `Unavailable`, and `NotFound` when the group does not wait for it (any
        more): the hook's timeout was shorter, or somebody completed it by hand."""
        with translated("Auto Scaling"):
            try:
                self._autoscaling.complete_lifecycle_action(
                    AutoScalingGroupName=self._group,
                    LifecycleHookName=self._hook,
                    InstanceId=instance_id,
                    LifecycleActionResult="CONTINUE",
                )
            except ClientError as error:
                if code_of(error) == "ValidationError":
                    raise NotFound(f"Nobody waits for the end of {instance_id}: {message_of(error)}") from error
                raise
