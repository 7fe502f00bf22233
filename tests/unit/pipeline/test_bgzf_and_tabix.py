"""Files made piece by piece, and their index, against htslib."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import numpy as np
import pysam
import pysam.bcftools
import pytest

from annotator_hook.pipeline import bgzf, tabix

HEAD = b"##fileformat=VCFv4.2\n##contig=<ID=one,length=500000000>\n##contig=<ID=two,length=90000>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
Site = tuple[str, int, int]


def piece(path: Path, data: bytes, step: int = 1000) -> bgzf.Piece:
    made = bgzf.Piece(path)
    for start in range(0, len(data), step):
        made.write(data[start : start + step])
    made.close()
    return made


@pytest.mark.parametrize("step", [1, 999, 0xFF00, 1 << 20])
def test_pieces_put_together_are_the_text(tmp_path: Path, step: int) -> None:
    texts = [
        b"",
        b"a" * 200_000 if step > 1 else b"a" * 2000,
        random.Random(1).randbytes(150_000 if step > 1 else 1500),
        b"end",
    ]
    pieces = [piece(tmp_path / str(number), text, step).path for number, text in enumerate(texts)]
    starts = bgzf.put_together(tmp_path / "all.gz", b"head", pieces)
    data = (tmp_path / "all.gz").read_bytes()
    assert gzip.decompress(data) == b"head" + b"".join(texts)
    assert data.endswith(bgzf.END)
    assert len(starts) == 4
    assert not any(path.exists() for path in pieces)


def test_a_virtual_offset_leads_htslib_to_its_line(tmp_path: Path) -> None:
    lines = [f"line {number} {'x' * (number % 97)}\n".encode() for number in range(20_000)]
    made = piece(tmp_path / "piece", b"".join(lines))
    offsets = np.append(0, np.cumsum([len(line) for line in lines]))
    virtual = made.virtual(offsets)
    bgzf.put_together(tmp_path / "all.gz", b"", [made.path])
    with pysam.BGZFile(str(tmp_path / "all.gz"), "rb", None) as file:
        for number in (0, 1, 2500, 9999, 19_999):
            file.seek(int(virtual[number]))
            assert file.readline() == lines[number].rstrip(b"\n")


def indexed(folder: Path, parts: list[list[Site]]) -> Path:
    """A VCF of deletions, a piece a part, with its index."""
    contigs: dict[str, list[tuple[int, tabix.Entries]]] = {}
    made, entries = [], []
    for number, part in enumerate(parts):
        lines = [
            f"{name}\t{pos}\t.\t{'A' * size}\tA\t.\t.\tX={'y' * (pos % 50)}\n".encode() for name, pos, size in part
        ]
        data = piece(folder / str(number), b"".join(lines))
        first = np.array([pos - 1 for _, pos, _ in part])
        size = np.array([size for *_, size in part])
        offsets = np.append(0, np.cumsum([len(line) for line in lines]))
        made.append(data.path)
        entries.append(tabix.Entries.of(first, first + size - 1, data.virtual(offsets)))
    target = folder / "x.vcf.gz"
    for start, part, entry in zip(bgzf.put_together(target, HEAD, made), parts, entries, strict=True):
        contigs.setdefault(part[0][0], []).append((start, entry))
    tabix.write(folder / "x.vcf.gz.tbi", list(contigs.items()))
    return target


def sites(name: str, count: int, end: int, seed: int) -> list[Site]:
    chance = random.Random(seed)
    sizes = [1, 1, 1, 2, 300, 20_000]
    return sorted((name, chance.randint(1, end - 20_000), chance.choice(sizes)) for _ in range(count))


def test_regions_are_found_as_with_htslibs_own_index(tmp_path: Path) -> None:
    one, two = sites("one", 3000, 400_000_000, 1), sites("two", 1500, 80_000, 2)
    target = indexed(tmp_path, [one[:1000], one[1000:], two])
    chance = random.Random(3)
    regions = [
        ("one", start := chance.randint(0, 400_000_000), start + chance.choice([1, 5000, 3_000_000])) for _ in range(60)
    ]
    regions += [("two", start := chance.randint(0, 80_000), start + chance.choice([1, 100, 30_000])) for _ in range(60)]
    with pysam.TabixFile(str(target)) as file:
        found = [[tuple(line.split("\t")[:2]) for line in file.fetch(*region)] for region in regions]
    expected = [
        [
            (name, str(pos))
            for name, pos, size in one + two
            if name == contig and pos - 1 < end and pos - 1 + size > start
        ]
        for contig, start, end in regions
    ]
    assert found == expected
    assert sum(map(len, found)) > 1000


def test_the_index_counts_lines_as_bcftools_reads_it(tmp_path: Path) -> None:
    target = indexed(tmp_path, [sites("one", 700, 1_000_000, 4), sites("two", 80, 80_000, 5)])
    assert int(str(pysam.bcftools.index("-n", str(target)))) == 780
    assert str(pysam.bcftools.index("-s", str(target))).splitlines() == ["one\t500000000\t700", "two\t90000\t80"]


def test_an_index_of_nothing_can_be_read(tmp_path: Path) -> None:
    target = indexed(tmp_path, [])
    with pysam.VariantFile(str(target)) as file:
        assert list(file) == []
        assert file.index is not None
