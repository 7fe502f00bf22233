"""gunicorn's settings for all three servers, given with ``gunicorn -c deploy/servers/gunicorn.conf.py``.

One process with threads: every server waits for AWS most of the time, and the annotator's real work runs in child
processes. More processes (``WEB_CONCURRENCY``) are safe: they share nothing but DynamoDB.
"""

import ctypes
import os
import signal

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

from deploy.servers import metrics
from deploy.servers.worker import DrainSettings, reloaded
from shared.core import logs

worker_class = "deploy.servers.worker.PatientWorker"
threads = 64  # nearly all of them wait: for DynamoDB, or for a slow client, which may keep one for some seconds
timeout = 60
graceful_timeout = 25 + DrainSettings.at_entrance().drain_notice_seconds
keepalive = 75  # longer than a load balancer's 60 s, so that it is never we who close first
limit_request_line = 4094
control_socket_disable = True
logconfig_dict = dict(logs.GUNICORN)
accesslog = None  # every server logs its requests itself, as JSON lines with their outcome

DRAIN_SECONDS = 12
"""How long running work may go on before its leases are given back. It begins when the last request was answered, which
takes up to 10 s when DynamoDB does not answer, and all of it has to end before `graceful_timeout`. The notice comes
before all that."""

_PR_SET_PDEATHSIG = 1


def when_ready(server: Arbiter) -> None:  # noqa: ARG001 - gunicorn's signature
    """In the master, before the first worker."""
    metrics.serve()


def post_fork(server: Arbiter, worker: Worker) -> None:  # noqa: ARG001 - gunicorn's signature
    """A worker does not outlive a master that was killed: it would hold the port of the next one."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server.pid:
        os._exit(1)  # the master died between the fork and the line above
    metrics.forked()


def child_exit(server: Arbiter, worker: Worker) -> None:  # noqa: ARG001 - gunicorn's signature
    """In the master, when a worker has ended, however it did."""
    metrics.died(int(worker.pid))


def on_reload(server: Arbiter) -> None:  # noqa: ARG001 - gunicorn's signature
    """SIGHUP, in the master: new workers take the place of the present ones."""
    reloaded()


def post_worker_init(worker: Worker) -> None:
    """Threads start here, after the fork: a fork does not copy them."""
    worker.wsgi.extensions["gas"].start()


def worker_exit(server: Arbiter, worker: Worker) -> None:  # noqa: ARG001 - gunicorn's signature
    """Called when the worker has stopped answering requests."""
    if hasattr(worker, "wsgi"):
        worker.wsgi.extensions["gas"].stop(DRAIN_SECONDS)


def on_exit(server: Arbiter) -> None:  # noqa: ARG001 - gunicorn's signature
    """In the master, at its end."""
    metrics.ended()
