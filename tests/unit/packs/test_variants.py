"""Known variants: each allele once, written as the pipeline writes it, with what its sources say of it."""

from __future__ import annotations

import gzip
import io
import random
from pathlib import Path
from typing import Any

import pytest

from annotator_hook.consequence import store
from annotator_hook.packs import known
from annotator_hook.packs.variants import Collector, Kind, Read
from annotator_hook.pipeline.normalise import normalise
from annotator_hook.pipeline.variant import Variant
from shared.core.errors import Permanent
from tests.unit.packs.genome import CHROMOSOME, GENOME, GFF3, HEADER, fasta, vcf, write

NO_CLINVAR = "CLNSIG=Benign;CLNREVSTAT=no_assertion_criteria_provided"


class Collected:
    """A collector over the tiny genome, and what it wrote of contig 20."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "engine").mkdir()
        (folder / "scratch").mkdir()
        genome, genes = write(folder, "a.fa", fasta()), write(folder, "a.gff3", GFF3)
        store.prepare(genome, genes, folder / "engine", {"MT": 2})
        names = {name.lower(): name for name in GENOME} | {"chr20": "20"}
        self.collector = Collector(folder / "scratch", folder / "engine", names)

    def add(self, text: str | bytes, kind: Kind = "sites") -> Read:
        data = text.encode() if isinstance(text, str) else text
        return self.collector.add(io.BytesIO(data), kind, "sites.vcf")

    def rows(self, contig: str = "20") -> list[dict[str, Any]]:
        path = self.folder / "table.arrow"
        if not self.collector.write(contig, path):
            return []
        rows: list[dict[str, Any]] = known.read(path, 1, 10_000).to_pylist()
        return rows


@pytest.fixture
def collected(tmp_path: Path) -> Collected:
    return Collected(tmp_path)


def test_an_indel_is_shifted_to_the_left_and_trimmed(collected: Collected) -> None:
    collected.add(vcf("20 12 rs1 TTT TT .", "20 43 rs2 CA CACA .", "20 21 rs3 ATGGC ATGAC ."))
    assert [(row["pos"], row["ref"], row["alt"], row["dbsnp"]) for row in collected.rows()] == [
        (5, "CT", "C", "rs1"),
        (24, "G", "A", "rs3"),
        (37, "A", "AAC", "rs2"),
    ]


def test_every_allele_is_written_as_the_pipeline_writes_it(collected: Collected) -> None:
    picked = random.Random(3)
    records, expected = [], set()
    for number in range(300):
        pos, length = picked.randint(1, 130), picked.choice([1, 1, 2, 3, 5])
        ref = CHROMOSOME[pos - 1 : pos - 1 + length]
        alt = "".join(picked.choices("ACGT", k=picked.choice([1, 2, 3, 5])))
        if picked.random() < 0.5:
            alt = ref[:1] + alt
        if alt == ref:
            continue
        records.append(f"20 {pos} rs{number} {ref} {alt} .")
        found = normalise(Variant("20", pos, ref, alt), Whole())
        expected.add((found.pos, found.ref, found.alt))
    read = collected.add(vcf(*records))
    assert {(row["pos"], row["ref"], row["alt"]) for row in collected.rows()} == expected
    assert read.alleles == len(records)


class Whole:
    """The contig as `normalise` reads it."""

    def bases(self, contig: str, start: int, end: int) -> str:
        return CHROMOSOME[max(start, 1) - 1 : end]

    def base(self, contig: str, pos: int) -> str:
        return self.bases(contig, pos, pos) if pos > 0 else ""


def test_each_allele_of_a_record_has_its_own_frequency(collected: Collected) -> None:
    collected.add(
        vcf("20 23 rs1 G A,C AC=1,2;AF=0.25,1e-05;XAF=7", "20 25 . C A,G AF=0.5", "20 26 . T A AF=.", "MT 1 . G A .")
    )
    rows = {(row["pos"], row["alt"]): row["af"] for row in collected.rows()}
    assert rows[23, "A"] == 0.25
    assert rows[23, "C"] == pytest.approx(1e-5)
    assert (rows[25, "A"], rows[25, "G"], rows[26, "A"]) == (None, None, None)


def test_clinvar_is_put_into_words_and_stars(collected: Collected) -> None:
    collected.add(
        vcf(
            "20 23 9708 G A "
            "CLNSIG=Pathogenic/Likely_pathogenic;CLNDN=Leigh_syndrome|not_provided;"
            "CLNREVSTAT=criteria_provided,_multiple_submitters,_no_conflicts;RS=199476112",
            "20 24 12 G A CLNSIG=Uncertain_significance;CLNREVSTAT=no_assertion_criteria_provided",
        ),
        "clinvar",
    )
    first, second = collected.rows()
    assert first == {
        "pos": 23,
        "ref": "G",
        "alt": "A",
        "clinvar_significance": "Pathogenic/Likely pathogenic",
        "clinvar_stars": 2,
        "clinvar_conditions": "Leigh syndrome; not provided",
        "clinvar_accession": "VCV000009708",
        "dbsnp": "rs199476112",
    }
    assert (second["clinvar_stars"], second["clinvar_conditions"], second["dbsnp"]) == (0, None, None)


def test_what_several_sources_say_of_an_allele_stands_in_one_row(collected: Collected) -> None:
    collected.add(vcf(f"20 23 5 G A {NO_CLINVAR}"), "clinvar")
    collected.add(vcf("chr20 23 rs77 G A AF=0.5", "chr20 24 rs78 G A ."))
    rows = collected.rows()
    assert [(row["pos"], row["clinvar_significance"], row["dbsnp"], row["af"]) for row in rows] == [
        (23, "Benign", "rs77", 0.5),
        (24, None, "rs78", None),
    ]


def test_of_two_clinvar_records_of_an_allele_the_better_reviewed_is_taken_whole(collected: Collected) -> None:
    collected.add(
        vcf(
            "20 12 1 TTT TT CLNSIG=Pathogenic;CLNDN=One;CLNREVSTAT=no_assertion_criteria_provided",
            "20 13 2 TT T CLNSIG=Benign;CLNREVSTAT=practice_guideline",
        ),
        "clinvar",
    )
    (row,) = collected.rows()
    assert (row["clinvar_accession"], row["clinvar_significance"], row["clinvar_conditions"], row["clinvar_stars"]) == (
        "VCV000000002",
        "Benign",
        None,
        4,
    )


def test_a_table_has_only_the_columns_that_its_contig_fills(collected: Collected) -> None:
    collected.add(vcf("20 23 rs1 G A .", "MT 1 . G A AF=0.5"))
    assert list(collected.rows()[0]) == ["pos", "ref", "alt", "dbsnp"]
    assert list(collected.rows("MT")[0]) == ["pos", "ref", "alt", "af"]


def test_what_cannot_be_used_is_left_out_and_counted(collected: Collected) -> None:
    read = collected.add(
        vcf(
            "20 23 rs1 g a .",
            "20 23 rs2 G <DEL> .",
            "20 23 rs3 G * .",
            "20 23 rs4 G G .",
            "20 23 rs5 C A .",
            "20 200 rs6 C A .",
            "20 0 rs7 GA C .",
            "HLA-A 1 rs8 C A .",
        )
    )
    assert (read.alleles, read.unusable, read.disagreeing, read.elsewhere) == (1, 3, 3, 1)
    assert [(row["ref"], row["alt"]) for row in collected.rows()] == [("G", "A")]


def test_a_file_of_another_assembly_is_refused(collected: Collected) -> None:
    wrong = vcf(*[f"20 23 rs{number} C A ." for number in range(300)])
    with pytest.raises(Permanent, match=r"sites\.vcf is of another assembly: in 300 of 300 alleles"):
        collected.add(wrong)


def test_samples_are_not_read(collected: Collected) -> None:
    text = HEADER.rstrip("\n") + "\tFORMAT\tS1\tS2\n20\t23\trs1\tG\tA\t.\t.\tAF=0.5\tGT\t0|1\t1|1\n"
    collected.add(text)
    assert len(collected.rows()) == 1


def test_a_file_without_records_has_none(collected: Collected) -> None:
    assert collected.add(HEADER).alleles == 0
    assert collected.rows() == []


@pytest.mark.parametrize(
    "text", ["", "20\t23\trs1\tG\tA\t.\t.\t.\n", "##fileformat=VCFv4.2\n", HEADER + "20\tx\t.\tG\tA\t.\t.\t.\n"]
)
def test_a_file_that_is_no_vcf_is_refused(collected: Collected, text: str) -> None:
    with pytest.raises(Permanent, match=r"sites\.vcf is no VCF"):
        collected.add(text)


def test_quotes_are_letters_like_others(collected: Collected) -> None:
    collected.add(vcf('20 23 5 G A CLNDN="Quoted"_disease;CLNSIG=Benign;CLNREVSTAT=x'), "clinvar")
    assert collected.rows()[0]["clinvar_conditions"] == '"Quoted" disease'


def test_the_order_of_the_records_does_not_matter(tmp_path: Path) -> None:
    records = [f"20 {pos} rs{pos} {CHROMOSOME[pos - 1]} N ." for pos in range(1, 100)]
    tables = []
    for name, order in (("one", records), ("two", records[::-1])):
        (tmp_path / name).mkdir()
        collected = Collected(tmp_path / name)
        collected.add(vcf(*order))
        collected.rows()
        tables.append((tmp_path / name / "table.arrow").read_bytes())
    assert tables[0] == tables[1]


def test_regions_in_which_rows_are_merged_do_not_show(collected: Collected, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("annotator_hook.packs.variants._MERGED", 3)
    records = [f"20 {pos} rs{pos} {CHROMOSOME[pos - 1]} N ." for pos in range(1, 139)]
    collected.add(vcf(*records))
    collected.add(vcf(*[record.replace(" .", " AF=0.5") for record in records]))
    rows = collected.rows()
    assert [row["pos"] for row in rows] == list(range(1, 139))
    assert {row["af"] for row in rows} == {0.5}


def test_blocks_do_not_show(collected: Collected, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("annotator_hook.packs.variants._BLOCK", 200)
    records = [f"20 {pos} rs{pos} {CHROMOSOME[pos - 1]} N ." for pos in range(1, 100)]
    packed = gzip.decompress(gzip.compress(vcf(*records).encode()))
    assert collected.add(packed).alleles == 99
    assert [row["pos"] for row in collected.rows()] == list(range(1, 100))
