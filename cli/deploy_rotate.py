"""Replaces secrets while GAS runs: at every moment whoever meets an old one or a new one believes both."""

from __future__ import annotations

import secrets as random
from collections.abc import Callable
from typing import Final

from shared.aws.server_settings import ServerSecrets

KEPT: Final = 3
"""So many secret keys are believed. Links by which e-mails are turned off hold as long as theirs."""
_NEXT = "next_secret_key"
"""In the secret beside the settings: the key that is believed by all already, or soon, and signs as soon as it is."""


def rotate_secret_key(secrets: ServerSecrets, restart_servers: Callable[[], None], *, forget: bool) -> None:
    """A new GAS_SECRET_KEY. Servers are replaced twice: first all believe the new key, then all sign with it.

    Broken off, it goes on where it was. With ``forget`` the new one is the only one, at once: for a key that somebody
    else may know. Raises `GasError`.
    """
    found = secrets.read()
    if forget:
        found.pop(_NEXT, None)
        secrets.write({**found, "GAS_SECRET_KEY": random.token_urlsafe(48)})
        restart_servers()
        return
    believed = [key for part in found["GAS_SECRET_KEY"].split(",") if (key := part.strip())]
    new = found.get(_NEXT)
    if new is None:
        new = random.token_urlsafe(48)
        believed = [*believed[: KEPT - 1], new]
        secrets.write({**found, "GAS_SECRET_KEY": ",".join(believed), _NEXT: new})
    restart_servers()
    finished = {name: value for name, value in secrets.read().items() if name != _NEXT}
    signing = [new, *(key for key in believed if key != new)]
    secrets.write({**finished, "GAS_SECRET_KEY": ",".join(signing)})
    restart_servers()


def rotate_webhook_secret(secrets: ServerSecrets, restart_servers: Callable[[], None], new: str) -> bool:
    """Stripe signs with both secrets for as long as its dashboard was told, and frontends believe both: the new one and
    the one before. False where it was stored already, as after a run that was broken off. Raises `GasError`."""
    return _replace(secrets, restart_servers, "GAS_STRIPE_WEBHOOK_SECRETS", new, kept=1)


def rotate_stripe_key(secrets: ServerSecrets, restart_servers: Callable[[], None], new: str) -> bool:
    """The key before is good until it is revoked in Stripe's dashboard, after this. False where the new one was stored
    already, as after a run that was broken off. Raises `GasError`."""
    return _replace(secrets, restart_servers, "GAS_STRIPE_KEY", new, kept=0)


def _replace(secrets: ServerSecrets, restart_servers: Callable[[], None], name: str, new: str, *, kept: int) -> bool:
    """``kept``: so many of those before stay. Servers are told either way: it may be that they were not yet."""
    found = secrets.read()
    before = [one for part in found.get(name, "").split(",") if (one := part.strip())]
    is_new = new not in before
    if is_new:
        secrets.write({**found, name: ",".join([new, *before[:kept]])})
    restart_servers()
    return is_new
