"""Creates in the running local cloud the very stack that is deployed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from shared.core.errors import GasError

TEMPLATE = Path(__file__).parent.parent / "stack" / "core.yaml"
STACK_NAME = "gas"
REGION = "us-east-1"


def create(cloud_url: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """The outputs of the stack once it is complete. Raises `GasError` with CloudFormation's reason where it fails."""
    cloudformation = boto3.client(
        "cloudformation",
        endpoint_url=cloud_url,
        region_name=REGION,
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 - any value does
    )
    try:
        cloudformation.create_stack(
            StackName=STACK_NAME,
            TemplateBody=TEMPLATE.read_text(),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        )
        stack = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"][0]
    except ClientError as error:
        raise GasError(f"The stack was not created: {error.response['Error']['Message']}") from None
    except BotoCoreError as error:
        raise GasError(f"The local cloud did not answer: {error}") from None
    if stack["StackStatus"] != "CREATE_COMPLETE":
        raise GasError(f"The stack is {stack['StackStatus']}: {stack.get('StackStatusReason', 'no reason given')}.")
    return {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}
