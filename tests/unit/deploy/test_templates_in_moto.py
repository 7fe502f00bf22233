"""Network, servers and alarms, created in moto: each stack gets by its parameters what the ones before put out.

The core stack is created by the local cloud, in tests/functional/test_local_stack.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.cloudformation import parsing
from moto.core.common_models import CloudFormationModel

from tests.unit.deploy.templates import FOLDER, STACKS

REGION = "eu-central-1"
UNKNOWN_TO_MOTO = {
    "AWS::AutoScaling::LifecycleHook",
    "AWS::AutoScaling::ScalingPolicy",
    "AWS::CloudWatch::Alarm",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::WAFv2::WebACL",
    "AWS::WAFv2::WebACLAssociation",
}
"""It leaves them out. That they are well-formed is cfn-lint's word alone."""

pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse")

CORE = {
    name: f"arn:aws:sns:{REGION}:123456789012:{name}"
    if name.endswith("Topic")
    else f"https://sqs.{REGION}.amazonaws.com/123456789012/{name}"
    if name.endswith("DeadLetters")
    else name
    for name in STACKS["core"]["Outputs"]
}
PROFILES = {f"{kind}InstanceProfile": kind.lower() for kind in ("Frontend", "Annotator", "Util")}
CHOSEN = {
    "DomainName": "gas.example.org",
    "AlarmEmail": "operators@example.org",
    "ReleaseKey": "releases/abc.tar",
    "ReleaseSha256": "0" * 64,
    "SettingsVersion": "1",
    "SecretsVersion": "b1f4",
}
"""What `gas deploy` and whoever gives it says."""


class Account:
    """An AWS account in which stacks are created one after the other."""

    def __init__(self) -> None:
        certificate = self.aws("acm").request_certificate(DomainName=CHOSEN["DomainName"])["CertificateArn"]
        self.known: dict[str, str] = {**CHOSEN, **CORE, **PROFILES, "CertificateArn": certificate}
        for name in PROFILES.values():
            self.aws("iam").create_instance_profile(InstanceProfileName=name)

    def aws(self, service: str) -> Any:
        return boto3.client(service, region_name=REGION)  # type: ignore[call-overload]  # any service

    def create(self, name: str, more: Mapping[str, str] | None = None) -> None:
        """Its outputs are known to the stacks after it."""
        known = {**self.known, **(more or {})}
        cloudformation = self.aws("cloudformation")
        cloudformation.create_stack(
            StackName=f"gas-{name}",
            TemplateBody=(FOLDER / f"{name}.yaml").read_text(),
            Parameters=[
                {"ParameterKey": parameter, "ParameterValue": known[parameter]}
                for parameter, described in STACKS[name]["Parameters"].items()
                if parameter in known or "Default" not in described
            ],
        )
        (stack,) = cloudformation.describe_stacks(StackName=f"gas-{name}")["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        assert outputs.keys() == STACKS[name].get("Outputs", {}).keys()
        self.known |= outputs


MODELS = {
    model.cloudformation_type(): model
    for model in CloudFormationModel.__subclasses__()
    if model.__module__.startswith("moto.")
}
"""moto's own, without those of the local cloud."""


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.setattr(parsing, "get_model_map", lambda: MODELS)
    with mock_aws():
        image = boto3.client("ec2", region_name=REGION).describe_images()["Images"][0]["ImageId"]
        monkeypatch.setattr(parsing.ResourceMap, "parse_ssm_parameter", lambda *_: image)  # moto has no Debian
        yield Account()


@pytest.mark.parametrize("name", ["network", "servers", "alarms"])
def test_whatever_a_stack_needs_comes_from_another_one_or_is_chosen(name: str) -> None:
    outputs = {output for template in STACKS.values() for output in template.get("Outputs", {})}
    needed = {key for key, parameter in STACKS[name]["Parameters"].items() if "Default" not in parameter}
    assert needed <= outputs | PROFILES.keys() | CHOSEN.keys() | {"CertificateArn"}


@pytest.mark.parametrize("name", ["network", "servers", "alarms"])
def test_moto_leaves_out_what_is_known_to_be_left_out(name: str) -> None:
    assert {one["Type"] for one in STACKS[name]["Resources"].values()} - MODELS.keys() <= UNKNOWN_TO_MOTO


def test_stack_after_stack_is_created(account: Account) -> None:
    account.create("network")
    account.create("servers")
    account.create("alarms")

    groups = account.aws("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    assert {group["AutoScalingGroupName"]: (group["MinSize"], group["TargetGroupARNs"]) for group in groups} == {
        "gas-frontend": (2, [account.known["FrontendTargets"]]),
        "gas-annotator": (1, [account.known["AnnotatorTargets"]]),
        "gas-util": (2, [account.known["UtilTargets"]]),
    }
    balancing = account.aws("elbv2")
    listeners = balancing.describe_listeners(LoadBalancerArn=account.known["LoadBalancer"])["Listeners"]
    (secure,) = (listener["ListenerArn"] for listener in listeners if listener["Port"] == 443)
    rules = balancing.describe_rules(ListenerArn=secure)["Rules"]
    assert [rule["Actions"][0].get("TargetGroupArn") for rule in rules] == [
        account.known["FrontendTargets"],  # Stripe's
        account.known["AnnotatorTargets"],
        account.known["UtilTargets"],
        account.known["FrontendTargets"],
        None,  # of another host
    ]


def test_the_host_name_is_entered_where_its_zone_is_in_this_account(account: Account) -> None:
    zone = account.aws("route53").create_hosted_zone(Name="example.org", CallerReference="1")["HostedZone"]["Id"]
    account.create("network")
    account.create("servers", {"HostedZoneId": zone.removeprefix("/hostedzone/")})
    records = account.aws("route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    assert "gas.example.org" in {record["Name"].rstrip(".") for record in records}
