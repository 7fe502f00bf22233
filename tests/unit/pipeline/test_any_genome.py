"""Several contigs, phased samples, and the result's tables."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pyarrow.parquet as pq
import pysam
import pytest

from annotator_hook.consequence.output import COLUMNS
from annotator_hook.pipeline import annotate, haplotypes, parts, source, together
from tests.unit.pipeline import tiny
from tests.unit.pipeline.vcf import Annotated, annotated, info

SAMPLES = ("alice", "bob", "charlie")
PHASED = [
    "two 9 . G A 30 q10 . GT 0/1 ./. 1/1",
    "one 67 rs7 G C 50 PASS . GT 0|1 0/0 0|0",  # GAT, the third codon
    "one 68 . A G 51.5 PASS . GT 0|1 0/1 .|.",
    "one 70 . A C,T . . . GT 1|2 0/0 2/2",
    "one 1 . C CC . . . GT 1 0 .",
]


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make(tmp_path_factory.mktemp("pack"))


@pytest.fixture(scope="module")
def phased(tmp_path_factory: pytest.TempPathFactory, pack: Path) -> Annotated:
    return annotated(tmp_path_factory.mktemp("phased"), tiny.file(*PHASED, samples=SAMPLES), pack=pack)


def test_lines_come_in_the_order_of_the_genome(phased: Annotated) -> None:
    places = [(record[0], int(record[1]), record[4]) for record in phased.records]
    assert places == [
        ("one", 1, "CC"),
        ("one", 67, "C"),
        ("one", 68, "G"),
        ("one", 70, "C"),
        ("one", 70, "T"),
        ("two", 9, "A"),
    ]
    assert [(row["id"], row["contig"], row["pos"], row["alt"]) for row in phased.variants] == [
        (number, *place) for number, place in enumerate(places)
    ]


def test_a_contig_without_genes_is_intergenic_and_bcftools_is_not_asked(phased: Annotated) -> None:
    assert phased.variants[-1]["consequence"] == "intergenic_variant"
    assert phased.variants[-1]["gene"] is None
    assert "BCSQ" not in info(phased.records[-1])
    assert not any("command2" in line for line in phased.vcf_lines)


def test_two_changes_of_a_codon_on_one_copy_are_read_together_beside_the_single_call(phased: Annotated) -> None:
    rows = [row for row in phased.consequences if row["variant"] == 1 and row["Feature"] == "T1"]
    (row,) = rows
    assert (row["Consequence"], row["HGVSp"].rpartition(":")[2]) == ("missense_variant", "p.Asp3His")
    assert (row["hap_consequence"], row["hap_hgvsp"].rpartition(":")[2]) == ("missense_variant", "p.Asp3Arg")
    assert (row["hap_with"], row["hap_copies"]) == ("68:A>G", 1)
    assert phased.variants[1]["haplotype"]
    assert not phased.variants[0]["haplotype"]
    assert phased.result.summary["haplotype"] == {"changed": 2}
    entry = info(phased.records[1])["CSQ"].split(",")[0]
    assert "p.Asp3Arg~68:A>G~1/" in entry.split("|")[-1]
    (line,) = [line for line in phased.rows if line["pos"] == "67"]
    assert line["hap_hgvsp"].endswith(":p.Asp3Arg")


def test_genotypes_are_counted_and_carried(phased: Annotated) -> None:
    counted = {
        (row["pos"], row["alt"]): (row["n_hom_ref"], row["n_het"], row["n_hom_alt"], row["n_missing"])
        for row in phased.variants
    }
    assert counted == {
        (1, "CC"): (1, 0, 1, 1),
        (67, "C"): (2, 1, 0, 0),
        (68, "G"): (0, 2, 0, 1),
        (70, "C"): (1, 1, 0, 1),  # the other allele is neither this one nor the reference
        (70, "T"): (1, 1, 1, 0),
        (9, "A"): (0, 1, 1, 1),
    }
    assert [row["gt"] for row in phased.variants][3:5] == [["1|.", "0/0", "./."], [".|1", "0/0", "1/1"]]
    assert phased.result.summary["zygosity"] == {"het": 6, "hom": 3}
    stored = pq.read_schema(phased.result.files["variants"]).metadata[b"samples"]
    assert json.loads(stored) == list(SAMPLES)
    assert phased.rows[1]["GT:alice"] == "0|1"


def test_the_tables_have_the_columns_that_were_promised(phased: Annotated) -> None:
    consequences = pq.read_schema(phased.result.files["consequences"])
    assert consequences.names == ["variant", *COLUMNS, *haplotypes.COLUMNS.names]
    row = phased.variants[1]
    assert row == row | {
        "line": 4, "contig": "one", "ref": "G", "original": None, "ids": "rs7", "qual": 50.0, "filter": "PASS",
        "class": "SNV", "hgvsg": "one:g.67G>C", "gene": "GENE1", "gene_id": "G1", "transcript": "T1",
        "consequence": "missense_variant", "impact": "MODERATE", "picked_consequence": "missense_variant",
        "hgvsc": "T1.1:c.7G>C", "clinvar_significance": None, "dbsnp": None, "af": None,
    }  # fmt: skip
    assert (phased.variants[-1]["filter"], phased.variants[3]["filter"]) == ("q10", None)
    assert phased.variants[3]["original"] == "one:70:A:C/T"


def test_what_every_copy_of_a_sample_has_stands_together_without_a_phase(tmp_path: Path, pack: Path) -> None:
    records = ["one 67 . G C . . . GT 1/1", "one 68 . A G . . . GT 1/1"]
    rows = annotated(tmp_path, tiny.file(*records, samples=("alice",)), pack=pack).consequences
    assert [(row["hap_hgvsp"].rpartition(":")[2], row["hap_copies"]) for row in rows] == [("p.Asp3Arg", 2)] * 2


def test_what_is_not_phased_is_not_put_together(tmp_path: Path, pack: Path) -> None:
    records = ["one 67 . G C . . . GT 0/1", "one 68 . A G . . . GT 0/1"]
    found = annotated(tmp_path, tiny.file(*records, samples=("alice",)), pack=pack)
    assert {row["hap_consequence"] for row in found.consequences} == {None}


def test_without_samples_nothing_is_said_of_genotypes(tmp_path: Path, pack: Path) -> None:
    found = annotated(tmp_path, tiny.file("one 67 . G C"), pack=pack)
    (row,) = found.variants
    assert row["n_het"] is None
    assert "gt" not in row
    assert (found.result.summary["zygosity"], found.result.summary["haplotype"]) == (None, None)


def test_symbols_beside_an_allele_are_left_out_and_their_genotypes_are_neither_allele(
    tmp_path: Path, pack: Path
) -> None:
    content = tiny.file("one 70 . A C,*,<DEL> . . . GT 0|2 1|3 2|2", "one 71 . A . . . . GT 0 0 0", samples=SAMPLES)
    found = annotated(tmp_path, content, pack=pack)
    assert dict(found.result.ledger.skipped) == {"no-alt": 1}
    (row,) = found.variants
    assert (row["pos"], row["alt"], row["gt"]) == (70, "C", ["0|.", "1|.", ".|."])
    assert (row["n_hom_ref"], row["n_het"], row["n_hom_alt"], row["n_missing"]) == (0, 1, 0, 2)


@pytest.mark.parametrize("samples", [(), SAMPLES])
@pytest.mark.parametrize("records", [[], ["one 70 . A <DEL> . . . GT 0|1 0 0"]])
def test_a_result_without_variants_has_all_its_files(
    tmp_path: Path, pack: Path, samples: tuple[str, ...], records: list[str]
) -> None:
    content = tiny.file(*(record if samples else record.partition(" GT")[0] for record in records), samples=samples)
    found = annotated(tmp_path, content, pack=pack)
    assert [*found.records, *found.rows, *found.variants, *found.consequences] == []
    assert ("gt" in pq.read_schema(found.result.files["variants"]).names) == bool(samples)
    with pysam.VariantFile(str(found.result.files["vcf"])) as vcf:
        assert tuple(vcf.header.samples) == samples
        assert list(vcf.fetch("one")) == []
    assert found.result.files["genes"].read_bytes() == b""


def test_touched_genes_are_drawn(phased: Annotated) -> None:
    lines = phased.result.files["genes"].read_text().splitlines()
    assert [line.split("\t") for line in lines] == [
        ["one", "60", "96", "GENE1 T1", "0", "+", "60", "96", "0", "1", "36", "0"]
    ]


def test_the_summary_counts_contigs_lengths_and_coding_changes(phased: Annotated) -> None:
    summary = phased.result.summary
    assert summary["contigs"] == {"one": 5, "two": 1}
    assert {contig: sum(bars["counts"]) for contig, bars in summary["density"].items()} == {"one": 5, "two": 1}
    assert sum(len(bars["counts"]) for bars in summary["density"].values()) <= 200
    assert summary["indel_lengths"] == {"1": 1}
    assert all(command.startswith("bcftools csq -f ") for command in summary["commands"])
    assert summary["commands"]
    assert summary["coding_consequences"] == {"stop_gained": 1, "missense_variant": 3}
    assert summary["genes"] == [{"symbol": "GENE1", "gene_id": "G1", "variants": 4, "high": 1, "moderate": 3}]
    assert summary["af_spectrum"] is None


def random_records(count: int, seed: int) -> list[str]:
    """All over the genome, in no order, some of them several at one place."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        name, bases = chance.choice([("one", tiny.FIRST), ("one", tiny.FIRST), ("two", tiny.SECOND)])
        pos = chance.choice([chance.randint(1, len(bases) - 8), chance.randint(55, 100)])
        ref = bases[pos - 1 : pos - 1 + chance.choice([1, 1, 1, 2, 4])]
        alts = [chance.choice("ACGT") * chance.choice([1, 1, 2]) for _ in range(chance.choice([1, 1, 1, 2]))]
        call = chance.choice(["0|1", "1|1", "1|0", "0/1", "./."])
        found.append(f"{name} {pos} . {ref} {','.join(alts)} 3 . . GT {call} 0|1 1")
    return found


def test_parts_and_processes_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = tiny.file(*random_records(1500, 1), samples=SAMPLES)
    whole = annotated(tmp_path_factory.mktemp("whole"), content, pack=pack)
    from annotator_hook.pipeline import work
    from annotator_hook.pipeline.outcome import Limits, Spec
    from tests.unit.pipeline.vcf import LIMITS

    monkeypatch.setattr(source, "CHUNK", 4000)
    monkeypatch.setattr(parts, "ALLELES", 256)
    monkeypatch.setattr(work, "SMALL", 0)
    monkeypatch.setattr(parts, "BYTES", 20_000)
    monkeypatch.setattr(together, "_BYTES", 100)
    monkeypatch.setattr(annotate, "MOST_ALLELES", 17)
    folder = tmp_path_factory.mktemp("parts")
    (folder / "input").write_text(content)
    for name in ("output", "work"):
        (folder / name).mkdir()
    spec = Spec(folder / "input", folder / "output", pack, "my.vcf", Limits(**vars(LIMITS)), workers=3)
    divided = work.annotate(spec, folder / "work", "0", lambda _: None)
    apart = Annotated(divided)
    assert apart.records == whole.records
    assert apart.tsv == whole.tsv
    assert apart.variants == whole.variants
    assert apart.consequences == whole.consequences
    assert {**divided.summary, "seconds": 0, "engine": 0} == {**whole.result.summary, "seconds": 0, "engine": 0}
