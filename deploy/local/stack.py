"""Creates in the running local cloud the very stack that is deployed, or brings the one that is there in line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from shared.core.errors import GasError

TEMPLATE = Path(__file__).parent.parent / "stack" / "core.yaml"
STACK_NAME = "gas"
REGION = "us-east-1"
_NO_UPDATE = "No updates are to be performed."


def create(cloud_url: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """The outputs of the stack once it is complete. One that was created before is updated, where the template or the
    parameters changed since. Raises `GasError` with CloudFormation's reason where it fails."""
    cloudformation = boto3.client(
        "cloudformation",
        endpoint_url=cloud_url,
        region_name=REGION,
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 - any value does
    )
    described: Any = {
        "StackName": STACK_NAME,
        "TemplateBody": TEMPLATE.read_text(),
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
    }
    try:
        if any(stack["StackName"] == STACK_NAME for stack in cloudformation.describe_stacks()["Stacks"]):
            try:
                cloudformation.update_stack(**described)
            except ClientError as error:
                if error.response["Error"]["Message"] != _NO_UPDATE:
                    raise
        else:
            cloudformation.create_stack(**described)
        stack = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"][0]
    except ClientError as error:
        raise GasError(
            f"The stack was not created, or not brought in line with the template: {error.response['Error']['Message']}"
        ) from None
    except BotoCoreError as error:
        raise GasError(f"The local cloud did not answer: {error}") from None
    if stack["StackStatus"] not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        raise GasError(f"The stack is {stack['StackStatus']}: {stack.get('StackStatusReason', 'no reason given')}.")
    return {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}
