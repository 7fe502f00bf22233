"""The state of the whole local cloud as one pickle.

One, since its parts have objects in common: an object of S3 is in its bucket and in the restoration that is under way.
What belongs to the process (threads, locks, the timer, whatever pushes) is not in it but is named, and looked up when
it is loaded.
"""

from __future__ import annotations

import copyreg
import io
import pickle
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from moto.backends import get_backend
from moto.core.base_backend import BackendDict
from moto.s3.models import s3_backends

from deploy.local.s3.bodies import Body
from deploy.local.sns.lanes import ThreadLane

_LOCKS: dict[type, Callable[[], Any]] = {
    type(threading.Lock()): threading.Lock,
    type(threading.RLock()): threading.RLock,
    threading.Condition: threading.Condition,
}
_EMPTY = {"kms"}
"""Services of which moto has a backend as soon as another one asks it, with keys that cannot be pickled: nothing here is
encrypted with them."""
_present: dict[str, Any] = {}
"""The parts of this process, by name, while a state is loaded."""


class Part(Protocol):
    """Has something that outlives the process."""

    def dump(self) -> Any:
        """To be pickled. Called while nothing changes, and without taking locks: their holders may be no more."""
        ...

    def load(self, kept: Any) -> None:
        """Goes on from what was dumped. Called while nothing changes."""
        ...


class State:
    """``parts`` are asked for what they have. ``fixtures`` have nothing, but others refer to them."""

    def __init__(self, parts: Mapping[str, Part], fixtures: Mapping[str, Any]) -> None:
        self._parts = parts
        self._named = {**fixtures, **parts}
        self._reducers: dict[type, Any] = {
            **copyreg.dispatch_table,
            **{kind: lambda _, make=make: (make, ()) for kind, make in _LOCKS.items()},
            ThreadLane: lambda lane: (_new_lane, (lane.width,)),
            Body: lambda body: (_body, (body.path.name, body.size)),
        }
        for name, one in self._named.items():
            self._reducers[type(one)] = lambda _, name=name: (_named, (name,))

    def dump(self) -> bytes:
        """Everything, as it is at this moment."""
        buffer = io.BytesIO()
        pickler = pickle.Pickler(buffer, pickle.HIGHEST_PROTOCOL)
        pickler.dispatch_table = self._reducers
        pickler.dump({name: part.dump() for name, part in self._parts.items()})
        return buffer.getvalue()

    def load(self, pickled: bytes) -> None:
        """Everything becomes as it was then. Raises whatever a pickle may that is none of ours."""
        _present.update(self._named)
        try:
            kept = pickle.loads(pickled)  # noqa: S301 - from a folder that is nobody else's
        finally:
            _present.clear()
        for name, part in self._parts.items():
            part.load(kept[name])


class Moto:
    """All of moto's backends."""

    def dump(self) -> dict[str, Any]:
        """By service, account, and region or partition."""
        backends = {
            services.service_name: {account: dict(regions) for account, regions in services.items()}
            for services in BackendDict._instances  # type: ignore[misc]  # moto's list of those in use
            if services.service_name not in _EMPTY
        }
        return {"backends": backends, "buckets": s3_backends.bucket_accounts}

    def load(self, kept: Mapping[str, Any]) -> None:
        """These are the backends."""
        for service, accounts in kept["backends"].items():
            services: Any = get_backend(service)
            for account, regions in accounts.items():
                services[account].update(regions)
        s3_backends.bucket_accounts.update(kept["buckets"])


def _named(name: str) -> Any:
    return _present[name]


def _new_lane(width: int) -> ThreadLane:
    lane: ThreadLane = _present["lanes"].new(width)
    return lane


def _body(name: str, size: int) -> Body:
    body: Body = _present["bodies"].found(name, size)
    return body
