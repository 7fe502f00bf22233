"""How a backend that we derive from one of moto's tells moto which of our classes answers its requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class UrlModule:
    """Stands in for a service's ``urls`` module; returned by a backend's ``_url_module``."""

    url_bases: Sequence[str]
    url_paths: Mapping[str, Callable[..., Any]]
