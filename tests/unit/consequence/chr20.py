"""Chromosome 20 as a nuclear, multi-exon contig for tests: too large for the repository, so its folder is a setting.

``GAS_TEST_CHR20_DIR`` names a folder with ``GRCh37.20.fa.gz`` (with index) and ``genes.gff3.gz``.
"""

from __future__ import annotations

import gzip
import os
from functools import cache
from pathlib import Path

import numpy as np
import pysam
import pytest

from annotator_hook.consequence.arrays import Bytes
from annotator_hook.consequence.gff import read_transcripts
from annotator_hook.consequence.models import ContigModel, build

needs_chr20 = pytest.mark.skipif(
    "GAS_TEST_CHR20_DIR" not in os.environ, reason="GAS_TEST_CHR20_DIR names no folder with chromosome 20"
)


def folder() -> Path:
    """Where the files are."""
    return Path(os.environ["GAS_TEST_CHR20_DIR"])


@cache
def contig() -> tuple[ContigModel, Bytes]:
    """The gene models and the sequence."""
    genes, genome = folder() / "genes.gff3.gz", folder() / "GRCh37.20.fa.gz"
    with gzip.open(genes, "rt") as lines, pysam.FastxFile(str(genome)) as fasta:
        sequence = np.frombuffer((next(iter(fasta)).sequence or "").upper().encode(), dtype=np.uint8)
        ((name, transcripts),) = read_transcripts(lines)
    return build(name, transcripts, sequence, genetic_code=1), sequence
