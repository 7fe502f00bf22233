"""Fuzzing opens no sockets either."""

from __future__ import annotations

from tests.unit.conftest import no_sockets

__all__ = ["no_sockets"]
