"""How much there is to do, and how many hands there are: what annotators are scaled by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """As one process of a hook server knows it."""

    backlog: int
    """Messages that were accepted and are not finished, waiting or running, of all servers of its kind."""
    slots: int
    """Messages that this process can handle at once."""
    busy: int
    """Messages that it handles now."""
