"""How long the results page takes over 1,000,000 variants, from a filter to the rendered page with all its numbers.

The variants are made up with a fixed seed (`tests.results_world`): 24 chromosomes, 20,000 genes, some 2.2 million calls,
three samples. Every kind of filter is asked for, alone and with others, sorted, and at its last page.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from tests.results_world import write_many
from tests.unit.frontend_results.world import ResultsWorld

VARIANTS = 1_000_000
ROUNDS = 3
FILTERS = (
    "",
    "gene=GENE500",
    "gene=GENE500+GENE7000+GENE15000&consequence=missense_variant",
    "gene=GENE42&impact=HIGH&impact=MODERATE&match=picked",
    "region=7:1,000,000-20,000,000",
    "region=X",
    "consequence=missense_variant",
    "consequence=stop_gained&match=any",
    "consequence=intron_variant&match=picked",
    "impact=HIGH",
    "impact=MODERATE&impact=LOW&match=any",
    "class=deletion",
    "class=transition",
    "size=1..5",
    "clinvar=Pathogenic&clinvar=Likely+pathogenic",
    "clinvar=any&impact=HIGH",
    "af=0.001",
    "af=0.01..0.05",
    "qual=900&filter=pass",
    "genotype=hom",
    "sample=child:het&sample=mother:ref&sample=father:ref",
    "haplotype=1",
    "q=gene12",
    "q=rs1000",
    "q=Arg340",
    "q=nothing+has+this",
    "impact=HIGH&impact=MODERATE&af=0.01&qual=30&filter=pass&sample=child:hom&sample=mother:het&sample=father:het",
    "sort=-af",
    "sort=consequence&clinvar=any",
    "sort=gene&page=9000",
    "sort=hgvsp&page=4000",
    "page=20000",
)


def measure() -> dict[str, float]:
    """Milliseconds of whole requests: ``median_ms``, ``worst_ms`` (of the filters' medians) and ``opening_s``, the first
    look, which fetches the results and makes their index."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        world = ResultsWorld(folder)
        job = world.explored(paths=write_many(folder, VARIANTS))
        client = world.browser(world.alice).client
        path = f"/jobs/{job.job_id}/variants"
        started = time.perf_counter()
        assert client.get(path).status_code == 200
        opening = time.perf_counter() - started
        medians = []
        for query in FILTERS:
            took = []
            for _ in range(ROUNDS):
                started = time.perf_counter()
                response = client.get(path, query_string=query)
                took.append((time.perf_counter() - started) * 1000)
                assert response.status_code == 200, (query, response.status_code)
            medians.append(statistics.median(took))
    return {"median_ms": statistics.median(medians), "worst_ms": max(medians), "opening_s": opening}


if __name__ == "__main__":
    print(measure())
