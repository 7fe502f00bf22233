"""deploy/stack/servers.yaml: who is asked what, when a server counts as ready, and how many there are."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path
from typing import Any

import pytest

from deploy.servers import launch, worker
from tests.unit.deploy.templates import STACKS, of_type, properties, resource

SERVERS = {"Frontend": "frontend", "Annotator": "annotator_hook", "Util": "util_hook"}
HOOKS = ["Annotator", "Util"]
PARAMETERS = STACKS["servers"]["Parameters"]


def servers(name: str) -> dict[str, Any]:
    return properties(("servers", name))


def environment(kind: str) -> dict[str, str]:
    """What its user data tells a server."""
    script = servers(f"{kind}Template")["LaunchTemplateData"]["UserData"]["Fn::Base64"]["Sub"]
    return dict(re.findall(r"^(\w+)=(\S+)$", script.partition("<<END")[2].partition("\nEND")[0], re.MULTILINE))


# who is asked


def asked(path: str, host: Any = "DomainName") -> str:
    """The logical name of the target group to which a request goes; empty for none."""
    rules = [properties(key) for key in of_type("AWS::ElasticLoadBalancingV2::ListenerRule")]
    for rule in sorted(rules, key=lambda rule: int(rule["Priority"])):
        conditions = {condition["Field"]: condition for condition in rule["Conditions"]}
        paths = conditions.get("path-pattern", {"PathPatternConfig": {"Values": ["*"]}})["PathPatternConfig"]["Values"]
        hosts = conditions["host-header"]["HostHeaderConfig"]["Values"]
        if {"Ref": host} in hosts and any(fnmatch.fnmatchcase(path, pattern) for pattern in paths):
            (action,) = rule["Actions"]
            return str(action["TargetGroupArn"]["Ref"])
    return ""


@pytest.mark.parametrize("key", of_type("AWS::SNS::Subscription"), ids="-".join)
def test_every_push_reaches_the_server_that_it_is_for(key: tuple[str, str]) -> None:
    endpoint = properties(key)["Endpoint"]
    if not isinstance(endpoint, dict) or "Sub" not in endpoint:
        return  # a function's, or a person's
    server, path = re.fullmatch(r"\$\{(\w+)Url\}(/hooks/[a-z-]+)", endpoint["Sub"]).groups()  # type: ignore[union-attr]  # it matches
    assert asked(path) == asked(f"{path}/readyz") == f"{server}Targets"


@pytest.mark.parametrize("path", ["/", "/sign-in", "/jobs/hooks", "/readyz", "/hooks/stripe", "/hooksx"])
def test_everything_else_reaches_a_frontend(path: str) -> None:
    assert asked(path) == "FrontendTargets"


def test_who_means_another_host_is_told_that_it_is_not_here() -> None:
    assert asked("/", host="OtherName") == ""
    (action,) = servers("HttpsListener")["DefaultActions"]
    assert action["FixedResponseConfig"]["StatusCode"] == "404"


@pytest.mark.parametrize(("kind", "port"), [("Frontend", 8000), ("Annotator", 8001), ("Util", 8002)])
def test_the_load_balancer_and_a_server_and_both_firewalls_speak_of_the_same_port(kind: str, port: int) -> None:
    assert servers(f"{kind}Targets")["Port"] == port
    assert environment(kind)["GAS_PORT"] == str(port)
    (let_in,) = properties(("network", f"{kind}SecurityGroup"))["SecurityGroupIngress"]
    (let_out,) = (
        properties(key)
        for key in of_type("AWS::EC2::SecurityGroupEgress")
        if properties(key)["DestinationSecurityGroupId"] == {"Ref": f"{kind}SecurityGroup"}
    )
    assert {let_in["FromPort"], let_in["ToPort"], let_out["FromPort"], let_out["ToPort"]} == {port}
    assert let_in["SourceSecurityGroupId"] == let_out["GroupId"] == {"Ref": "LoadBalancerSecurityGroup"}


def test_rates_count_pages_but_no_hooks() -> None:
    passwords, pages = servers("WebAcl")["Rules"]
    of_passwords = passwords["Statement"]["RateBasedStatement"]["ScopeDownStatement"]["AndStatement"]["Statements"]
    of_pages = pages["Statement"]["RateBasedStatement"]["ScopeDownStatement"]["NotStatement"]["Statement"]
    expression = re.compile(of_passwords[1]["RegexMatchStatement"]["RegexString"])
    assert all(map(expression.search, ["/sign-in", "/sign-up", "/forgot-password", "/reset-password/abc"]))
    assert not expression.search("/hooks/job-requests")
    assert of_passwords[0]["ByteMatchStatement"]["SearchString"] == "POST"
    assert of_pages["ByteMatchStatement"]["PositionalConstraint"] == "STARTS_WITH"
    assert of_pages["ByteMatchStatement"]["SearchString"] == "/hooks/"
    assert servers("WebAclAssociation")["ResourceArn"] == {"Ref": "LoadBalancer"}


def test_the_rate_of_passwords_is_that_of_pages_that_there_are() -> None:
    statement = servers("WebAcl")["Rules"][0]["Statement"]["RateBasedStatement"]["ScopeDownStatement"]["AndStatement"]
    expression = statement["Statements"][1]["RegexMatchStatement"]["RegexString"]
    routes = "".join(path.read_text() for path in Path("frontend/accounts").glob("*.py"))
    for page in re.findall(r"[a-z-]+", expression):
        assert f'route("/{page}' in routes, page


# when it is ready, and how it leaves


@pytest.mark.parametrize("kind", SERVERS)
def test_the_load_balancer_notices_that_a_server_leaves_while_it_still_listens(kind: str) -> None:
    targets = servers(f"{kind}Targets")
    assert targets["HealthCheckPath"] == "/readyz"
    noticed = targets["UnhealthyThresholdCount"] * targets["HealthCheckIntervalSeconds"]
    assert noticed + targets["HealthCheckTimeoutSeconds"] < int(environment(kind)["GAS_DRAIN_NOTICE_SECONDS"])


@pytest.mark.parametrize("kind", SERVERS)
def test_whoever_is_being_answered_has_the_time_for_it(kind: str) -> None:
    longest = worker.ANSWER_SECONDS if kind == "Frontend" else worker.REQUEST_SECONDS
    (delay,) = (
        int(attribute["Value"])
        for attribute in servers(f"{kind}Targets")["TargetGroupAttributes"]
        if attribute["Key"] == "deregistration_delay.timeout_seconds"
    )
    assert delay >= longest


def test_the_load_balancer_closes_idle_connections_before_gunicorn_does() -> None:
    attributes = {one["Key"]: one["Value"] for one in servers("LoadBalancer")["LoadBalancerAttributes"]}
    (keepalive,) = re.findall(r"^keepalive = (\d+)", Path("deploy/servers/gunicorn.conf.py").read_text(), re.MULTILINE)
    assert int(attributes["idle_timeout.timeout_seconds"]) < int(keepalive)


@pytest.mark.parametrize("kind", HOOKS)
def test_a_hook_server_that_is_scaled_in_is_waited_for(kind: str) -> None:
    hook = servers(f"{kind}Drain")
    assert hook["LifecycleTransition"] == "autoscaling:EC2_INSTANCE_TERMINATING"
    assert hook["LifecycleHookName"] == environment(kind)["GAS_LIFECYCLE_HOOK"]
    assert servers(f"{kind}Group")["AutoScalingGroupName"] == {"Sub": environment(kind)["GAS_AUTO_SCALING_GROUP"]}
    # however it goes: notice, requests under way, running work (deploy/servers/gunicorn.conf.py)
    assert hook["HeartbeatTimeout"] > int(environment(kind)["GAS_DRAIN_NOTICE_SECONDS"]) + 25
    assert hook["DefaultResult"] == "CONTINUE"


# how many there are


@pytest.mark.parametrize("kind", SERVERS)
def test_an_update_waits_for_each_new_server_and_leaves_enough_of_them(kind: str) -> None:
    group = resource(("servers", f"{kind}Group"))
    update = group["UpdatePolicy"]["AutoScalingRollingUpdate"]
    assert update["WaitOnResourceSignals"] is True
    assert update["MaxBatchSize"] == 1  # a group that has grown lets the old ones go first
    assert update["MinInstancesInService"] == group["Properties"]["MinSize"] == {"Ref": f"{kind}Min"}
    assert group["CreationPolicy"]["ResourceSignal"]["Count"] == {"Ref": f"{kind}Min"}
    assert PARAMETERS[f"{kind}Min"]["MinValue"] >= 1
    assert PARAMETERS[f"{kind}Max"]["Default"] > PARAMETERS[f"{kind}Min"]["Default"]


def test_whoever_deploys_is_told_how_many_processors_the_account_has_to_allow() -> None:
    processors = 2  # of each of the default types
    assert {PARAMETERS[f"{kind}Type"]["Default"] for kind in SERVERS} == {"t3.small", "t3.medium", "m7i.large"}
    least, most = (sum(PARAMETERS[f"{kind}{end}"]["Default"] for kind in SERVERS) for end in ("Min", "Max"))
    told = Path("docs/deploy.md").read_text().partition("**Room for the servers.**")[2].partition("```")[0]
    assert f"are {least} servers with {processors} each, {least * processors} vCPUs" in " ".join(told.split())
    assert f"which makes {(least + len(SERVERS)) * processors};" in " ".join(told.split())
    assert f"allow it is {most * processors}." in " ".join(told.split())


def test_what_is_uploaded_of_packs_is_the_present_releases_alone() -> None:
    (left_out,) = re.findall(r'aws s3 sync packs .*?--exclude "(\S+)"', Path("docs/deploy.md").read_text(), re.DOTALL)
    paths = ["grch38/manifest.json", "grch38/contigs/MT.bin", ".releases/grch38-1/manifest.json", ".building-1/x"]
    assert [path for path in paths if not fnmatch.fnmatchcase(path, left_out)] == paths[:2]  # as the AWS CLI matches


@pytest.mark.parametrize("kind", SERVERS)
def test_a_change_of_release_or_settings_replaces_the_servers(kind: str) -> None:
    script = servers(f"{kind}Template")["LaunchTemplateData"]["UserData"]["Fn::Base64"]["Sub"]
    assert {"${ReleaseSha256}", "${SettingsVersion}"} <= set(re.findall(r"\$\{\w+\}", script))
    template = servers(f"{kind}Group")["LaunchTemplate"]
    assert template["Version"] == {"GetAtt": f"{kind}Template.LatestVersionNumber"}


@pytest.mark.parametrize("kind", SERVERS)
def test_a_version_that_is_rolled_back_leaves_servers_the_settings_that_they_had(kind: str) -> None:
    assert environment(kind)["GAS_SETTINGS_PARAMETER"].endswith("/settings:${SettingsVersion}")


@pytest.mark.parametrize("kind", SERVERS)
def test_a_change_of_secrets_replaces_the_servers_that_are_told_them(kind: str) -> None:
    script = servers(f"{kind}Template")["LaunchTemplateData"]["UserData"]["Fn::Base64"]["Sub"]
    assert ("${SecretsVersion}" in script) is launch.SERVERS[SERVERS[kind]]


def test_annotators_follow_what_is_unfinished_by_slot() -> None:
    tracking = servers("AnnotatorWork")["TargetTrackingConfiguration"]
    metrics = {metric["Id"]: metric for metric in tracking["CustomizedMetricSpecification"]["Metrics"]}
    assert [name for name, metric in metrics.items() if metric["ReturnData"]] == ["work"]
    assert {
        metric["MetricStat"]["Metric"]["MetricName"]: metric["MetricStat"]["Stat"]
        for metric in metrics.values()
        if "MetricStat" in metric
    } == {"Backlog": "Average", "Slots": "Sum"}
    assert {
        metric["MetricStat"]["Metric"]["Namespace"]["Sub"] for metric in metrics.values() if "MetricStat" in metric
    } == {environment("Annotator")["GAS_METRICS_NAMESPACE"]}


@pytest.mark.parametrize(("backlog", "slots"), [(2, 2), (42, 2), (0, 8), (8, 8)])
def test_the_measure_of_annotators_has_a_value_however_few_slots_are_free(backlog: int, slots: int) -> None:
    """It grows by what is to be done, and with twice the slots it is half as much: target tracking goes by that."""
    (expression,) = (
        metric["Expression"]
        for metric in servers("AnnotatorWork")["TargetTrackingConfiguration"]["CustomizedMetricSpecification"][
            "Metrics"
        ]
        if "Expression" in metric
    )

    def measure(**values: int) -> float:
        return float(eval(expression, {}, values))  # noqa: S307 - the template's own arithmetic

    now = measure(backlog=backlog, slots=slots)
    assert measure(backlog=backlog, slots=2 * slots) == now / 2
    assert measure(backlog=backlog + 1, slots=slots) > now


@pytest.mark.parametrize("kind", ["Frontend", "Util"])
def test_frontends_and_utility_servers_follow_processor_time_and_slowness(kind: str) -> None:
    cpu = servers(f"{kind}Cpu")["TargetTrackingConfiguration"]
    assert cpu["PredefinedMetricSpecification"] == {"PredefinedMetricType": "ASGAverageCPUUtilization"}
    slow = servers(f"{kind}Slow")
    assert (slow["MetricName"], slow["AlarmActions"]) == ("TargetResponseTime", [{"Ref": f"{kind}Latency"}])
    assert servers(f"{kind}Latency")["StepAdjustments"] == [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]
