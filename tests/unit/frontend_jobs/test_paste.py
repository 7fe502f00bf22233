"""What people paste, and what is said of what cannot be read."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.jobs.paste import MAX_CHARACTERS, MAX_COMPLAINTS, NotVariants, parse


def records(text: str) -> list[list[str]]:
    """Contig, position, id, REF, ALT of each record."""
    lines = parse(text).vcf.decode().splitlines()
    assert lines[0].startswith("##fileformat=VCF")
    return [line.split("\t")[:5] for line in lines if not line.startswith("#")]


def refusal(text: str) -> NotVariants:
    with pytest.raises(NotVariants) as raised:
        parse(text)
    return raised.value


@pytest.mark.parametrize(
    "written",
    [
        "m.3243A>G",
        "3243A>G",
        "M.3243a>g",
        "MT:m.3243A>G",
        "MT:3243A>G",
        "MT:3243 A>G",
        "A3243G",
        "m.A3243G",
        "MT:3243:A:G",
        "MT-3243-A-G",
        "MT_3243_A_G",
        "MT/3243/A/G",
        "MT:3243:A>G",
        "MT 3243 A G",
        "MT\t3243\tA\tG",
        "MT,3243,A,G",
        "MT 3243 . A G",
        "MT\t3243\t.\tA\tG\t50\tPASS\tDP=7",
        "  m.3243A>G  ",
    ],
)
def test_one_variant_is_read_in_the_ways_people_write_it(written: str) -> None:
    assert records(written) == [["MT", "3243", ".", "A", "G"]]


@pytest.mark.parametrize(
    ("written", "contig"),
    [
        ("chrM 3243 A G", "chrM"),
        ("M:3243:A:G", "M"),
        ("NC_012920.1:m.3243A>G", "NC_012920.1"),
        ("NC_012920.1:3243:A:G", "NC_012920.1"),
        ("chr20-3243-A-G", "chr20"),
    ],
)
def test_the_contig_stays_as_it_was_written(written: str, contig: str) -> None:
    assert records(written) == [[contig, "3243", ".", "A", "G"]]


def test_ids_and_several_alternatives_are_kept() -> None:
    assert records("MT 3243 rs199474657 A G,T") == [["MT", "3243", "rs199474657", "A", "G,T"]]


def test_what_the_annotator_skips_with_a_reason_is_passed_on() -> None:
    assert [record[4] for record in records("MT 1 . G <DEL>\nMT 2 . A G[MT:5[\nMT 3 . T *")] == [
        "<DEL>",
        "G[MT:5[",
        "*",
    ]


def test_blank_lines_and_comments_are_passed_over() -> None:
    assert len(records("# from the paper\n\nm.3243A>G\r\n\r\nm.8993T>G\n")) == 2


def test_a_whole_vcf_is_taken_as_it_is() -> None:
    text = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\nMT\t5\t.\tA\tG\t.\t.\tDP=4 of 5\n"
    assert parse(text).vcf.decode() == text


def test_tabs_that_became_blanks_on_the_way_are_put_back() -> None:
    text = "##fileformat=VCFv4.2\n#CHROM POS ID REF ALT QUAL FILTER INFO\nMT 5   . A G . . .\n"
    assert parse(text).vcf.decode().splitlines()[2] == "MT\t5\t.\tA\tG\t.\t.\t."


def test_a_header_without_its_first_line_gets_one() -> None:
    vcf = parse("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\nMT\t5\t.\tA\tG\t.\t.\t.\n").vcf
    assert vcf.startswith(b"##fileformat=VCFv4.2\n#CHROM")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("m.3243A>G", "m.3243A>G"),
        ("chrM 3243 A G", "chrM:3243A>G"),
        ("m.3243A>G\nm.8993T>G\nm.11778G>A", "m.3243A>G and 2 more"),
    ],
)
def test_the_job_is_called_after_its_first_variant(text: str, name: str) -> None:
    assert parse(text).name == name


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("hello", "not a variant"),
        ("MT 3243 A", "Four columns"),
        ("MT x A G", "not a number"),
        ("MT 0 A G", "counted from 1"),
        ("MT 3243 A 7", "“7” is not made of bases"),
        ("c.1024G>A", "counts along a transcript"),
        ("NP_000001.1:p.12A>G", "counts along a transcript"),
        ("m.8271_8279del", "Write insertions and deletions as VCF does"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_with_the_way_to_mend_it(written: str, said: str) -> None:
    error = refusal(f"m.3243A>G\n\n{written}\n")
    [complaint] = error.complaints
    assert complaint.line == 3
    assert complaint.text == written
    assert said in complaint.message
    assert str(error) == "One line cannot be read."


def test_only_the_first_complaints_are_spelled_out() -> None:
    error = refusal("nonsense\n" * 25)
    assert len(error.complaints) == MAX_COMPLAINTS
    assert error.more == 25 - MAX_COMPLAINTS
    assert str(error) == "25 lines cannot be read."


@pytest.mark.parametrize("text", ["", "  \n \t\n", "# only a comment"])
def test_nothing_is_no_variant(text: str) -> None:
    assert "m.3243A>G" in str(refusal(text))


def test_the_box_has_a_bound() -> None:
    assert "Save it as a .vcf file" in str(refusal("m.3243A>G\n" * (MAX_CHARACTERS // 10 + 1)))


@given(st.text(max_size=200))
def test_no_text_raises_anything_but_what_can_be_explained(text: str) -> None:
    with suppress(NotVariants):
        assert parse(text).vcf.startswith(b"##fileformat=VCF")
