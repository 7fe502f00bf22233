"""How long the pipeline takes for a mitochondrial VCF of 100,000 records, and how much memory its process needs."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

from annotator_hook.pipeline import pack as packs
from annotator_hook.pipeline.job import Limits, Spec, run
from annotator_hook.services import BUILT_IN_PACKS

RECORDS = 100_000
SEED = 16569


def measure() -> dict[str, float]:
    """``seconds`` of wall time from file to results, and ``peak_mb`` (10^6 bytes) of the job's largest process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        output = folder / "output"
        output.mkdir()
        vcf = folder / "input.vcf"
        write_vcf(vcf)
        spec = Spec(vcf, output, BUILT_IN_PACKS / "rcrs", vcf.name, Limits(2 << 30, 600.0, 20 << 30))
        started = time.monotonic()
        result = run(spec, on_progress=lambda _: None, should_stop=lambda: False)
        seconds = time.monotonic() - started
    assert result.ledger.annotated == RECORDS, result.ledger
    return {"seconds": round(seconds, 2), "peak_mb": round(result.peak_memory_bytes / 1e6, 1)}


def write_vcf(path: Path) -> None:
    """Sorted; nine in ten are SNVs, the rest insertions and deletions; one sample; the same file each time."""
    chance = random.Random(SEED)
    pack = packs.load(BUILT_IN_PACKS / "rcrs")
    (contig,) = pack.contigs
    sequence = pack.reference.bases(contig.name, 1, contig.length)
    with path.open("w", encoding="ascii") as file:
        file.write("##fileformat=VCFv4.2\n##contig=<ID=chrM,length=16569>\n")
        file.write('##INFO=<ID=DP,Number=1,Type=Integer,Description="Depth">\n')
        file.write('##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n')
        file.write('##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Reads by allele">\n')
        file.write("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\talice\n")
        for pos in sorted(chance.randint(1, contig.length - 10) for _ in range(RECORDS)):
            base = sequence[pos - 1]
            kind = chance.random()
            ref, alt = base, chance.choice([other for other in "ACGT" if other != base])
            if kind > 0.95:
                ref, alt = base, base + "".join(chance.choices("ACGT", k=chance.randint(1, 6)))
            elif kind > 0.9:
                ref, alt = sequence[pos - 1 : pos + chance.randint(1, 6)], base
            if "N" in alt:
                alt = "A" + alt[1:]
            depth = chance.randint(100, 5000)
            heteroplasmic = chance.randint(1, depth)
            file.write(
                f"chrM\t{pos}\t.\t{ref}\t{alt}\t{chance.randint(10, 5000)}\tPASS\tDP={depth}\t"
                f"GT:AD\t0/1:{depth - heteroplasmic},{heteroplasmic}\n"
            )


if __name__ == "__main__":
    print(measure())
