"""Tells everybody which reference packs are installed here: their cards, in the results bucket.

Several annotators are expected to have the same packs; the last to start, or to see a change, is believed.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path

import structlog

from shared.core.errors import GasError, Permanent
from shared.core.packs import CATALOGUE_KEY, PackCard, write_catalogue
from shared.core.ports import Objects

log = structlog.get_logger()

LOOK_SECONDS = 15.0
"""How soon a pack that was installed, or another version of it, is offered to people."""
PAUSE_SECONDS = 3.0
"""Between attempts to write the catalogue."""


def cards(folders: Sequence[Path]) -> list[PackCard]:
    """The packs in these folders, by name; of two with one name the one in the earlier folder, as jobs take it.

    What is no pack is left out, and the log says so: whoever asks for it by name is told what is wrong.
    """
    found: dict[str, PackCard] = {}
    for folder in folders:
        for manifest in sorted(folder.glob("[!.]*/manifest.json")):
            try:
                card = _card(manifest)
            except (OSError, Permanent) as error:
                log.warning("no reference pack", folder=str(manifest.parent), error=str(error))
                continue
            if card.name == manifest.parent.name:
                found.setdefault(card.name, card)
    return [found[name] for name in sorted(found)]


class Catalogue:
    """Keeps the object in the bucket as the folders are. One for each process."""

    def __init__(self, folders: Sequence[Path], results: Objects) -> None:
        self._folders = folders
        self._results = results
        self._written = b""
        self._stopped = threading.Event()

    def start(self) -> None:
        """Starts the thread, and returns at once."""
        threading.Thread(target=self._run, name="catalogue", daemon=True).start()

    def stop(self) -> None:
        """Ends the thread soon."""
        self._stopped.set()

    def write(self) -> bool:
        """Writes the catalogue if it is not as it was written last. Answers whether it is now as it should be."""
        try:
            data = write_catalogue(cards(self._folders))
            if data != self._written:
                self._results.write(CATALOGUE_KEY, data, content_type="application/json")
                self._written = data
                log.info("catalogue of reference packs written", bytes=len(data))
        except GasError as error:
            log.warning("catalogue of reference packs not written", error=str(error))
            return False
        return True

    def _run(self) -> None:
        pause = 0.0
        while not self._stopped.wait(pause):
            try:
                pause = LOOK_SECONDS if self.write() else PAUSE_SECONDS
            except Exception:
                log.exception("catalogue of reference packs failed unexpectedly")  # a folder that cannot be read, say
                pause = LOOK_SECONDS


def _card(manifest: Path) -> PackCard:
    """Raises `Permanent` when the file is no manifest."""
    try:
        given = json.loads(manifest.read_text(encoding="utf-8"))
        contigs = [(item["name"], item["length"], item["aliases"]) for item in given["contigs"]]
        return PackCard.from_json({**given, "contigs": contigs})
    except (ValueError, KeyError, TypeError) as error:
        raise Permanent(f"The manifest is wrong: {type(error).__name__}: {error}.") from error
