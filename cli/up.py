"""`gas up`: all of GAS on one machine, in one foreground process.

Starts the local cloud, which goes on from what is in the data folder; brings the stack in it in line with
``deploy/stack/core.yaml``, makes the demo accounts, starts the three servers under gunicorn, waits until their
subscriptions are confirmed, and then keeps everything running until Ctrl-C.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import sys
import time
import types
from collections.abc import Mapping
from pathlib import Path

import click
import requests

from cli import data_folder
from cli.local_settings import LocalSettings
from cli.packs_settings import local_packs_dir
from cli.supervisor import Child, Supervisor, wait_until
from deploy.local import stack
from deploy.local.stripe import setup as stripe
from deploy.stack_settings import settings_from_outputs
from frontend.demo import ensure_account
from shared.aws.session import client
from shared.aws.users import DynamoUsers
from shared.core.errors import ConfigurationError, GasError
from shared.core.settings import Settings

HOST = "127.0.0.1"
READY_SECONDS = 60.0
STOP_SECONDS = 25.0
GUNICORN_SETTINGS = Path(__file__).parent.parent / "deploy" / "servers" / "gunicorn.conf.py"
DEMO_EMAIL = "demo@example.org"
OPERATOR_EMAIL = "operator@example.org"
_AWS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_EC2_METADATA_DISABLED": "true"}


class _Stop(BaseException):
    """Ctrl-C or SIGTERM. Not an `Exception`, so that nothing but the entrance catches it."""


@click.command()
def up() -> None:
    """Run GAS on this machine, until Ctrl-C."""
    settings = LocalSettings.from_environment()
    held = data_folder.hold(settings.data_dir.resolve())
    _require_free_ports(settings)
    logs = settings.data_dir.resolve() / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _raise_stop)
    supervisor = Supervisor()
    try:
        _start(supervisor, settings, logs)
        click.echo(_banner(settings, logs))
        while True:
            supervisor.revive()
            time.sleep(0.2)
    except _Stop:
        click.echo("\nStopping …")
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave processes behind
        supervisor.stop(STOP_SECONDS)
        _settings_file(settings).unlink(missing_ok=True)
        held.release()


def _raise_stop(number: int, frame: types.FrameType | None) -> None:  # noqa: ARG001 - the signature of a signal handler
    raise _Stop


def _require_free_ports(settings: LocalSettings) -> None:
    taken: list[str] = []
    for name, port in settings.ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                taken.append(f"port {port} is in use: end what listens there, or set {name} to another port")
    if taken:
        raise ConfigurationError("; ".join(taken) + ".")


def _start(supervisor: Supervisor, settings: LocalSettings, logs: Path) -> None:
    cloud_url = f"http://{HOST}:{settings.cloud_port}"
    base = {**os.environ, **_AWS}
    cloud_command = [sys.executable, "-m", "deploy.local", "--port", str(settings.cloud_port)]
    cloud_command += ["--restore-seconds", str(settings.restore_seconds)]
    cloud_command += ["--folder", str(settings.data_dir.resolve() / "cloud")]
    if settings.proxy_url:
        cloud_command += ["--url", settings.proxy_url]
    cloud = supervisor.add(Child("cloud", cloud_command, base, logs / "cloud.log"))
    _wait_ready(cloud, f"{cloud_url}/healthz")

    urls = {
        "frontend": f"http://{HOST}:{settings.frontend_port}",
        "annotator_hook": f"http://{HOST}:{settings.annotator_port}",
        "util_hook": f"http://{HOST}:{settings.util_port}",
    }
    hook_urls = {name: f"{settings.proxy_url}/{name}" if settings.proxy_url else url for name, url in urls.items()}
    os.environ.update(AWS_ACCESS_KEY_ID="local", AWS_SECRET_ACCESS_KEY="local")  # noqa: S106 - any value does here
    outputs = stack.create(
        cloud_url,
        {
            "AnnotatorUrl": hook_urls["annotator_hook"],
            "UtilUrl": hook_urls["util_hook"],
            "FrontendUrl": urls["frontend"],
            "HookProtocol": "http",
        },
    )
    from_stack = settings_from_outputs(outputs)
    access = Settings(endpoint_url=cloud_url, public_url=urls["frontend"])
    _ensure_accounts(settings, access, from_stack)
    from_stripe = stripe.create(cloud_url, f"{urls['frontend']}/hooks/stripe")
    for_servers = {
        **from_stack,
        **from_stripe,
        **_server_settings(settings, settings.proxy_url or cloud_url, urls["frontend"]),
    }
    environment = {**base, **for_servers}
    servers = [
        supervisor.add(_server(name, url, hook_urls[name], settings.metrics_ports[name], environment, logs))
        for name, url in urls.items()
    ]
    for server, url in zip(servers, urls.values(), strict=True):
        _wait_ready(server, f"{url}/readyz")
    _wait_subscribed(access, logs)
    _write_settings(_settings_file(settings), {**for_servers, **_AWS})


def _settings_file(settings: LocalSettings) -> Path:
    return settings.data_dir.resolve() / "settings.sh"


def _write_settings(path: Path, values: Mapping[str, str]) -> None:
    """What the servers were told, for a shell to read: so operators' commands reach the same cloud and the same Stripe.
    For nobody but whoever started GAS: secrets are in it."""
    path.unlink(missing_ok=True)  # one that was there might be readable for others
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.writelines(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(values.items()))


def _server_settings(settings: LocalSettings, cloud_url: str, public_url: str) -> dict[str, str]:
    return {
        "GAS_ENDPOINT_URL": cloud_url,
        "GAS_EXTRA_CERTIFICATE_ORIGIN": cloud_url,
        "GAS_PUBLIC_URL": public_url,
        "GAS_MAILBOX_URL": f"http://{HOST}:{settings.cloud_port}/mailbox",
        "GAS_MAIL_FROM": "GAS <gas@example.org>",
        "GAS_SECRET_KEY": settings.secret_key.get_secret_value()
        if settings.secret_key is not None
        else data_folder.secret_key(settings.data_dir.resolve()),
        "GAS_PACKS_DIR": os.environ.get("GAS_PACKS_DIR") or str(local_packs_dir(settings)),
        "GAS_WORK_DIR": str(settings.data_dir.resolve() / "work"),
        "GAS_RESULTS_CACHE_DIR": str(settings.data_dir.resolve() / "results"),
        "GAS_MAIL_EVIDENCE_SECONDS": str(settings.mail_evidence_seconds),
        "GAS_LEASE_SECONDS": str(settings.lease_seconds),
        "GAS_RETENTION_SECONDS": str(settings.retention_seconds),
        "GAS_ARCHIVE_NOTICE_SECONDS": str(settings.archive_notice_seconds),
    }


def _server(name: str, url: str, hook_url: str, metrics_port: int, environment: Mapping[str, str], logs: Path) -> Child:
    bind = url.removeprefix("http://")
    command = [sys.executable, "-m", "gunicorn", "-c", str(GUNICORN_SETTINGS), "--bind", bind, f"{name}.wsgi:app"]
    own = {"GAS_HOOK_URL": hook_url, "GAS_METRICS_PORT": str(metrics_port), "AWS_ACCESS_KEY_ID": name}
    return Child(name, command, {**environment, **own}, logs / f"{name}.log")


def _ensure_accounts(settings: LocalSettings, access: Settings, from_stack: Mapping[str, str]) -> None:
    users = DynamoUsers(client(access, "dynamodb"), from_stack["GAS_USERS_TABLE"])
    ensure_account(
        users, email=DEMO_EMAIL, password=settings.demo_password.get_secret_value(), name="Demo", role="user"
    )
    ensure_account(
        users,
        email=OPERATOR_EMAIL,
        password=settings.operator_password.get_secret_value(),
        name="Operator",
        role="operator",
    )


def _wait_ready(child: Child, url: str) -> None:
    def ready() -> bool:
        if child.pid is None:
            raise GasError(f"{child.name} did not start; its last words, in {child.log_file}: {_last_words(child)}")
        try:
            return bool(requests.get(url, timeout=5).status_code == requests.codes.ok)
        except requests.RequestException:
            return False

    if not wait_until(ready, READY_SECONDS):
        raise GasError(f"{child.name} was not ready after {READY_SECONDS:.0f} s; see {child.log_file}.")


def _last_words(child: Child) -> str:
    lines = child.log_file.read_text(errors="replace").splitlines()
    return lines[-1].removeprefix("gas: ") if lines else "none"


def _wait_subscribed(access: Settings, logs: Path) -> None:
    sns = client(access, "sns")

    def subscribed() -> bool:
        pages = sns.get_paginator("list_subscriptions").paginate()
        return all(item["SubscriptionArn"].startswith("arn:") for page in pages for item in page["Subscriptions"])

    if not wait_until(subscribed, READY_SECONDS):
        raise GasError(f"The servers did not confirm their subscriptions; see {logs}.")


def _banner(settings: LocalSettings, logs: Path) -> str:
    lines = {
        "Open": f"http://{HOST}:{settings.frontend_port}",
        "Demo account": f"{DEMO_EMAIL}   password: {settings.demo_password.get_secret_value()}",
        "Operator account": f"{OPERATOR_EMAIL}   password: {settings.operator_password.get_secret_value()}",
        "Mailbox": f"http://{HOST}:{settings.cloud_port}/mailbox",
        "Stripe": f"http://{HOST}:{settings.cloud_port}/stripe",
        "Metrics": "  ".join(f"http://{HOST}:{port}/metrics" for port in settings.metrics_ports.values()),
        "Logs": str(logs),
        "For operators": f". {shlex.quote(str(_settings_file(settings)))}   then gas dlq list   (docs/operations.md)",
        "Stop": "Ctrl-C",
    }
    return "\nGAS is ready.\n\n" + "".join(f"  {label:<18}{value}\n" for label, value in lines.items())
