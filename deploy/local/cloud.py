"""The local cloud: moto, and beside it what moto lacks. This is where its parts are put together."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends

from deploy.local import functions, pages, schedule
from deploy.local.cloudformation import strict
from deploy.local.dispatch import Dispatcher
from deploy.local.dynamodb import service as dynamodb
from deploy.local.s3 import service as s3
from deploy.local.s3.glacier import Glacier, Pace
from deploy.local.server import Server
from deploy.local.ses import service as ses
from deploy.local.ses.mailbox import Mailbox
from deploy.local.sns import service as sns
from deploy.local.sns.delivery import Deliverer
from deploy.local.sns.envelope import Envelopes
from deploy.local.sns.lanes import ThreadLane, ThreadTimer
from deploy.local.sns.poster import post
from deploy.local.sns.signing import Signer
from deploy.local.sns.subscription import Pusher
from deploy.local.stack import REGION
from deploy.local.states import service as states
from deploy.local.states.execution import Runtime
from deploy.local.stripe import app as stripe
from deploy.local.stripe.app import LocalStripe

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


_FUNCTIONS_AT_ONCE = 4
"""Invocations of one function; the machine has few cores."""


def create_server(port: int, pace: Pace | None = None, url: str | None = None) -> Server:
    """A server that listens already; ``serve_forever`` runs it. One a process: moto keeps its state in the module.

    ``url``: where its signing certificate is reached, unless directly.

    Raises `OSError` when the port is taken.
    """
    mailbox, signer, dispatcher, timer = Mailbox(), Signer(), Dispatcher(), ThreadTimer()
    front = _Front(pages.create_app(mailbox, signer), dispatcher)
    server = Server(port, front)
    front.stripe = LocalStripe(f"{server.url}{stripe.PREFIX}", timer=timer).mounted
    pusher = Pusher.build(Envelopes(signer, url or server.url), Deliverer(post, timer), ThreadLane)

    def publish(topic_arn: str, message: str, *, subject: str | None = None) -> str:
        with dispatcher.exclusive("sns"):
            region = topic_arn.split(":")[3]
            return sns_backends[DEFAULT_ACCOUNT_ID][region].publish(message, topic_arn, subject=subject)

    dynamodb.install()
    sns.install(pusher)
    ses.install(mailbox, publish)
    s3.install(Glacier(pace or Pace(), timer, publish, lambda: dispatcher.exclusive("s3"), _now))
    states.install(Runtime(timer, publish, _now))
    functions.install(functions.Runtime(timer, lambda: ThreadLane(_FUNCTIONS_AT_ONCE), _found_by_boto3(server.url)))
    schedule.install(timer, publish)
    strict.install()
    return server


def _now() -> datetime:
    return datetime.now(UTC)


def _found_by_boto3(url: str) -> dict[str, str]:
    """The variables by which boto3, in a function, uses this cloud."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }


class _Front:
    """The cloud's own pages, Stripe, and AWS for everything else."""

    stripe: WSGIApplication
    """Set before the first request: it has to know where it is reached."""

    def __init__(self, own: WSGIApplication, aws: WSGIApplication) -> None:
        self._own = own
        self._aws = aws

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == stripe.PREFIX or path.startswith(f"{stripe.PREFIX}/"):
            return self.stripe(environ, start_response)
        is_own = path in pages.PATHS or path.startswith(pages.PREFIXES)
        return (self._own if is_own else self._aws)(environ, start_response)
