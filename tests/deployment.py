"""A deployment in small: five stacks that moto can make, with the parameters and outputs of the real ones that matter."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path

import pytest
from moto.cloudformation import parsing
from moto.cloudformation.models import ChangeSet
from moto.core.common_models import CloudFormationModel

from cli.deploy_templates import FOLDER, Template, _load, load
from shared.aws.topics import DELIVERY_POLICY
from shared.core.channels import SubscriptionView
from tests.fakes import FakeSubscriptions

FILE = """
name = "gas"
region = "eu-central-1"
[parameters]
DomainName = "gas.example.org"
MailIdentity = "example.org"
AlarmEmail = "alice@example.org"
AnnotatorMax = 7
[settings]
GAS_MAIL_FROM = "GAS <gas@mail.example.org>"
GAS_STRIPE_PRICE = "price_1"
GAS_MAX_UPLOAD_MIB = 80
"""

_RETAINED = "    DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain\n"

NETWORK = f"""
Parameters:
  Deployment: {{Type: String}}
Resources:
  Artifacts:
    Type: AWS::S3::Bucket
{_RETAINED}
Outputs:
  ArtifactsBucket: {{Value: !Ref Artifacts}}
"""

CORE = f"""
Parameters:
  AnnotatorUrl: {{Type: String}}
  MailIdentity: {{Type: String, Default: example.net}}
Resources:
  Restoring:
    Type: AWS::SNS::Topic
    Metadata:
      Code: ../lambda/restore # comment
    Properties: {{DisplayName: !Ref MailIdentity}}
  Jobs:
    Type: AWS::DynamoDB::Table
{_RETAINED}
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{{AttributeName: job_id, AttributeType: S}}]
      KeySchema: [{{AttributeName: job_id, KeyType: HASH}}]
  Limits: # not retained, as the real one
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{{AttributeName: counter, AttributeType: S}}]
      KeySchema: [{{AttributeName: counter, KeyType: HASH}}]
  Inputs:
    Type: AWS::S3::Bucket
{_RETAINED}
  DeadLetters:
    Type: AWS::SQS::Queue
{_RETAINED}
Outputs:
  JobsTable: {{Value: !Ref Jobs}}
  InputsBucket: {{Value: !Ref Inputs}}
"""

ROLES = """
Parameters:
  Deployment: {Type: String}
  JobsTable: {Type: String}
Resources:
  Role:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: !Ref JobsTable}
Outputs:
  FrontendInstanceProfile: {Value: !Ref Role}
"""

SERVERS = f"""
Parameters:
  Deployment: {{Type: String}}
  ReleaseKey: {{Type: String}}
  ReleaseSha256: {{Type: String}}
  SettingsVersion: {{Type: String}}
  SecretsVersion: {{Type: String}}
  FrontendInstanceProfile: {{Type: String}}
  AnnotatorMax: {{Type: Number, Default: 10}}
  DomainName: {{Type: String}}
Resources:
  Server:
    Type: AWS::SNS::Topic
    Properties:
      DisplayName: !Sub "${{ReleaseSha256}} ${{SettingsVersion}} ${{SecretsVersion}} ${{AnnotatorMax}}"
  AccessLogs:
    Type: AWS::S3::Bucket
{_RETAINED}
Outputs:
  LoadBalancerDnsName: {{Value: gas-1.eu-central-1.elb.amazonaws.com}}
"""

ALARMS = """
Parameters:
  Deployment: {Type: String}
  AlarmEmail: {Type: String, Description: Where alarms are mailed to.}
Resources:
  Alarms:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: !Ref AlarmEmail}
"""

STACKS = {"network": NETWORK, "core": CORE, "roles": ROLES, "servers": SERVERS, "alarms": ALARMS}


def templates(folder: Path) -> tuple[Template, ...]:
    """Written into that folder, and read as the real ones are. The outputs that the servers need are all there."""
    for kind, text in STACKS.items():
        whole = text
        if kind == "core":
            whole += "".join(
                f"  {name}: {{Value: {name}}}\n" for name in sorted(_real_outputs()) if f"  {name}:" not in text
            )
        (folder / f"{kind}.yaml").write_text(whole)
    return load(folder)


_MODELS = {
    model.cloudformation_type(): model
    for model in CloudFormationModel.__subclasses__()
    if model.__module__.startswith("moto.")
}


@functools.cache
def _real_outputs() -> frozenset[str]:
    return _load("core", FOLDER / "core.yaml").outputs


def pushed(url: str) -> FakeSubscriptions:
    """All that is pushed to servers is pushed to this deployment's. Topics are called as their outputs."""
    names = ("JobRequests", "JobResults", "MailFeedback", "AccountChanges", "ArchiveDue", "RestoreRequests", "Daily")
    policy = json.dumps(DELIVERY_POLICY)
    return FakeSubscriptions(
        {
            f"{name}Topic": [SubscriptionView(f"{url}/hooks/{_kebab(name)}", True, policy, True, f"arn:{name}")]
            for name in names
        }
    )


def _kebab(name: str) -> str:
    return re.sub("(?<!^)(?=[A-Z])", "-", name).lower()


def mend_change_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    """moto's change sets change resources, but leave outputs and parameters of the stack as they were. And the resources
    are to be moto's own, not those of the local cloud, which another test may have imported."""
    monkeypatch.setattr(parsing, "get_model_map", lambda: _MODELS)
    apply = ChangeSet.apply

    def whole(self: ChangeSet) -> None:
        apply(self)
        self.stack.template_dict, self.stack.parameters = self.template_dict, self.parameters
        self.stack.output_map = self.stack._create_output_map()

    monkeypatch.setattr(ChangeSet, "apply", whole)
