"""``python -m bench.scaling [annotators …]``: a simulated day of so many annotators, and docs/scaling.md of it.

The inbox's own code (`Intake`, `Turns`, `Attempts`, `Leases`, `Sweeper`, `Backlog`) and the template's own scaling policy run
in simulated time on a model of DynamoDB, SNS and Auto Scaling (`bench.simulation`). Figures are kept in docs/scaling.json,
so that a day can be simulated alone: a thousand annotators take a quarter of an hour.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

from bench.simulation import flood, page
from bench.simulation.figures import Figures, figures
from bench.simulation.fleet import Fleet

DOCS = Path(__file__).parent.parent / "docs"
KEPT = DOCS / "scaling.json"
SCALES = (1, 10, 100, 1000)
SEED = 1


def simulate(annotators: int) -> Figures:
    """A day."""
    fleet = Fleet(annotators, SEED)
    fleet.run()
    return figures(fleet)


def simulate_flood() -> Figures:
    """More jobs at once than the inbox takes."""
    fleet = Fleet(flood.ANNOTATORS, SEED, jobs=flood.jobs())
    fleet.run()
    return figures(fleet)


def main() -> None:
    """Exits with 1 when a job was lost or done twice."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL), cache_logger_on_first_use=True
    )
    keep("flood", simulate_flood())
    for annotators in [int(argument) for argument in sys.argv[1:]] or SCALES:
        sys.stdout.write(f"{annotators} …\n")
        keep(str(annotators), simulate(annotators))
    kept = read()
    write(kept)
    raise SystemExit(any(one["never_done"] or one["done_twice"] for one in kept.values()))


def read() -> dict[str, Any]:
    """The figures that are kept: ``flood``, and those of each number of annotators."""
    return json.loads(KEPT.read_text()) if KEPT.exists() else {}


def keep(name: str, found: Figures) -> None:
    """Beside what is kept by now."""
    KEPT.write_text(json.dumps({**read(), name: found.to_json()}, separators=(",", ":")) + "\n")


def write(kept: Mapping[str, Any]) -> None:
    """The page and its plots, of the figures that are kept."""
    found = {name: Figures(**one) for name, one in kept.items()}
    days = sorted((one for name, one in found.items() if name != "flood"), key=lambda one: one.annotators)
    for path, text in page.plots(days).items():
        (DOCS / path).parent.mkdir(exist_ok=True)
        (DOCS / path).write_text(text)
    (DOCS / "scaling.md").write_text(page.text(days, found["flood"]))


if __name__ == "__main__":
    main()
