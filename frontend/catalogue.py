"""Which reference packs people may choose: those that the annotator says are installed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from shared.core.clock import Clock
from shared.core.errors import GasError
from shared.core.packs import CATALOGUE_KEY, MAX_CATALOGUE_BYTES, CardContig, PackCard, newer_sources, read_catalogue
from shared.core.ports import Objects

log = structlog.get_logger()

KEPT = timedelta(seconds=30)
"""How long what was read is believed."""
BUILT_IN = PackCard(
    name="rcrs",
    title="Human mitochondrial genome (rCRS)",
    assembly="NC_012920.1 (rCRS; the MT of GRCh38 and GRCh37)",
    version="",
    sources=(),
    contigs=(CardContig("MT", 16569, ("M", "chrM", "chrMT", "NC_012920.1", "NC_012920", "J01415.2", "rCRS")),),
)
"""The pack that every annotator has, for as long as none has written its catalogue."""


class Catalogue:
    """The catalogue in the results bucket, read at most every `KEPT`. Safe with threads."""

    def __init__(self, results: Objects, now: Clock) -> None:
        self._results = results
        self._now = now
        self._lock = threading.Lock()
        self._cards: tuple[PackCard, ...] = (BUILT_IN,)
        self._read_at: datetime | None = None

    def cards(self) -> tuple[PackCard, ...]:
        """The installed packs; what was known last, or `BUILT_IN`, while the catalogue cannot be read."""
        with self._lock:
            now = self._now()
            if self._read_at is None or not timedelta() <= now - self._read_at < KEPT:
                self._read_at = now
                try:
                    data = self._results.read(CATALOGUE_KEY, limit=MAX_CATALOGUE_BYTES)
                    self._cards = read_catalogue(data) or (BUILT_IN,)
                except GasError as error:  # not written yet, or S3 is away
                    log.info("catalogue of reference packs not read", error=str(error))
            return self._cards

    def card(self, name: str) -> PackCard | None:
        """The pack of this name, if it is installed."""
        return next((card for card in self.cards() if card.name == name), None)

    def newer(self, used: Mapping[str, Any]) -> list[str]:
        """What is installed now and was not for a job; ``used``: ``pack`` of its summary. Sentences."""
        card = self.card(str(used.get("name", "")))
        return newer_sources(card, used) if card else []
