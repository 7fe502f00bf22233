"""Two servers of each kind behind one load balancer, as on AWS: haproxy with the rules of ``deploy/stack/servers.yaml``
in place of Amazon's, and the local cloud in place of the rest."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import requests

from deploy.local import stack
from deploy.local.stripe import setup as stripe
from deploy.stack_settings import settings_from_outputs
from tests.whole import HOST, Gas, free_ports, running, wait_for

ROOT = Path(__file__).parents[2]
KINDS = ("frontend", "annotator_hook", "util_hook")
EACH = 2
DRAIN_NOTICE_SECONDS = 2  # the load balancer notices within 0.4 s
AWS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_EC2_METADATA_DISABLED": "true"}

# Amazon's load balancer tries no request again, so neither does this one.
HAPROXY = """
global
    stats socket {folder}/haproxy.sock mode 600 level user
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout check 2s
    retries 0
    option forwardfor
    option httpchk GET /readyz
    default-server inter 200ms fall 2 rise 1 check
frontend all
    bind {host}:{port}
    http-request set-header X-Forwarded-Proto http
    use_backend frontend if {{ path /hooks/stripe }}
    use_backend annotator_hook if {{ path /hooks/job-requests }} || {{ path_beg /hooks/job-requests/ }}
    use_backend util_hook if {{ path_beg /hooks/ }}
    default_backend frontend
"""


@dataclass
class Server:
    """One of six."""

    kind: str
    number: int
    port: int
    environment: dict[str, str]
    log_file: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.number}"

    def start(self) -> None:
        """Returns at once."""
        command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "deploy" / "servers" / "gunicorn.conf.py")]
        command += ["--bind", f"{HOST}:{self.port}", f"{self.kind}.wsgi:app"]
        with self.log_file.open("ab") as output:
            self.process = subprocess.Popen(command, env=self.environment, stdout=output, stderr=output, cwd=ROOT)

    def tell_to_stop(self) -> None:
        """SIGTERM, as systemd sends it."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)

    def wait_until_stopped(self) -> None:
        if self.process is not None:
            self.process.wait(timeout=60)


class TwoOfEach(Gas):
    """`Gas` with six servers; people come through the load balancer."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.base_url = f"http://{HOST}:{free_ports(1)[0]}"
        self.servers: list[Server] = []
        self._others: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Returns when the load balancer sees six servers, and all subscriptions are confirmed."""
        (self.data_dir / "logs").mkdir(parents=True)
        self._run("cloud", [sys.executable, "-m", "deploy.local", "--port", str(self.ports["CLOUD"])])
        wait_for("the start of the local cloud", self._cloud_is_up)
        environment = {**os.environ, **AWS, **self._settings(), "GAS_LOCAL_DATA_DIR": str(self.data_dir)}
        ports = iter(free_ports(len(KINDS) * EACH))
        self.servers = [
            Server(
                kind,
                number,
                next(ports),
                {**environment, "GAS_WORK_DIR": str(self.data_dir / f"work-{number}")},
                self.data_dir / "logs" / f"{kind}-{number}.log",
            )
            for kind in KINDS
            for number in range(EACH)
        ]
        self._start_haproxy()
        for server in self.servers:
            server.start()
        wait_for("six servers behind the load balancer", lambda: self.in_service == {s.name for s in self.servers})
        wait_for("all subscriptions", self._is_subscribed)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """The servers first: they need the cloud to give their leases back."""
        for server in self.servers:
            server.tell_to_stop()
        for server in self.servers:
            server.wait_until_stopped()
        for process in reversed(self._others):
            process.send_signal(number)
            process.wait(timeout=60)

    def restart(self, servers: Sequence[Server]) -> None:
        """They end in order, and others take their places; returns when the load balancer sends those requests."""
        names = {server.name for server in servers}
        for server in servers:
            server.tell_to_stop()
        for server in servers:
            server.wait_until_stopped()
        wait_for(f"{names} to be missed", lambda: not names & self.in_service)
        for server in servers:
            server.start()
        wait_for(f"{names} to be in service", lambda: names <= self.in_service)

    @property
    def in_service(self) -> set[str]:
        """Names of the servers to which the load balancer sends requests."""
        with socket.socket(socket.AF_UNIX) as asked:
            asked.connect(str(self.data_dir / "haproxy.sock"))
            asked.sendall(b"show stat\n")
            rows = b"".join(iter(lambda: asked.recv(65536), b"")).decode().splitlines()
        names = rows[0].removeprefix("# ").split(",")
        servers = [dict(zip(names, row.split(","), strict=False)) for row in rows[1:] if row]
        return {row["svname"] for row in servers if row["status"] == "UP" and row["svname"] != "BACKEND"}

    def _start_haproxy(self) -> None:
        text = HAPROXY.format(folder=self.data_dir, host=HOST, port=self.base_url.rpartition(":")[2])
        for kind in KINDS:
            text += f"backend {kind}\n    balance leastconn\n"
            text += "".join(
                f"    server {server.name} {HOST}:{server.port}\n" for server in self.servers if server.kind == kind
            )
        (self.data_dir / "haproxy.cfg").write_text(text)
        self._run("haproxy", ["haproxy", "-db", "-f", str(self.data_dir / "haproxy.cfg")])
        wait_for("the load balancer", (self.data_dir / "haproxy.sock").exists)

    def _settings(self) -> dict[str, str]:
        outputs = stack.create(
            self.cloud_url,
            {
                "AnnotatorUrl": self.base_url,
                "UtilUrl": self.base_url,
                "FrontendUrl": self.base_url,
                "HookProtocol": "http",
            },
        )
        return {
            **settings_from_outputs(outputs),
            **stripe.create(self.cloud_url, f"{self.base_url}/hooks/stripe"),
            "GAS_ENDPOINT_URL": self.cloud_url,
            "GAS_EXTRA_CERTIFICATE_ORIGIN": self.cloud_url,
            "GAS_PUBLIC_URL": self.base_url,
            "GAS_HOOK_URL": self.base_url,
            "GAS_MAIL_FROM": "GAS <gas@example.org>",
            "GAS_SECRET_KEY": "k" * 48,
            "GAS_TRUSTED_PROXIES": "1",
            "GAS_DRAIN_NOTICE_SECONDS": str(DRAIN_NOTICE_SECONDS),
            "GAS_RESULTS_CACHE_DIR": str(self.data_dir / "results"),
        }

    def _run(self, name: str, command: list[str]) -> None:
        with (self.data_dir / "logs" / f"{name}.log").open("ab") as output:
            self._others.append(
                subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, **AWS}, cwd=ROOT)
            )

    def _cloud_is_up(self) -> bool:
        try:
            return requests.get(f"{self.cloud_url}/healthz", timeout=5).ok
        except requests.ConnectionError:
            return False

    def _is_subscribed(self) -> bool:
        pages = self.aws("sns").get_paginator("list_subscriptions").paginate()
        return all(item["SubscriptionArn"].startswith("arn:") for page in pages for item in page["Subscriptions"])


def running_two_of_each(folder: Path) -> AbstractContextManager[TwoOfEach]:
    """As `running`, of new ones."""
    return running(TwoOfEach(folder))
