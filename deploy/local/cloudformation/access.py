"""AWS::IAM::Role, AWS::Lambda::Permission and AWS::S3::BucketPolicy. Nobody heeds them locally; they are there to be
looked at."""

from __future__ import annotations

import json

from moto.iam.models import Role, iam_backends
from moto.utilities.utils import get_partition

from deploy.local.cloudformation.resources import Made, Properties, only, resource


def _put_policies(made: Role, properties: Properties, account_id: str, region: str) -> None:
    backend = iam_backends[account_id][get_partition(region)]
    for policy in properties.get("Policies", []):
        only(policy, {"PolicyName", "PolicyDocument"}, "a role's policy")
        backend.put_role_policy(made.name, policy["PolicyName"], json.dumps(policy["PolicyDocument"]))


@resource(
    "AWS::IAM::Role",
    properties={"AssumeRolePolicyDocument", "Policies"},
    name_property="RoleName",
    attributes={"Arn", "RoleId"},
    update=_put_policies,
)
def role(name: str, properties: Properties, account_id: str, region: str) -> Role:
    """A role with its inline policies."""
    backend = iam_backends[account_id][get_partition(region)]
    made = backend.create_role(
        role_name=name,
        assume_role_policy_document=json.dumps(properties["AssumeRolePolicyDocument"]),
        path="/",
        permissions_boundary=None,
        description="",
        tags=[],
        max_session_duration=None,
    )
    _put_policies(made, properties, account_id, region)
    return made


@resource(
    "AWS::Lambda::Permission",
    properties={"FunctionName", "Action", "Principal", "SourceArn"},
    update=lambda *_: None,
)
def permission(name: str, _: Properties, account_id: str, region: str) -> Made:  # noqa: ARG001 - the signature of a maker
    """Who may invoke a function."""
    return Made(name)


@resource("AWS::S3::BucketPolicy", properties={"Bucket", "PolicyDocument"}, update=lambda *_: None)
def bucket_policy(name: str, _: Properties, account_id: str, region: str) -> Made:  # noqa: ARG001 - the signature of a maker
    """Who may do what with a bucket. Not given to moto, which overlooks conditions: HTTPS is for AWS alone."""
    return Made(name)
