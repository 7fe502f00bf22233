"""The job's summary: what its page shows at first sight, as JSON of less than 100 kB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from annotator_hook.consequence import terms
from annotator_hook.consequence.alleles import CLASSES
from annotator_hook.packs.format import PackContig
from annotator_hook.pipeline.counts import FREQUENCIES, LONGEST_INDEL, MOST_HIGHLIGHTS, Counts

MOST_GENES: Final = 50
MOST_CONTIGS: Final = 30
"""Of which the density is shown."""
MOST_BARS: Final = 200
"""Of all of them together."""
_MOST_COUNTED_CONTIGS: Final = 200
_SHOWN_CLASSES: Final = ("SNV", "insertion", "deletion", "indel", "substitution")


def density_bins(contigs: Sequence[PackContig]) -> dict[str, int]:
    """Of the longest contigs the bases of a bar, so that there are at most `MOST_BARS`."""
    shown = sorted(contigs, key=lambda contig: -contig.length)[:MOST_CONTIGS]
    if not shown:
        return {}
    size = -(-sum(contig.length for contig in shown) // (MOST_BARS - len(shown)))
    return {contig.name: size for contig in shown}


def summarise(counts: Counts, bins: Mapping[str, int], *, samples: int, has_frequencies: bool) -> dict[str, Any]:
    """The part of the job's summary that comes from its alleles."""
    impact = dict.fromkeys((str(impact) for impact in terms.Impact), 0)
    for term, number in zip(terms.IMPACTS, counts.consequences.tolist(), strict=True):
        impact[str(term)] += number
    classes = dict(zip(CLASSES, counts.classes.tolist(), strict=True))
    genes = [
        {"symbol": symbol, "gene_id": gene, "variants": variants, "high": high, "moderate": moderate}
        for gene, (symbol, variants, high, moderate) in counts.genes.items()
    ]
    genes.sort(key=lambda gene: (-gene["high"], -gene["moderate"], -gene["variants"], gene["symbol"]))
    lengths = {str(place - LONGEST_INDEL): number for place, number in enumerate(counts.lengths.tolist()) if number}
    spectrum = [
        {"from": low, "to": high, "n": number}
        for low, high, number in zip(FREQUENCIES[:-1], FREQUENCIES[1:], counts.frequencies.tolist(), strict=True)
    ]
    return {
        "variants": counts.variants,
        "classes": {name: classes[name] for name in _SHOWN_CLASSES},
        "consequences": _by_term(counts.consequences.tolist()),
        "coding_consequences": _by_term(counts.coding.tolist()),
        "impact": impact,
        "ts": counts.transitions,
        "tv": counts.transversions,
        "contigs": dict(counts.contigs.most_common(_MOST_COUNTED_CONTIGS)),
        "density": {contig: {"bin": bins[contig], "counts": bars.tolist()} for contig, bars in counts.density.items()},
        "indel_lengths": lengths,
        "af_spectrum": spectrum if has_frequencies else None,
        "zygosity": {"het": counts.het, "hom": counts.hom} if samples else None,
        "haplotype": {"changed": counts.changed} if samples else None,
        "clinvar": dict(counts.clinvar.most_common(20)),
        "clinvar_hits": sum(counts.clinvar.values()),
        "genes": genes[:MOST_GENES],
        "highlights": [*counts.pathogenic.values(), *counts.high.values()][:MOST_HIGHLIGHTS],
    }


def _by_term(numbers: Sequence[int]) -> dict[str, int]:
    """The most severe first."""
    return {term: number for term, number in zip(terms.TERMS, numbers, strict=True) if number}
