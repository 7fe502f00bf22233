"""The local cloud: moto, and beside it what moto lacks. This is where its parts are put together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends

from deploy.local import functions, pages, schedule, sqs
from deploy.local.calls import Calls, Recorded
from deploy.local.cloudformation import strict
from deploy.local.dispatch import Dispatcher
from deploy.local.dynamodb import service as dynamodb
from deploy.local.folder import Folder
from deploy.local.gate import Gate
from deploy.local.s3 import bodies
from deploy.local.s3 import service as s3
from deploy.local.s3.bodies import Bodies
from deploy.local.s3.glacier import Glacier, Pace
from deploy.local.server import Server
from deploy.local.ses import service as ses
from deploy.local.ses.mailbox import Mailbox
from deploy.local.snapshots import Persistence, Snapshots
from deploy.local.sns import service as sns
from deploy.local.sns.delivery import Deliverer
from deploy.local.sns.envelope import Envelopes
from deploy.local.sns.lanes import Lanes, ThreadTimer
from deploy.local.sns.poster import post
from deploy.local.sns.signing import Signer
from deploy.local.sns.subscription import Pusher
from deploy.local.stack import REGION
from deploy.local.state import Moto, Part, State
from deploy.local.states import service as states
from deploy.local.states.execution import Runtime
from deploy.local.stripe import app as stripe
from deploy.local.stripe.app import LocalStripe

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


_FUNCTIONS_AT_ONCE = 4
"""Invocations of one function; the machine has few cores."""


@dataclass(frozen=True)
class Cloud:
    """A local cloud that listens already; ``server.serve_forever`` runs it."""

    server: Server
    snapshots: Snapshots | None
    """None where nothing outlives the process."""


def create(port: int, pace: Pace | None = None, folder: Folder | None = None, url: str | None = None) -> Cloud:
    """One a process: moto keeps its state in the module. With a ``folder`` it goes on from what is in there. ``url``:
    where its signing certificate is reached, unless directly.

    Raises `OSError` when the port is taken, and `FolderRefused`.
    """
    gate = Gate()
    timer = ThreadTimer(gate)
    lanes = Lanes(gate, timer)
    mailbox, signer, dispatcher, persistence = Mailbox(), Signer(), Dispatcher(gate), Persistence()
    calls = Calls()
    front = _Front(pages.create_app(mailbox, signer, persistence, calls), Recorded(dispatcher, calls), gate)
    server = Server(port, front)
    local_stripe = LocalStripe(f"{server.url}{stripe.PREFIX}", timer=timer, make_lane=lanes.new)
    front.stripe = local_stripe.mounted
    envelopes, deliverer = Envelopes(signer, url or server.url), Deliverer(post, timer)
    pusher = Pusher(envelopes, deliverer, lanes.new, _now, lambda: timer.stopped)

    def publish(topic_arn: str, message: str, *, subject: str | None = None) -> str:
        with dispatcher.exclusive("sns"):
            region = topic_arn.split(":")[3]
            return sns_backends[DEFAULT_ACCOUNT_ID][region].publish(message, topic_arn, subject=subject)

    glacier = Glacier(pace or Pace(), timer, publish, lambda: dispatcher.exclusive("s3"), _now)
    waits = Runtime(timer, publish, _now)
    invocations = functions.Runtime(timer, lambda: lanes.new(_FUNCTIONS_AT_ONCE), _found_by_boto3(server.url))
    dynamodb.install()
    sqs.install(gate)
    sns.install(pusher)
    ses.install(mailbox, publish)
    s3.install(glacier)
    states.install(waits)
    functions.install(invocations)
    schedule.install(timer, publish)
    strict.install()
    if folder is None:
        return Cloud(server, None)

    body_files = Bodies(folder.objects)
    bodies.install(body_files)
    parts: dict[str, Part] = {
        "moto": Moto(),
        "timer": timer,
        "lanes": lanes,
        "signer": signer,
        "mailbox": mailbox,
        "glacier": glacier,
        "account": local_stripe.account,
        "webhooks": local_stripe.webhooks,
    }
    fixtures = {
        "bodies": body_files,
        "deliverer": deliverer,
        "envelopes": envelopes,
        "pusher": pusher,
        "waits": waits,
        "invocations": invocations,
    }
    snapshots = Snapshots(folder, State(parts, fixtures), gate, body_files, persistence)
    snapshots.resume()
    return Cloud(server, snapshots)


def _now() -> datetime:
    return datetime.now(UTC)


def _found_by_boto3(url: str) -> dict[str, str]:
    """The variables by which boto3, in a function, uses this cloud."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "functions",  # by which `calls` knows them
        "AWS_SECRET_ACCESS_KEY": "local",
    }


class _Front:
    """The cloud's own pages, Stripe, and AWS for everything else."""

    stripe: WSGIApplication
    """Set before the first request: it has to know where it is reached."""

    def __init__(self, own: WSGIApplication, aws: WSGIApplication, gate: Gate) -> None:
        self._own = own
        self._aws = aws
        self._gate = gate

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == stripe.PREFIX or path.startswith(f"{stripe.PREFIX}/"):
            with self._gate.change():
                return self.stripe(environ, start_response)
        if path in pages.PATHS or path.startswith(pages.PREFIXES):
            return self._own(environ, start_response)  # they show, and change nothing
        return self._aws(environ, start_response)
