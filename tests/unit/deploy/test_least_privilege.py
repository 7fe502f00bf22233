"""Each role may do what its server was seen to do, on what it did it to, and nothing else.

What servers call is recorded by the tests of whole servers: deploy/stack/calls.json. What the scripts of their instances
call, and what a service does in a role's name, is read off the scripts and templates.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from cli.deploy_templates import COMPUTED
from deploy.local.stack import TEMPLATE
from tests import calls
from tests.calls import Call
from tests.unit.deploy.templates import FOLDER, STACKS, listed, of_type, properties, statements

REGION, ACCOUNT = "eu-central-1", "123456789012"
LARGEST_POLICY = 10_240  # characters, without white space, of all policies within one role
SERVERS = {"frontend": "Frontend", "annotator_hook": "Annotator", "util_hook": "Util"}
"""As they call themselves → as the templates call them."""


def value(output: str) -> str:
    """What an output of the core stack with this name could be, with its name for the resource's."""
    if output.endswith("Topic"):
        return f"arn:aws:sns:{REGION}:{ACCOUNT}:{output}"
    if output.endswith("DeadLetters"):
        return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{output}"
    if output == "ArchiveWaits":
        return f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{output}"
    return f"https://{output}" if output.endswith("Url") else output


@pytest.fixture(scope="module")
def roles() -> Iterator[dict[str, list[dict[str, Any]]]]:
    """Server → the statements of its role, once the stack is created."""
    with mock_aws():
        cloudformation = boto3.client("cloudformation", region_name=REGION)
        parameters = [name for name, one in STACKS["roles"]["Parameters"].items() if name != "Deployment"]
        cloudformation.create_stack(
            StackName="gas-roles",
            TemplateBody=(FOLDER / "roles.yaml").read_text(),
            Parameters=[{"ParameterKey": name, "ParameterValue": value(name)} for name in parameters],
            Capabilities=["CAPABILITY_IAM"],
        )
        (stack,) = cloudformation.describe_stacks(StackName="gas-roles")["Stacks"]
        profiles = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
        iam = boto3.client("iam", region_name=REGION)
        found: dict[str, list[dict[str, Any]]] = {}
        for server, name in SERVERS.items():
            profile = iam.get_instance_profile(InstanceProfileName=profiles[f"{name}InstanceProfile"])
            (role,) = profile["InstanceProfile"]["Roles"]
            assert not iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
            found[server] = []
            for policy in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
                got: Any = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=policy)
                document = got["PolicyDocument"]
                if isinstance(document, str):  # moto made it ``str``, unless more of it was imported
                    document = ast.literal_eval(document)
                found[server] += document["Statement"]
        yield found


def granted(role: list[dict[str, Any]]) -> set[Call]:
    """Every action with every resource that it is granted on."""
    assert {statement["Effect"] for statement in role} == {"Allow"}
    return {
        (action, resource if resource == "*" else resource.split(":", 5)[5])
        for statement in role
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


# What is not seen from the local cloud

BY_THE_AGENT = ("CreateLogStream", "DescribeLogStreams", "PutLogEvents")
"""What Amazon's agent asks of CloudWatch Logs where the group is there and its retention is left alone. Source: "Create IAM
roles and users for use with the CloudWatch agent", Amazon CloudWatch User Guide."""


def of_scripts(server: str) -> set[Call]:
    """What a server's instance calls while it is installed."""
    name = SERVERS[server]
    user_data = properties(("servers", f"{name}Template"))["LaunchTemplateData"]["UserData"]["Fn::Base64"]["Sub"]
    script = (FOLDER.parent / "servers" / "user-data.sh").read_text()
    found = set()
    for service, verb in re.findall(r"^ *aws (\w+) ([\w-]+)", f"{user_data}\n{script}", re.MULTILINE):
        match service, verb:
            case "cloudformation", "signal-resource":
                found.add(("cloudformation:SignalResource", "stack/gas-servers/*"))
            case "s3", "cp":
                found.add(("s3:GetObject", "ArtifactsBucket/releases/*"))
            case "s3", "sync":  # of annotators alone
                if server == "annotator_hook":
                    found |= {("s3:GetObject", "ArtifactsBucket/packs/*"), ("s3:ListBucket", "ArtifactsBucket")}
            case _:
                raise AssertionError(f"whoever added `aws {service} {verb}` has to say here what it calls")
    if "amazon-cloudwatch-agent-ctl" in script:
        assert f"GAS_LOG_GROUP=${{{name}Log}}\n" in user_data
        found |= {(f"logs:{action}", f"log-group:{name}Log:*") for action in BY_THE_AGENT}
    return found


VERSIONS = ("ssm:GetParameter", "parameter/gas/gas/settings:*")
"""A server reads one version of its settings. Whether IAM is asked for the parameter or for that version, AWS's
documentation does not say; a server that may not read them does not start."""


def needed(server: str) -> set[Call]:
    """All that its role has to allow."""
    return calls.expected(server) | of_scripts(server) | {VERSIONS}


# Servers


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_may_do_all_that_it_was_seen_to_do(server: str, roles: dict[str, list[dict[str, Any]]]) -> None:
    assert sorted(needed(server) - granted(roles[server])) == []


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_may_do_nothing_else_and_to_nothing_else(server: str, roles: dict[str, list[dict[str, Any]]]) -> None:
    assert sorted(granted(roles[server]) - needed(server)) == []


@pytest.mark.parametrize("server", calls.CALLERS)
def test_what_is_seen_is_called_no_accident(server: str) -> None:
    assert calls.load()[server] & calls.of_accidents(server) == set()


@pytest.mark.parametrize("server", SERVERS)
def test_what_a_server_may_do_is_within_this_account_and_region(
    server: str, roles: dict[str, list[dict[str, Any]]]
) -> None:
    for statement in roles[server]:
        for resource in listed(statement["Resource"]):
            actions = {action.partition(":")[0] for action in listed(statement["Action"])}
            if resource == "*":
                assert statement["Condition"]["StringEquals"] in (
                    {"aws:RequestedRegion": REGION},
                    {"cloudwatch:namespace": "GAS/gas"},
                )
            else:
                _, partition, service, region, account, _ = resource.split(":", 5)
                assert (partition, {service}) == ("aws", actions)
                assert (region, account) == (("", "") if service == "s3" else (REGION, ACCOUNT))


@pytest.mark.parametrize("server", SERVERS)
def test_a_role_fits_into_what_iam_takes(server: str, roles: dict[str, list[dict[str, Any]]]) -> None:
    assert len(json.dumps(roles[server], separators=(",", ":"))) < LARGEST_POLICY / 2  # real names are longer


@pytest.mark.parametrize("server", ["annotator_hook", "util_hook"])
def test_a_server_has_pushes_sent_to_nobody_but_its_own_kind(
    server: str, roles: dict[str, list[dict[str, Any]]]
) -> None:
    (subscribing,) = (one for one in roles[server] if "sns:Subscribe" in listed(one["Action"]))
    assert subscribing["Condition"] == {
        "StringEquals": {"sns:Protocol": "https"},
        "StringLike": {"sns:Endpoint": f"https://{SERVERS[server]}Url/hooks/*"},
    }


def test_annotators_which_work_on_strangers_files_know_no_users_and_no_secrets(
    roles: dict[str, list[dict[str, Any]]],
) -> None:
    assert not [each for each in granted(roles["annotator_hook"]) if re.search("Users|Audit|secret|identity", each[1])]


def test_servers_alone_take_on_the_roles() -> None:
    for key in of_type("AWS::IAM::Role"):
        (trust,) = properties(key)["AssumeRolePolicyDocument"]["Statement"]
        expected = {"roles": {"ec2.amazonaws.com"}, "core": {"lambda.amazonaws.com", "states.amazonaws.com"}}
        assert (trust["Effect"], trust["Action"]) == ("Allow", "sts:AssumeRole")
        assert trust["Principal"]["Service"] in expected[key[0]]


def test_what_the_roles_need_to_know_comes_from_other_stacks_or_from_whoever_deploys() -> None:
    parameters = STACKS["roles"]["Parameters"]
    outputs = {name for template in STACKS.values() for name in template.get("Outputs", {})}
    assert parameters.keys() - outputs - COMPUTED == {"MailIdentity"}
    assert parameters["MailIdentity"]["Default"] == STACKS["core"]["Parameters"]["MailIdentity"]["Default"]


# Services


def in_core(resource: Any) -> str:
    """A resource of a policy within the core stack, by the name of its output."""
    outputs = {one["Value"]["Ref"]: name for name, one in STACKS["core"]["Outputs"].items()}
    (kind, text), *_ = resource.items()
    text = f"${{{text}}}" if kind in {"Ref", "GetAtt"} else text
    return re.sub(r"\$\{(\w+)(\.Arn)?\}", lambda found: outputs.get(found[1], found[1]), text)


def granted_in_core(role: str) -> set[Call]:
    """As `granted`."""
    return {
        (action, in_core(resource))
        for statement in statements(("core", role))
        if "Resource" in statement
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


BY_LAMBDA: set[Call] = {
    ("logs:CreateLogStream", "RestoreFunctionLog"),
    ("logs:PutLogEvents", "RestoreFunctionLog"),
    ("sqs:SendMessage", "ObjectRestoredDeadLetters"),
}
"""What Lambda does in a function's name: it keeps its log, and buries events that no attempt succeeded with."""


def test_the_restore_function_may_do_what_it_does_and_nothing_else() -> None:
    function = properties(("core", "RestoreFunction"))
    assert function["LoggingConfig"]["LogGroup"] == {"Ref": "RestoreFunctionLog"}
    assert function["DeadLetterConfig"] == {"TargetArn": {"GetAtt": "ObjectRestoredDeadLetters.Arn"}}
    assert granted_in_core("RestoreFunctionRole") == calls.expected("functions") | BY_LAMBDA


def test_the_waits_may_announce_what_is_due_and_nothing_else() -> None:
    machine = properties(("core", "ArchiveWaits"))["Definition"]
    published = {
        ("sns:Publish", in_core(state["Parameters"]["TopicArn"]))
        for state in machine["States"].values()
        if state["Type"] == "Task"
    }
    assert published == granted_in_core("ArchiveWaitsRole") == {("sns:Publish", "ArchiveDueTopic")}


# Whoever deploys

DEPLOYER = json.loads((TEMPLATE.parent / "deployer-policy.json").read_text())
READING = re.compile(r"\w+:(Describe|Get|GetBucket)\*|s3:Get\*Configuration")


def test_whoever_deploys_may_do_it_by_a_policy_that_fits_into_a_role() -> None:
    assert len(json.dumps(DEPLOYER, separators=(",", ":"))) <= LARGEST_POLICY


def test_aws_knows_every_action_that_whoever_deploys_may_do(tmp_path: Path) -> None:
    described = {"RoleName": "deployer", "PolicyName": "deploy", "PolicyDocument": DEPLOYER}
    path = tmp_path / "template.json"
    path.write_text(json.dumps({"Resources": {"Deployer": {"Type": "AWS::IAM::RolePolicy", "Properties": described}}}))
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--", str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")


def test_whoever_deploys_may_do_all_of_nothing_but_reading() -> None:
    wildcards = [action for one in DEPLOYER["Statement"] for action in listed(one["Action"]) if "*" in action]
    assert [action for action in wildcards if not READING.fullmatch(action)] == []


def test_whoever_deploys_gives_roles_to_nobody_but_servers_and_the_two_services() -> None:
    (passing,) = (one for one in DEPLOYER["Statement"] if "iam:PassRole" in listed(one["Action"]))
    assert passing["Resource"] == "arn:aws:iam::*:role/gas-*"
    assert set(passing["Condition"]["StringEquals"]["iam:PassedToService"]) == {
        properties(key)["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"]
        for key in of_type("AWS::IAM::Role")
    }


def test_whoever_deploys_may_do_what_gas_deploy_calls_itself() -> None:
    """What CloudFormation does on their behalf follows from the templates, and shows on AWS alone."""
    allowed = {action for one in DEPLOYER["Statement"] for action in listed(one["Action"])}
    folder = TEMPLATE.parent.parent.parent / "shared" / "aws"
    for module in ("stacks", "server_settings", "mail_identity"):
        text = (folder / f"{module}.py").read_text()
        called = re.findall(r"_?(cloudformation|secretsmanager|ssm|sesv2)\.(\w+)\(", text)
        called += [("cloudformation", name) for name in re.findall(r'get_paginator\("(\w+)"\)', text)]
        names = {
            f"{'ses' if service == 'sesv2' else service}:{''.join(word.title() for word in name.split('_'))}"
            for service, name in called
            if name != "get_paginator"
        }
        assert names
        assert names <= allowed


def test_whoever_deploys_may_do_what_the_walk_through_has_them_give_to_the_aws_cli() -> None:
    allowed = {action for one in DEPLOYER["Statement"] for action in listed(one["Action"])}
    page = (TEMPLATE.parents[2] / "docs" / "deploy.md").read_text()
    page = page.partition("After `down --delete-data` nothing is left")[0] + page.partition("## What it costs")[2]
    other = {
        ("logs", "tail"): {"logs:FilterLogEvents"},
        ("s3", "sync"): {"s3:ListBucket", "s3:PutObject"},
        ("service-quotas", "get-service-quota"): {"servicequotas:GetServiceQuota"},
        ("service-quotas", "request-service-quota-increase"): {"servicequotas:RequestServiceQuotaIncrease"},
        ("sts", "get-caller-identity"): set[str](),  # whoever has credentials may
    }
    given = set(re.findall(r"\baws ([a-z0-9-]+) ([a-z][a-z-]+)", page))
    assert ("acm", "request-certificate") in given
    for service, verb in given:
        name = "".join(word.title() for word in verb.split("-"))
        assert other.get((service, verb), {f"{service}:{name}"}) <= allowed, f"aws {service} {verb}"
    in_consoles = {"cloudformation:ContinueUpdateRollback", "cloudformation:CancelUpdateStack", "ec2:GetConsoleOutput"}
    assert in_consoles <= allowed
