"""Genotypes of every form: counted, cut out, and told apart from what no tool can read."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from annotator_hook.pipeline import columns, genotypes
from annotator_hook.pipeline.header import Header


def column(*rows: str) -> object:
    return columns.binary([row.replace(" ", "\t").encode() for row in rows])


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        ("0/0", "hom_ref"), ("0|0", "hom_ref"), ("0", "hom_ref"), ("0/0/0", "hom_ref"),
        ("0/1", "het"), ("1|0", "het"), ("1/.", "het"), (".|1", "het"), ("0/0/1", "het"), ("0/12", "het"),
        ("1/1", "hom_alt"), ("1", "hom_alt"), ("1|1|1", "hom_alt"), ("/1/1", "hom_alt"),
        ("./.", "missing"), (".", "missing"), ("0/.", "missing"), ("./0", "missing"), ("", "missing"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("layout", ["GT {} 0/0", "GT:DP {}:7 0/0:8", "DP:GT:AD 7:{}:1,2 8:0/0:.", "DP:GT 5:{} ."])
def test_a_call_is_counted_as_what_it_is(call: str, kind: str, layout: str) -> None:
    counts = genotypes.count(column(layout.format(call)), 2)._asdict()
    found = {name: int(values[0]) for name, values in counts.items()}
    other = "missing" if layout.endswith(" .") else "hom_ref"
    expected = dict.fromkeys(found, 0)
    expected[kind] += 1
    expected[other] += 1
    assert found == expected


def test_rows_without_gt_are_missing() -> None:
    assert [int(values[0]) for values in genotypes.count(column("DP 7 8"), 2)] == [0, 0, 0, 2]


def test_counting_in_batches_is_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(1)
    calls = ["0|1", "1|1", "0/0", "./.", "1", "2/1"]
    rows = [" ".join(["GT" if n % 3 else "GT:DP", *(chance.choice(calls) for _ in range(5))]) for n in range(50)]
    whole = genotypes.count(column(*rows), 5)
    monkeypatch.setattr(genotypes, "MOST_CELLS", 35)
    assert [values.tolist() for values in genotypes.count(column(*rows), 5)] == [values.tolist() for values in whole]


def test_the_texts_of_each_sample_are_cut_out() -> None:
    rows = column("GT 0|1 1/1", "GT:DP 0/1:3 .", "DP 3 4", "DP:GT 3:1|0 4")
    assert [texts.to_pylist() for texts in genotypes.texts(rows, 2)] == [
        [b"0|1", b"0/1", b"", b"1|0"],
        [b"1/1", b".", b"", b""],
    ]


@pytest.mark.parametrize(
    ("row", "bad"),
    [
        ("GT 0/1 1|1", False),
        ("GT 0/1 a/1", True),
        ("GT 0/1:3 1/1", True),
        ("GT:DP 0/1:3 1/1:.", False),
        ("GT:DP 0/1:3:4 1/1", True),
        ("GT 0 .", False),
        ("GT 0/1/1 ./.", False),
    ],
)
def test_what_htslib_cannot_read_is_found(tmp_path: Path, row: str, bad: bool) -> None:
    header = Header(fileformat="VCFv4.2", samples=["alice", "bob"], columns=11)
    header.meta = [
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="x">',
        '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="x">',
    ]
    found = genotypes.unreadable(column("GT 0|0 0|0", row, "GT:DP 0/1:1 0/0:2"), 2, header, tmp_path / "x.vcf")
    assert found.tolist() == [False, bad, False]
    assert list(tmp_path.iterdir()) == []
