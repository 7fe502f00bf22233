"""The local cloud: moto, and beside it what moto lacks. This is where its parts are put together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends

from deploy.local import pages, uploads
from deploy.local.cloudformation import strict
from deploy.local.dispatch import Dispatcher
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

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def create_server(port: int) -> Server:
    """A server that listens already; ``serve_forever`` runs it. One a process: moto keeps its state in the module.

    Raises `OSError` when the port is taken.
    """
    mailbox, signer, dispatcher = Mailbox(), Signer(), Dispatcher()
    server = Server(port, _Front(pages.create_app(mailbox, signer), dispatcher))
    pusher = Pusher.build(Envelopes(signer, server.url), Deliverer(post, ThreadTimer()), ThreadLane)

    def publish(topic_arn: str, subject: str, message: str) -> None:
        with dispatcher.exclusive("sns"):
            region = topic_arn.split(":")[3]
            sns_backends[DEFAULT_ACCOUNT_ID][region].publish(message, topic_arn, subject=subject)

    sns.install(pusher)
    ses.install(mailbox, publish)
    uploads.install()
    strict.install()
    return server


class _Front:
    """The cloud's own pages, and AWS for everything else."""

    def __init__(self, own: WSGIApplication, aws: WSGIApplication) -> None:
        self._own = own
        self._aws = aws

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        is_own = path in pages.PATHS or path.startswith(pages.PREFIXES)
        return (self._own if is_own else self._aws)(environ, start_response)
