"""What of AWS a deployment needs: one object that tests replace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cli.deploy_file import Deployment
from shared.aws.errors import translated
from shared.aws.leftovers import Leftovers
from shared.aws.mail_identity import MailIdentity, mail_identity
from shared.aws.objects import S3Objects
from shared.aws.server_settings import ServerSecrets, ServerSettings
from shared.aws.session import client
from shared.aws.stacks import Stacks
from shared.aws.subscriptions import SnsSubscriptions
from shared.core.channels import Subscriptions
from shared.core.settings import AwsSettings


@dataclass(frozen=True)
class Cloud:
    """One region of one account."""

    stacks: Stacks
    settings: ServerSettings
    secrets: ServerSecrets
    leftovers: Leftovers
    bucket: Callable[[str], S3Objects]
    subscriptions: Subscriptions
    mail_identity: Callable[[str], MailIdentity | None]
    account: Callable[[], str]
    """The account's number. Raises `GasError` where there are no credentials."""


def connect(deployment: Deployment, access: AwsSettings | None = None) -> Cloud:
    """With the credentials that boto3 finds. Nothing is asked yet."""
    access = (access or AwsSettings.from_environment()).model_copy(update={"region": deployment.region})
    s3, sts = client(access, "s3"), client(access, "sts")

    def account() -> str:
        with translated("AWS"):
            return sts.get_caller_identity()["Account"]

    return Cloud(
        stacks=Stacks(client(access, "cloudformation")),
        settings=ServerSettings(client(access, "ssm"), deployment.settings_parameter),
        secrets=ServerSecrets(client(access, "secretsmanager"), deployment.servers_secret),
        leftovers=Leftovers(s3, client(access, "sqs"), client(access, "dynamodb")),
        bucket=lambda name: S3Objects(s3, name),
        subscriptions=SnsSubscriptions(client(access, "sns")),
        mail_identity=lambda identity: mail_identity(client(access, "sesv2"), identity),
        account=account,
    )
