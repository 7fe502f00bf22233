"""Whether something outside was reached lately."""

from __future__ import annotations

from collections.abc import Callable

from shared.core.errors import GasError
from shared.core.health import Check


class Reach:
    """One thing outside that is asked again and again. A single failure does not count: it is out of reach when it did
    not answer for ``patience`` seconds, or never did."""

    def __init__(self, patience: float, monotonic: Callable[[], float]) -> None:
        self._patience = patience
        self._monotonic = monotonic
        self._reached_at: float | None = None
        self._failure = ""
        """Of the latest call, if it failed."""

    def ask(self, call: Callable[[], object]) -> None:
        """Calls it, and remembers what came of it. Raises what the call raises."""
        try:
            call()
        except Exception as error:
            self._failure = (
                str(error) if isinstance(error, GasError) else f"Unexpected {type(error).__name__}; see the log."
            )
            raise
        self._reached_at, self._failure = self._monotonic(), ""

    @property
    def check(self) -> Check:
        """As ``/readyz`` says it; also while a call hangs."""
        reached_at, failure = self._reached_at, self._failure
        if reached_at is None:
            return Check(ok=False, detail=failure or "It was not reached yet.")
        silence = self._monotonic() - reached_at
        if silence < self._patience:
            return Check(ok=True)
        return Check(ok=False, detail=f"It has not answered for {silence:.0f} s. {failure}".rstrip())
