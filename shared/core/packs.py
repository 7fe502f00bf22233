"""What everybody knows of the installed reference packs: their cards, without a byte of sequence.

The annotator writes the cards of its packs into the results bucket, as one object under `CATALOGUE_KEY`; the frontend
offers them, and chooses among them (`shared.core.pack_choice`), without importing the annotator.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from shared.core.errors import Permanent

CATALOGUE_KEY = "catalogue/packs.json"
"""Where in the results bucket the cards lie. No user's files do: their keys begin with 32 hexadecimal digits."""
MAX_CATALOGUE_BYTES = 16 * 1024 * 1024
MAX_CONTIGS = 5000
"""Contigs on a card, the longest first: an assembly may have a million scraps, which choose nothing."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class CardContig(NamedTuple):
    """One sequence of a pack."""

    name: str
    length: int
    """Bases."""
    aliases: tuple[str, ...] = ()
    """Other names of it in files."""


@dataclass(frozen=True)
class PackCard:
    """What one pack is."""

    name: str
    title: str
    assembly: str
    version: str
    sources: tuple[Mapping[str, str], ...]
    """Each with at least ``name`` and ``version``."""
    contigs: tuple[CardContig, ...]

    @cached_property
    def by_alias(self) -> Mapping[str, CardContig]:
        """Any name of a contig, in lower case → the contig."""
        found: dict[str, CardContig] = {}
        for contig in self.contigs:
            for name in (contig.name, *contig.aliases):
                found.setdefault(name.lower(), contig)
        return found

    def to_json(self) -> dict[str, Any]:
        """As JSON takes it; the longest `MAX_CONTIGS` contigs, in the pack's order."""
        longest = sorted(range(len(self.contigs)), key=lambda place: -self.contigs[place].length)[:MAX_CONTIGS]
        kept = [self.contigs[place] for place in sorted(longest)]
        return {
            "name": self.name,
            "title": self.title,
            "assembly": self.assembly,
            "version": self.version,
            "sources": [dict(source) for source in self.sources],
            "contigs": [[contig.name, contig.length, list(contig.aliases)] for contig in kept],
        }

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> PackCard:
        """The inverse of `to_json`. Raises `Permanent` for anything else."""
        try:
            return cls(
                name=str(given["name"]),
                title=str(given["title"]),
                assembly=str(given["assembly"]),
                version=str(given["version"]),
                sources=tuple({str(key): str(value) for key, value in source.items()} for source in given["sources"]),
                contigs=tuple(
                    CardContig(str(name), int(length), tuple(str(alias) for alias in aliases))
                    for name, length, aliases in given["contigs"]
                ),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Permanent(f"This is no card of a reference pack: {type(error).__name__}: {error}.") from error


def write_catalogue(cards: Iterable[PackCard]) -> bytes:
    """The object under `CATALOGUE_KEY`."""
    return json.dumps({"packs": [card.to_json() for card in cards]}, separators=(",", ":")).encode()


def read_catalogue(data: bytes) -> tuple[PackCard, ...]:
    """The inverse of `write_catalogue`. Raises `Permanent` for anything else."""
    try:
        given = json.loads(data)["packs"]
        return tuple(PackCard.from_json(card) for card in given)
    except (KeyError, TypeError, ValueError) as error:
        raise Permanent(f"The catalogue of reference packs is damaged: {type(error).__name__}: {error}.") from error


def newer_sources(card: PackCard, used: Mapping[str, Any]) -> list[str]:
    """What is installed now and was not when a job ran: sentences, none when nothing is newer.

    ``used``: ``pack`` of the job's summary. Versions that are dates are compared; others are only told apart.
    """
    if used.get("name") != card.name:
        return []
    before = {str(source.get("name")): str(source.get("version")) for source in _mappings(used.get("sources"))}
    sentences = []
    for source in card.sources:
        name, version = source.get("name", ""), source.get("version", "")
        old = before.get(name)
        if old is None or old == version or not version:
            continue
        if _DATE.fullmatch(old) and _DATE.fullmatch(version):
            if version > old:
                sentences.append(f"A newer {name} ({version}) is installed than the one this job used ({old}).")
        else:
            sentences.append(f"Another {name} ({version}) is installed than the one this job used ({old}).")
    return sentences


def _mappings(value: Any) -> Sequence[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list | tuple) else []
