"""The errors of GAS. Whoever raises one decides whether trying again can help; whoever catches one never guesses.

`Retryable` and `Permanent` are the two branches: a handler that raises `Retryable` is run again after a delay,
one that raises `Permanent` sends its message to the dead-letter queue at once.
"""

from __future__ import annotations

from datetime import timedelta


class GasError(Exception):
    """Any failure that GAS understands. ``str(error)`` is one sentence for a person, without secrets."""


class Retryable(GasError):
    """Something outside was away or busy: the same attempt may succeed later.

    ``after`` is how long to wait at least before the next attempt, when the one who raises knows it.
    """

    def __init__(self, sentence: str, *, after: timedelta | None = None) -> None:
        super().__init__(sentence)
        self.after = after


class Permanent(GasError):
    """Trying again cannot help."""


class Unavailable(Retryable):
    """An AWS service did not answer, throttled, or failed on its side."""


class NoCapacity(Retryable):
    """Glacier has no capacity for this tier at the moment."""


class NotFound(Permanent):
    """What was asked for does not exist (any more)."""


class Conflict(Permanent):
    """A condition on the present state did not hold: somebody else was quicker, or the transition is illegal."""


class TooLarge(Permanent):
    """A value is larger than what the store can hold."""


class AlreadyExists(Conflict):
    """What was to be created is there already."""


class ConfigurationError(Permanent):
    """A setting is missing or wrong. The sentence names the setting."""
