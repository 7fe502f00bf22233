"""What the job's page shows at first sight: counts, and the variants to look at first."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from annotator_hook.pipeline.annotation import Annotation
from annotator_hook.pipeline.terms import IMPACTS, RANK
from annotator_hook.pipeline.variant import Variant

CLASSES: Final = ("SNV", "insertion", "deletion", "indel", "substitution")
MOST_GENES: Final = 50
MOST_HIGHLIGHTS: Final = 50
_TRANSITIONS: Final = frozenset({"AG", "GA", "CT", "TC"})


class Summary:
    """Counts alleles as they are written."""

    def __init__(self) -> None:
        self.variants = 0
        self._classes: Counter[str] = Counter(dict.fromkeys(CLASSES, 0))
        self._consequences: Counter[str] = Counter()
        self._impact: Counter[str] = Counter(dict.fromkeys(IMPACTS, 0))
        self._transitions = self._transversions = 0
        self._clinvar: Counter[str] = Counter()
        self._genes: dict[str, dict[str, Any]] = {}
        self._pathogenic: dict[Variant, dict[str, Any]] = {}
        self._high: dict[Variant, dict[str, Any]] = {}

    def add(self, annotation: Annotation) -> None:
        """One allele, each time that it occurs."""
        self.variants += 1
        variant, worst, known = annotation.variant, annotation.consequences.worst, annotation.clinvar
        kind = annotation.kind
        self._classes[kind] += 1
        self._consequences[worst.terms[0]] += 1
        self._impact[worst.impact] += 1
        if kind == "SNV" and variant.ref != "N":
            if variant.ref + variant.alt in _TRANSITIONS:
                self._transitions += 1
            else:
                self._transversions += 1
        if known:
            self._clinvar[known.significance_in_words] += 1
        self._count_genes(annotation)
        if known and known.is_pathogenic:
            _keep(self._pathogenic, annotation)
        elif worst.impact == "HIGH":
            _keep(self._high, annotation)

    def _count_genes(self, annotation: Annotation) -> None:
        counted: set[str] = set()
        for item in annotation.consequences.touching:  # the most severe first, so the first of a gene is its worst
            if item.transcript is None or item.transcript.gene_id in counted:
                continue
            gene_id = item.transcript.gene_id
            counted.add(gene_id)
            if gene_id not in self._genes:
                symbol = item.transcript.symbol
                self._genes[gene_id] = {
                    "symbol": symbol,
                    "gene_id": gene_id,
                    "variants": 0,
                    "high": 0,
                    "moderate": 0,
                }
            gene = self._genes[gene_id]
            gene["variants"] += 1
            gene["high"] += item.impact == "HIGH"
            gene["moderate"] += item.impact == "MODERATE"

    def counts(self) -> dict[str, Any]:
        """The part of the job's summary that comes from its alleles."""
        genes = sorted(self._genes.values(), key=lambda gene: (-gene["variants"], gene["symbol"]))
        return {
            "variants": self.variants,
            "classes": dict(self._classes),
            "consequences": {
                term: self._consequences[term] for term in sorted(self._consequences, key=RANK.__getitem__)
            },
            "impact": dict(self._impact),
            "ts": self._transitions,
            "tv": self._transversions,
            "clinvar": dict(self._clinvar.most_common(20)),
            "genes": genes[:MOST_GENES],
            "highlights": [*self._pathogenic.values(), *self._high.values()][:MOST_HIGHLIGHTS],
        }


def _keep(kept: dict[Variant, dict[str, Any]], annotation: Annotation) -> None:
    variant, worst, known = annotation.variant, annotation.consequences.worst, annotation.clinvar
    if variant in kept or len(kept) >= MOST_HIGHLIGHTS:
        return
    touched = worst.transcript if worst.distance is None else None
    change = annotation.hgvs_g.partition(":")[2]
    kept[variant] = {
        "contig": variant.contig,
        "pos": variant.pos,
        "ref": _short(variant.ref, 40),
        "alt": _short(variant.alt, 40),
        "gene": touched.symbol if touched else "",
        "consequence": worst.terms[0],
        "impact": worst.impact,
        "change": _short(change + (f" / {worst.hgvs_p}" if worst.hgvs_p else ""), 120),
        "clinvar": known.significance_in_words if known else "",
        "condition": _short(known.conditions_in_words, 200) if known else "",
        "stars": known.stars if known else None,
        "accession": known.accession if known else "",
    }


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
