"""Records: which refuse the file, which are skipped and why, and that every one is counted."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotator_hook.pipeline.outcome import InputRejected
from annotator_hook.pipeline.reasons import SKIP_REASONS
from tests.unit.pipeline.vcf import COLUMNS, META, checked, info, spooled, vcf

GOOD = "MT 3243 . A G"


def refusal(folder: Path, content: str | bytes) -> InputRejected:
    with pytest.raises(InputRejected) as caught:
        checked(folder, content)
    return caught.value


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ("MT\t3243\t.\tA\tG\t.", "columns"),
        ("MT\t3243\t.\tA\tG\t.\t.\t.\tGT", "columns"),
        ("MT 3243 . A G . . .", "spaces"),
        ("MT\tabc\t.\tA\tG\t.\t.\t.", "position"),
        ("MT\t-1\t.\tA\tG\t.\t.\t.", "position"),
        ("MT\t１２\t.\tA\tG\t.\t.\t.", "position"),
        ("MT\t3243\t.\t\tG\t.\t.\t.", "empty-column"),
        ("\t3243\t.\tA\tG\t.\t.\t.", "empty-column"),
    ],
)
def test_a_broken_record_refuses_the_file_with_its_line(tmp_path: Path, record: str, code: str) -> None:
    error = refusal(tmp_path, vcf(GOOD) + record + "\n")
    assert (error.code, error.line) == (code, 5)
    assert error.message
    assert error.hint


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("chr7 3243 . A G", "contig"),
        ("MT 0 . A G", "outside-contig"),
        ("MT 16570 . A G", "outside-contig"),
        ("MT 16569 . GA G", "outside-contig"),
        ("MT 99999999999999999999 . A G", "outside-contig"),
        ("MT 3243 . C G", "ref-mismatch"),
        ("MT 3243 . A .", "no-alt"),
        ("MT 3243 . A <NON_REF>", "no-alt"),
        ("MT 3243 . A *", "spanning-deletion"),
        ("MT 3243 . A <DEL>", "symbolic"),
        ("MT 3243 . A A[MT:9000[", "breakend"),
        ("MT 3243 . A .A", "breakend"),
        ("MT 3243 . A R", "iupac"),
        ("MT 3243 . A N", "iupac"),
        ("MT 3243 . R G", "iupac"),
        ("MT 3243 . A -", "not-a-sequence"),
        ("MT 3243 . . G", "not-a-sequence"),
        ("MT 3243 . A A", "same-as-reference"),
        ("MT 3243 . A " + "G" * 20_001, "allele-too-long"),
        ("MT 3243 . A " + ",".join("G" * (n % 9 + 2) for n in range(10_000)), "too-many-alleles"),
    ],
)
def test_what_cannot_be_annotated_is_skipped_with_a_reason(tmp_path: Path, record: str, reason: str) -> None:
    check = checked(tmp_path, vcf(GOOD, "MT 3460 . G A", record))
    assert dict(check.skipped) == {reason: 1}
    assert len(spooled(check)) == 2
    assert SKIP_REASONS[reason] in (tmp_path / "log.txt").read_text()


def test_a_record_of_ten_megabytes_is_skipped_and_the_next_one_annotated(tmp_path: Path) -> None:
    check = checked(tmp_path, vcf(GOOD, "MT 3243 . A G . . X=" + "y" * (10 << 20), "MT 3460 . G A"))
    assert dict(check.skipped) == {"record-too-long": 1}
    assert [fields[1] for fields in spooled(check)] == ["3243", "3460"]


def test_the_n_of_the_reference_at_3107_may_be_deleted(tmp_path: Path) -> None:
    assert [fields[3:5] for fields in spooled(checked(tmp_path, vcf("MT 3106 . CN C")))] == [["CN", "C"]]


@pytest.mark.parametrize("name", ["MT", "M", "chrM", "chrMT", "NC_012920.1", "ChRm"])
def test_every_usual_name_of_the_contig_is_understood(tmp_path: Path, name: str) -> None:
    (fields,) = spooled(checked(tmp_path, vcf(f"{name} 3243 . A G")))
    assert fields[0] == "MT"


def test_lower_case_alleles_are_understood(tmp_path: Path) -> None:
    (fields,) = spooled(checked(tmp_path, vcf("MT 3243 . a g")))
    assert fields[3:5] == ["A", "G"]


def test_a_file_without_any_contig_of_the_pack_is_refused_with_both_sets_of_names(tmp_path: Path) -> None:
    error = refusal(tmp_path, vcf("chr1 5 . A C", "chrX 5 . A C"))
    assert error.code == "contigs"
    assert "chr1" in error.message
    assert "chrX" in error.message
    assert "MT" in error.hint
    assert "chrM" in error.hint


def test_another_assembly_is_refused_with_the_rate_of_mismatches(tmp_path: Path) -> None:
    error = refusal(tmp_path, vcf(GOOD, "MT 1 . A C", "MT 2 . C T", "MT 3 . A C"))
    assert error.code == "assembly"
    assert "3 of 4 records (75%)" in error.message


def test_a_single_variant_with_a_mistyped_base_is_told_what_the_reference_has(tmp_path: Path) -> None:
    error = refusal(tmp_path, vcf("MT 3243 . G A"))
    assert error.code == "assembly"
    assert "MT:3243 G>A, where the reference has A" in error.message
    assert error.hint.startswith("Check position and REF")


def test_of_many_records_another_assembly_is_meant(tmp_path: Path) -> None:
    error = refusal(tmp_path, vcf(*["MT 3243 . G A"] * 11))
    assert error.message.startswith("The file is of another assembly")
    assert "position and REF" not in error.hint


def test_a_few_mismatches_are_skipped_and_their_rate_is_a_warning(tmp_path: Path) -> None:
    check = checked(tmp_path, vcf(GOOD, GOOD, "MT 1 . A C"))
    assert dict(check.skipped) == {"ref-mismatch": 1}
    assert any("1 of 3 records" in warning for warning in check.warnings())


def test_the_mitochondrion_of_hg19_is_named(tmp_path: Path) -> None:
    hg19 = vcf("chrM 3243 . A G").replace("ID=MT,length=16569", "ID=chrM,length=16571")
    error = refusal(tmp_path, hg19)
    assert error.code == "assembly"
    assert "NC_001807" in error.message
    assert "16,571" in error.message


def test_a_wrong_length_in_the_header_is_a_slip_where_every_ref_fits(tmp_path: Path) -> None:
    slip = vcf(*[GOOD] * 10).replace("length=16569", "length=16571")
    check = checked(tmp_path, slip)
    assert len(spooled(check)) == 10
    assert any("16,571" in warning for warning in check.warnings())


def test_unsorted_records_come_out_sorted_and_duplicates_stay(tmp_path: Path) -> None:
    check = checked(tmp_path, vcf("MT 8993 . T G", GOOD, "MT 263 . A G", GOOD))
    assert [fields[1] for fields in spooled(check)] == ["263", "3243", "3243", "8993"]


def test_a_record_with_several_alleles_is_split_and_says_how_it_came(tmp_path: Path) -> None:
    meta = '##INFO=<ID=AC,Number=A,Type=Integer,Description="x">\n'
    check = checked(tmp_path, vcf("chrM 8993 rs1 T C,G 50 PASS AC=3,4;DB", meta=meta))
    first, second = spooled(check)
    assert first == ["MT", "8993", "rs1", "T", "C", "50", "PASS", first[7]]
    assert info(first) == {
        "AC": "3",
        "DB": "",
        "GAS_LINE": "5",
        "GAS_ORIGINAL": "chrM:8993:T:C/G",
        "GAS_ALLELE": "1",
    }
    assert (second[4], info(second)["AC"], info(second)["GAS_ALLELE"]) == ("G", "4", "2")


def test_a_record_written_as_gas_writes_it_carries_its_line_alone(tmp_path: Path) -> None:
    (fields,) = spooled(checked(tmp_path, vcf("MT 3243 rs1 A G 50 PASS DP=3")))
    assert fields == ["MT", "3243", "rs1", "A", "G", "50", "PASS", "DP=3;GAS_LINE=4"]


def test_alleles_that_cannot_be_annotated_are_noted_and_the_record_is_annotated(tmp_path: Path) -> None:
    check = checked(tmp_path, vcf("MT 3243 . A G,*,<DEL>"))
    assert (dict(check.skipped), len(spooled(check))) == ({}, 1)
    log = (tmp_path / "log.txt").read_text()
    assert SKIP_REASONS["spanning-deletion"] in log
    assert SKIP_REASONS["symbolic"] in log
    assert sum("Alleles left out" in warning for warning in check.warnings()) == 2


def test_the_original_cannot_break_out_of_its_info_value(tmp_path: Path) -> None:
    (fields,) = spooled(checked(tmp_path, vcf("MT 3243 . A G,<X;CSQ=evil>")))
    assert info(fields)["GAS_ORIGINAL"] == "MT:3243:A:G/<X%3BCSQ%3Devil>"
    assert "CSQ" not in info(fields)


def test_genotypes_that_no_tool_can_read_are_skipped(tmp_path: Path) -> None:
    records = ["MT 3243 . A G . . . GT:AD 0/1:3,4", "MT 3460 . G A . . . GT:AD foo:1:2:3"]
    check = checked(tmp_path, vcf(*records, samples=("alice",)))
    assert dict(check.skipped) == {"unreadable-genotypes": 1}
    assert [fields[1] for fields in spooled(check)] == ["3243"]


def test_a_thousand_samples_are_carried_through(tmp_path: Path) -> None:
    samples = tuple(f"s{n}" for n in range(1000))
    check = checked(tmp_path, vcf("MT 3243 . A G . . . GT" + " 0/1" * 1000, samples=samples))
    (fields,) = spooled(check)
    assert len(fields) == 1009


def test_blank_lines_are_no_records(tmp_path: Path) -> None:
    check = checked(tmp_path, vcf(GOOD) + "\n  \n\n")
    assert check.records_in == 1


CELLS = st.text(st.characters(exclude_characters="\t\r\n\x00", codec="utf-8"), max_size=12)
BASES = st.text("ACGTNacgtR*<>[].,-", min_size=1, max_size=8)
RECORDS = st.builds(
    lambda chrom, pos, identifier, ref, alt, rest: "\t".join([chrom, str(pos), identifier, ref, alt, *rest]),
    st.sampled_from(["MT", "chrM", "chr1", "é<script>"]),
    st.integers(0, 17_000),
    CELLS,
    BASES,
    BASES,
    st.lists(CELLS, min_size=3, max_size=3),
)


@settings(deadline=None)
@given(records=st.lists(RECORDS, max_size=30))
def test_every_record_is_annotated_or_skipped_whatever_is_in_it(
    tmp_path_factory: pytest.TempPathFactory, records: list[str]
) -> None:
    content = vcf(*[GOOD] * 40) + "\n".join(records) + "\n"
    check = checked(tmp_path_factory.mktemp("junk"), content)
    taken = {info(fields)["GAS_LINE"] for fields in spooled(check)}
    assert check.records_in == 40 + len(records)
    assert check.records_in == len(taken) + sum(check.skipped.values())
    assert set(check.skipped) <= set(SKIP_REASONS)


@settings(max_examples=200, deadline=None)
@given(content=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)), glue=st.booleans())
def test_no_content_raises_anything_but_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, glue: bool
) -> None:
    head = (META + COLUMNS + "\n").encode() if glue else b""
    try:
        check = checked(tmp_path_factory.mktemp("any"), head + content)
    except InputRejected:
        return
    assert check.records_in == sum(check.skipped.values()) + len({fields[7] for fields in spooled(check)})
