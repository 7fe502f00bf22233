"""Headers: what is refused, what is tolerated, what is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotator_hook.pipeline.outcome import InputRejected
from tests.unit.pipeline.vcf import COLUMNS, META, checked, spooled, vcf

RECORD = "MT\t3243\t.\tA\tG\t.\t.\t.\n"


def refusal(folder: Path, content: str) -> InputRejected:
    with pytest.raises(InputRejected) as caught:
        checked(folder, content)
    return caught.value


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        ("hello\nworld\n", "not-vcf", None),
        ("chrom,pos,ref,alt\nMT,3243,A,G\n", "not-vcf", None),
        (RECORD, "no-header", 1),
        (META + RECORD, "no-header", 3),
        (META, "no-column-line", None),
        (META + "#CHROM\tPOS\tID\tREF\tALT\n" + RECORD, "column-line", 3),
        (META + COLUMNS + "\tGT\talice\n", "column-line", 3),
        (META + COLUMNS.replace("\t", " ") + "\n", "spaces", 3),
        (META + COLUMNS + "\tFORMAT\talice\tbob\talice\n", "duplicate-samples", 3),
        (META + COLUMNS + "\tFORMAT\talice\t\n", "sample-name", 3),
        (META.replace("VCFv4.2", "VCFv3.3") + COLUMNS + "\n", "version", 1),
        (META + "##x=" + "y" * (9 << 20) + "\n" + COLUMNS + "\n", "header-line", 3),
    ],
)
def test_a_broken_header_is_refused_with_its_line(tmp_path: Path, content: str, code: str, line: int | None) -> None:
    error = refusal(tmp_path, content)
    assert (error.code, error.line) == (code, line)
    assert error.message
    assert error.hint


def test_two_headers_with_other_samples_are_two_files(tmp_path: Path) -> None:
    error = refusal(tmp_path, vcf("MT 3243 . A G") + META + COLUMNS + "\tFORMAT\tbob\n")
    assert (error.code, error.line) == ("second-header", 7)


def test_the_same_header_again_is_tolerated_with_a_warning(tmp_path: Path) -> None:
    check = checked(tmp_path, vcf("MT 3243 . A G") + vcf("MT 3460 . G A"))
    assert len(spooled(check)) == 2
    assert any("start with #" in warning for warning in check.warnings())


def test_a_missing_fileformat_is_tolerated_with_a_warning(tmp_path: Path) -> None:
    check = checked(tmp_path, COLUMNS + "\n" + RECORD)
    assert len(spooled(check)) == 1
    assert any("##fileformat" in warning for warning in check.warnings())


def test_what_records_use_is_declared_for_them(tmp_path: Path) -> None:
    check = checked(tmp_path, vcf("MT 3243 . A G . odd-1 DP=3;MYFLAG;MINE=x GT:MY 0/1:3", samples=("alice",)))
    declared = check.undeclared()
    assert '##INFO=<ID=DP,Number=1,Type=Integer,Description="Not declared in the input">' in declared
    assert '##INFO=<ID=MYFLAG,Number=0,Type=Flag,Description="Not declared in the input">' in declared
    assert '##INFO=<ID=MINE,Number=.,Type=String,Description="Not declared in the input">' in declared
    assert '##FILTER=<ID=odd-1,Description="Not declared in the input">' in declared
    assert any(line.startswith("##FORMAT=<ID=MY,") for line in declared)


def test_annotations_of_an_earlier_tool_are_kept_under_another_name(tmp_path: Path) -> None:
    meta = '##INFO=<ID=CSQ,Number=.,Type=String,Description="of VEP, CSQ">\n'
    meta += '##INFO=<ID=INPUT_CSQ,Number=.,Type=String,Description="older still">\n'
    check = checked(tmp_path, vcf("MT 3243 . A G . . CSQ=new|x;INPUT_CSQ=old|y", meta=meta))
    (fields,) = spooled(check)
    assert fields[7].startswith("INPUT2_CSQ=new|x;INPUT_CSQ=old|y;GAS_LINE=")
    assert [line.partition(",")[0] for line in check.header.meta] == ["##INFO=<ID=INPUT2_CSQ", "##INFO=<ID=INPUT_CSQ"]
    assert any("INPUT2_CSQ" in warning for warning in check.warnings())
