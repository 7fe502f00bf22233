"""How long annotation takes and how much memory it needs: mitochondria, and chromosome 20 beside `bcftools csq`.

Chromosome 20 is too large for the repository: ``GAS_BENCH_CHR20_DIR`` names a folder with ``GRCh37.20.fa.gz``,
``genes.gff3.gz`` and, if at hand, ``1000G.20.1-4Mb.vcf.gz``.
"""

from __future__ import annotations

import math
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil

from annotator_hook.packs import format as packs
from annotator_hook.packs.assemble import Contents, assemble
from annotator_hook.pipeline.genome import Genome
from annotator_hook.pipeline.job import Limits, Result, Spec, run
from annotator_hook.services import BUILT_IN_PACKS

RECORDS = 100_000
SITES = 1_000_000
ROUNDS = 3
SEED = 16569
SETTING = "GAS_BENCH_CHR20_DIR"
SAMPLE_SECONDS = 0.1
"""Between two looks at the memory of all processes."""
LIMITS = Limits(2 << 30, 600.0, 20 << 30)


def measure() -> dict[str, float]:
    """``seconds`` of wall time from file to results, and ``peak_mb`` (10^6 bytes) of all processes of the job."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        vcf = folder / "input.vcf"
        write_mitochondria(vcf)
        result, seconds = _run(vcf, BUILT_IN_PACKS / "rcrs", folder)
        peak = _most_memory(vcf, BUILT_IN_PACKS / "rcrs", folder)
    assert result.ledger.annotated == RECORDS, result.ledger
    return {"seconds": seconds, "peak_mb": peak}


def chr20_folder() -> Path | None:
    """Where the files of chromosome 20 are, if anywhere."""
    named = os.environ.get(SETTING)
    return Path(named) if named else None


def measure_chr20(source: Path) -> dict[str, float]:
    """1,000,000 synthetic sites, and the 1000 Genomes file where it is there, each beside one pass of `bcftools csq`.

    Of each: ``csq_seconds``, ``seconds``, their ``ratio``, and ``peak_mb``; those of the 1000 Genomes begin with
    ``phased_``. Of the sites also ``variants_per_s``, and ``memory_growth``: the memory as a multiple of what a quarter
    of them needs.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pack = make_chr20_pack(source, folder / "packs" / "chr20")
        genome = Genome(packs.load(pack))
        sites, quarter = folder / "sites.vcf", folder / "quarter.vcf"
        write_sites(sites, genome, SITES)
        write_sites(quarter, genome, SITES // 4)
        found = _side_by_side(sites, pack, source, folder, phased=False)
        found["variants_per_s"] = SITES / found["seconds"]
        found["memory_growth"] = found["peak_mb"] / _most_memory(quarter, pack, folder)
        phased = source / "1000G.20.1-4Mb.vcf.gz"
        if phased.exists():
            compared = _side_by_side(phased, pack, source, folder, phased=True)
            found |= {f"phased_{key}": value for key, value in compared.items()}
    return found


def _side_by_side(vcf: Path, pack: Path, source: Path, folder: Path, *, phased: bool) -> dict[str, float]:
    """In turns, so that what else the machine does disturbs both alike; of both the better time counts."""
    csq, seconds = math.inf, math.inf
    for _ in range(ROUNDS):
        csq = min(csq, _csq(vcf, source, folder, phased=phased))
        result, taken = _run(vcf, pack, folder)
        assert result.ledger.balances, result.ledger
        seconds = min(seconds, taken)
    peak = _most_memory(vcf, pack, folder)
    return {"csq_seconds": csq, "seconds": seconds, "ratio": seconds / csq, "peak_mb": peak}


def make_chr20_pack(source: Path, folder: Path) -> Path:
    """The pack that the files of ``source`` make."""
    folder.mkdir(parents=True)
    contents = Contents(
        name="chr20",
        title="Human chromosome 20",
        assembly="GRCh37",
        sources=[{"name": "Genes", "version": "derived from Ensembl 110", "from": "ideogram", "licence": "CC0"}],
        fasta=source / "GRCh37.20.fa.gz",
        gff3=source / "genes.gff3.gz",
    )
    assemble(contents, folder)
    return folder


def _csq(vcf: Path, source: Path, folder: Path, *, phased: bool) -> float:
    """Seconds of one pass in a process of its own, its start included."""
    script = "import sys, pysam.bcftools as b; b.csq(*sys.argv[1:], catch_stdout=False)"
    command = ["-f", str(source / "GRCh37.20.fa.gz"), "-g", str(source / "genes.gff3.gz")]
    command += ["-p", "a"] if phased else ["-l", "-s", "-"]
    command += ["-O", "v", "-o", str(folder / "csq.vcf"), str(vcf)]
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", script, *command], check=True, stderr=subprocess.DEVNULL)
    return time.monotonic() - started


def _most_memory(vcf: Path, pack: Path, folder: Path) -> float:
    """MB that all processes of the job had at one time. Looking takes time, so this is a run of its own."""
    with _memory() as peak:
        _run(vcf, pack, folder)
    return max(peak)


def _run(vcf: Path, pack: Path, folder: Path) -> tuple[Result, float]:
    with tempfile.TemporaryDirectory(dir=folder) as name:
        spec = Spec(vcf, Path(name), pack, vcf.name, LIMITS, workers=os.cpu_count() or 1)
        started = time.monotonic()
        result = run(spec, on_progress=lambda _: None, should_stop=lambda: False)
        return result, time.monotonic() - started


@contextmanager
def _memory() -> Iterator[list[float]]:
    """Looks again and again at what the processes started from here have resident, added up; what several of them
    share counts once (Linux's PSS)."""
    seen, over = [0.0], threading.Event()

    def look() -> None:
        while not over.wait(SAMPLE_SECONDS):
            total = 0
            for process in psutil.Process().children(recursive=True):
                try:
                    total += process.memory_full_info().pss
                except psutil.Error:
                    continue
            seen.append(total / 1e6)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def write_sites(path: Path, genome: Genome, count: int) -> None:
    """Sites all over the pack's first contig, sorted, no two at one position; nine in ten are SNVs, the rest
    insertions and deletions of up to six bases; the same file each time."""
    contig = genome.pack.contigs[0]
    sequence = genome.sequence(contig.name)
    chance = np.random.default_rng(SEED)
    known = np.flatnonzero(np.isin(sequence[:-10], np.frombuffer(b"ACGT", dtype=np.uint8)))
    places = np.sort(chance.choice(known, count, replace=False))
    kinds, others = chance.random(count), chance.integers(1, 4, count)
    sizes, depths, quals = (
        chance.integers(1, 7, count),
        chance.integers(1, 500, count),
        chance.integers(10, 5000, count),
    )
    inserted = chance.integers(0, 4, (count, 6))
    with path.open("w", encoding="ascii") as file:
        file.write(f"##fileformat=VCFv4.2\n##contig=<ID={contig.name},length={contig.length}>\n")
        file.write('##INFO=<ID=DP,Number=1,Type=Integer,Description="Depth">\n')
        file.write("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
        for row, place in enumerate(places.tolist()):
            ref = chr(sequence[place])
            alt = "ACGT"[("ACGT".index(ref) + int(others[row])) % 4]
            if kinds[row] > 0.95:
                alt = ref + "".join("ACGT"[base] for base in inserted[row, : sizes[row]])
            elif kinds[row] > 0.9:
                deleted = sequence[place : place + 1 + int(sizes[row])].tobytes().decode()
                ref, alt = (deleted, ref) if "N" not in deleted else (ref, alt)
            file.write(f"{contig.name}\t{place + 1}\t.\t{ref}\t{alt}\t{quals[row]}\tPASS\tDP={depths[row]}\n")


def write_mitochondria(path: Path) -> None:
    """Sorted; nine in ten are SNVs, the rest insertions and deletions; one sample; the same file each time."""
    chance = random.Random(SEED)
    genome = Genome(packs.load(BUILT_IN_PACKS / "rcrs"))
    (contig,) = genome.pack.contigs
    sequence = genome.bases(contig.name, 1, contig.length)
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
    folder = chr20_folder()
    print(measure_chr20(folder) if folder else f"{SETTING} names no folder with chromosome 20.")
