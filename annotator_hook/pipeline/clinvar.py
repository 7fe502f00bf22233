"""What ClinVar knows of an allele: the same contig, position and sequences after normalisation, nothing less."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

import pysam

from annotator_hook.pipeline.variant import Variant

_WINDOW: Final = 1 << 18

STARS: Final[Mapping[str, int]] = {
    "practice_guideline": 4,
    "reviewed_by_expert_panel": 3,
    "criteria_provided,_multiple_submitters,_no_conflicts": 2,
    "criteria_provided,_conflicting_classifications": 1,
    "criteria_provided,_single_submitter": 1,
}
"""Review status → stars; any other status has none. Source: ClinVar, "Review status" (2024 wording)."""


class ClinVarRecord(NamedTuple):
    """One classified variant, in the words of ClinVar's VCF."""

    variation_id: str
    significance: str
    """CLNSIG, such as ``Pathogenic/Likely_pathogenic``."""
    conditions: str
    """CLNDN: underscores for blanks, ``|`` between conditions."""
    review_status: str
    dbsnp: str
    """With its ``rs``; empty where there is none."""

    @property
    def accession(self) -> str:
        """Such as VCV000009589."""
        return f"VCV{int(self.variation_id):09d}"

    @property
    def stars(self) -> int:
        return STARS.get(self.review_status, 0)

    @property
    def significance_in_words(self) -> str:
        return self.significance.replace("_", " ")

    @property
    def conditions_in_words(self) -> str:
        return "; ".join(self.conditions.replace("_", " ").split("|"))

    @property
    def is_pathogenic(self) -> bool:
        """Pathogenic or likely so, without a conflict."""
        return self.significance.lower().startswith(("pathogenic", "likely_pathogenic"))


class ClinVar:
    """A pack's ClinVar file, read window by window."""

    def __init__(self, path: Path) -> None:
        self._file = pysam.TabixFile(str(path))
        self._window = lru_cache(maxsize=4)(self._read)

    def of(self, variant: Variant) -> ClinVarRecord | None:
        """The record of exactly this allele."""
        return self._window(variant.contig, variant.pos // _WINDOW).get(variant)

    def _read(self, contig: str, number: int) -> dict[Variant, ClinVarRecord]:
        if contig not in self._file.contigs:
            return {}
        found: dict[Variant, ClinVarRecord] = {}
        for line in self._file.fetch(contig, number * _WINDOW, (number + 1) * _WINDOW):
            name, pos, identifier, ref, alt, _, _, info = line.split("\t")
            tags = dict(item.partition("=")[::2] for item in info.split(";"))
            found[Variant(name, int(pos), ref, alt)] = ClinVarRecord(
                variation_id=identifier,
                significance=tags.get("CLNSIG", ""),
                conditions=tags.get("CLNDN", ""),
                review_status=tags.get("CLNREVSTAT", ""),
                dbsnp=f"rs{tags['RS']}" if "RS" in tags else "",
            )
        return found
