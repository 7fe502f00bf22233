"""How bad the storm is: the short form is part of `make test`, `make chaos` runs the long one (``GAS_CHAOS=long``)."""

from __future__ import annotations

import os
from dataclasses import dataclass

from tests.chaos.cases import CASES
from tests.chaos.faults import Weather


@dataclass(frozen=True)
class Scale:
    """How much of everything."""

    people: int
    files_each: int
    cases: int
    """How many of `CASES`."""
    pause: float
    """Mean seconds between two files of one person."""
    kills: int
    """Of servers, at least."""
    most_kills: int
    between_kills: tuple[float, float]
    weather: Weather
    mail_evidence: float
    """Seconds; see docs/decisions/0002. Longer than SES's report may take on its way through the storm."""
    full_disk: tuple[float, float]
    """Seconds until the disk is full again, and how long it is."""
    patience: float
    """Seconds that the last job may take from the end of the storm."""
    seconds: int
    """The whole may take."""


SHORT = Scale(
    people=3,
    files_each=6,
    cases=3,
    pause=0.3,
    kills=6,
    most_kills=6,
    between_kills=(0.5, 1.5),
    # An e-mail of which SES said nothing waits for its report, longer than this form may take.
    weather=Weather(
        turned_away=0.06, hang=3.0, longest_echo=5.0, outage_every=2.0, outage=1.5, spared=frozenset({"ses"})
    ),
    mail_evidence=15.0,
    full_disk=(1.5, 1.5),
    patience=120.0,
    seconds=300,
)
LONG = Scale(
    people=20,
    files_each=25,
    cases=len(CASES),
    pause=10.0,
    kills=100,
    most_kills=1000,
    between_kills=(1.0, 4.0),
    weather=Weather(),
    mail_evidence=60.0,
    full_disk=(40.0, 10.0),
    patience=600.0,
    seconds=5400,
)
SCALE = LONG if os.environ.get("GAS_CHAOS") == "long" else SHORT
