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
        self._failure = "It was not reached yet."

    def ask(self, call: Callable[[], object]) -> None:
        """Calls it, and remembers what came of it. Raises what the call raises."""
        try:
            call()
        except Exception as error:
            self._failure = (
                str(error) if isinstance(error, GasError) else f"Unexpected {type(error).__name__}; see the log."
            )
            raise
        self._reached_at = self._monotonic()

    @property
    def check(self) -> Check:
        """As ``/readyz`` says it."""
        if self._reached_at is not None and self._monotonic() - self._reached_at < self._patience:
            return Check(ok=True)
        return Check(ok=False, detail=self._failure)
