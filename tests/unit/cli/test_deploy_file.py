"""The file of a deployment: what is wrong is said in one line, before anything is made."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest

from cli import deploy_file
from cli.deploy_templates import COMPUTED, FOLDER, KINDS, Template, _load, check_parameters, unknown
from shared.core.errors import ConfigurationError
from tests.deployment import FILE

ROOT = Path(__file__).parents[3]


def read(tmp_path: Path, text: str) -> deploy_file.Deployment:
    path = tmp_path / "deployment.toml"
    path.write_text(text)
    return deploy_file.read(path)


def test_numbers_and_truths_become_what_environments_and_cloudformation_hold(tmp_path: Path) -> None:
    text = FILE.replace("GAS_MAX_UPLOAD_MIB = 80", "GAS_MAX_UPLOAD_MIB = 80\nGAS_LEASE_SECONDS = 2.5")
    deployment = read(tmp_path, text.replace("AnnotatorMax = 7", "AnnotatorMax = 7\nMakeSubscriptions = true"))
    assert deployment.parameters["AnnotatorMax"] == "7"
    assert deployment.parameters["MakeSubscriptions"] == "true"
    assert deployment.settings["GAS_LEASE_SECONDS"] == "2.5"


def test_a_file_that_is_not_there_says_where_there_is_an_example(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"copy deploy/deployment\.example\.toml"):
        deploy_file.read(tmp_path / "none.toml")
    assert (ROOT / deploy_file.EXAMPLE).is_file()


@pytest.mark.parametrize(
    ("find", "put", "said"),
    [
        ('name = "gas"', 'name = "Gas!"', "name"),
        ('region = "eu-central-1"', 'region = "Frankfurt"', "region"),
        ('region = "eu-central-1"', "", "region"),
        ('name = "gas"', 'nmae = "gas"', "nmae"),
        ("[settings]", "[settings", "cannot be read"),
        ('DomainName = "gas.example.org"', "", "DomainName"),
        ('MailIdentity = "example.org"', "", "MailIdentity"),
        ('MailIdentity = "example.org"', 'MailIdentity = "example.com"', "GAS_MAIL_FROM"),
        ('MailIdentity = "example.org"', 'MailIdentity = "ple.org"', "GAS_MAIL_FROM"),
        ("GAS_MAX_UPLOAD_MIB", "GAS_MAX_UPLOAD_MB", "GAS_MAX_UPLOAD_MB"),
        ("GAS_MAX_UPLOAD_MIB = 80", 'GAS_STRIPE_KEY = "rk_live_hush"', "GAS_STRIPE_KEY is a secret"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(tmp_path: Path, find: str, put: str, said: str) -> None:
    assert find in FILE
    with pytest.raises(ConfigurationError, match=re.escape(said)) as raised:
        read(tmp_path, FILE.replace(find, put))
    assert "\n" not in str(raised.value)
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize("name", deploy_file.NOT_ON_AWS)
def test_a_setting_that_would_only_break_on_aws_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} is not for AWS: "):
        read(tmp_path, FILE + f'{name} = "/srv"\n')


def test_settings_that_are_not_for_aws_are_settings() -> None:
    """One that is renamed has to be renamed there, too."""
    assert set(deploy_file.NOT_ON_AWS) <= {
        f"GAS_{field.upper()}" for settings in deploy_file.SERVERS.values() for field in settings.model_fields
    }


@pytest.mark.parametrize("sender", ["GAS <gas@example.org>", "gas@mail.EXAMPLE.org", "example.org <a@example.org>"])
def test_the_sender_is_of_the_domain_that_ses_verifies(tmp_path: Path, sender: str) -> None:
    assert read(tmp_path, FILE.replace("GAS <gas@mail.example.org>", sender)).settings["GAS_MAIL_FROM"] == sender


def test_what_this_machines_environment_says_is_not_told_to_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAS_JOBS_TABLE", "of this machine")
    with pytest.raises(ConfigurationError, match="GAS_JOBS_TABLE: Field required"):
        deploy_file.check_servers({"GAS_INBOX_TABLE": "inbox"})


# The real templates


@functools.cache
def templates() -> tuple[Template, ...]:
    return tuple(_load(kind, FOLDER / f"{kind}.yaml") for kind in KINDS if (FOLDER / f"{kind}.yaml").exists())


def example() -> deploy_file.Deployment:
    return deploy_file.read(ROOT / deploy_file.EXAMPLE)


def test_the_example_names_parameters_that_there_are() -> None:
    check_parameters(example(), templates())


@pytest.mark.parametrize("template", templates(), ids=lambda template: template.kind)
def test_every_parameter_is_known_from_the_example_or_another_stack(template: Template) -> None:
    outputs = {name for each in templates() for name in each.outputs}
    outputs |= {"FrontendInstanceProfile", "AnnotatorInstanceProfile", "UtilInstanceProfile"}
    known = {**example().parameters, **dict.fromkeys(outputs, "known")}
    known |= dict.fromkeys(COMPUTED, "known")
    assert unknown(template, known, templates()) == []


@pytest.mark.parametrize("template", templates(), ids=lambda template: template.kind)
def test_a_stack_needs_only_outputs_of_stacks_before_it(template: Template) -> None:
    later = templates()[templates().index(template) + 1 :]
    assert not {name for each in later for name in each.outputs} & set(template.parameters)


def test_the_code_of_every_function_is_put_into_the_template() -> None:
    core = next(template for template in templates() if template.kind == "core")
    assert core.functions == ["../lambda/restore"]
    assert (FOLDER / core.functions[0]).is_dir()
    text = core.with_code("artifacts", {"../lambda/restore": "functions/1.zip"})
    assert "      Code: {S3Bucket: artifacts, S3Key: functions/1.zip}\n" in text
    assert "../lambda" not in text


def test_a_parameter_that_no_stack_has_is_refused(tmp_path: Path) -> None:
    deployment = read(tmp_path, FILE.replace("AnnotatorMax", "AnotatorMax"))
    with pytest.raises(ConfigurationError, match="AnotatorMax"):
        check_parameters(deployment, templates())


@pytest.mark.parametrize("name", ["ReleaseSha256", "JobsTable", "HookProtocol"])
def test_what_is_not_to_be_chosen_is_refused(tmp_path: Path, name: str) -> None:
    deployment = read(tmp_path, FILE.replace("AnnotatorMax = 7", f'{name} = "mine"'))
    with pytest.raises(ConfigurationError, match=f"{name} is not to be chosen"):
        check_parameters(deployment, templates())


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DomainName", "https://gas.example.org/", "does not match"),
        ("DomainName", "gas.example.org\n", "does not match"),
        ("CertificateArn", "x:acm:y", "does not match"),
        (
            "CertificateArn",
            "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000",
            "is of us-east-1, and the deployment is in eu-central-1",
        ),
        ("HostedZoneId", "gas.example.org", "does not match"),
        ("FrontendType", "t3.nano", "none of t3.small, t3.medium"),
        ("AnnotatorMax", "ten", "no whole number"),
        ("AnnotatorMax", "2.5", "no whole number"),
        ("AnnotatorMax", "1", "less than 2"),
        ("AnnotatorDiskGiB", "20000", "more than 16384"),
        ("AnnotatorMin", "10", "AnnotatorMin is 10, and AnnotatorMax is 10"),
        ("UtilMin", "4", "UtilMin is 4, and UtilMax is 4"),
        ("FrontendMax", "2", "FrontendMin is 2, and FrontendMax is 2"),
        ("AlarmEmail", "nobody", "does not match"),
    ],
)
def test_what_a_stack_would_refuse_is_refused_before_anything_is_made(name: str, value: str, said: str) -> None:
    wrong = example().model_copy(update={"parameters": {**example().parameters, name: value}})
    with pytest.raises(ConfigurationError, match=re.escape(said)) as raised:
        check_parameters(wrong, templates())
    assert name in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value"), [("HostedZoneId", "Z0123456789ABC"), ("FrontendType", "m7i.large"), ("FrontendType", "")]
)
def test_what_a_stack_takes_is_taken(name: str, value: str) -> None:
    check_parameters(
        example().model_copy(update={"parameters": {**example().parameters, name: value}}),
        templates(),
    )


def test_what_somebody_has_to_choose_is_asked_for_with_its_description() -> None:
    alarms = next(template for template in templates() if template.kind == "alarms")
    known = {name: "known" for name in alarms.parameters if name != "AlarmEmail"}
    with pytest.raises(ConfigurationError, match=r"Say AlarmEmail .* Where alarms are mailed to"):
        unknown(alarms, known, templates())
