"""What is read from the first bytes of a VCF."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.vcf_facts import HEAD_BYTES, VcfFacts, read_facts

VCF = (
    b"##fileformat=VCFv4.2\n"
    b"##reference=file:///data/Homo_sapiens_assembly38.fasta\n"
    b"##contig=<ID=chr1,length=248956422,assembly=hg38>\n"
    b"##contig=<length=16569,ID=chrM>\n"
    b"##contig=<ID=HLA-A*01:01:01:01>\n"
    b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    b"chr1\t100\t.\tA\tG\t.\t.\t.\n"
    b"chr1\t900\t.\tA\tG\t.\t.\t.\n"
    b"chr1\t500\t.\tA\tG\t.\t.\t.\n"
    b"chrM\t3243\t.\tA\tG\t.\t.\t.\n"
)
FACTS = VcfFacts(
    contigs={"chr1": 248956422, "chrM": 16569, "HLA-A*01:01:01:01": None},
    hints=("file:///data/Homo_sapiens_assembly38.fasta", "hg38"),
    records={"chr1": 900, "chrM": 3243},
)


def bgzip(data: bytes, block: int) -> bytes:
    """Members of their own, as bgzip writes them."""
    return b"".join(gzip.compress(data[start : start + block]) for start in range(0, len(data), block))


@pytest.mark.parametrize(
    "head",
    [VCF, gzip.compress(VCF), bgzip(VCF, 70), VCF.replace(b"\n", b"\r\n")],
    ids=["plain", "gzip", "bgzip", "CRLF"],
)
def test_contigs_hints_and_records_are_read(head: bytes) -> None:
    assert read_facts(head) == FACTS


@pytest.mark.parametrize("length", range(0, len(VCF), 7))
def test_a_file_cut_anywhere_gives_what_was_whole(length: int) -> None:
    for head in (VCF[:length], gzip.compress(VCF)[: length or 1]):
        facts = read_facts(head)
        assert facts.contigs.items() <= FACTS.contigs.items()
        assert set(facts.records) <= set(FACTS.records)


def test_a_position_cut_in_the_middle_is_not_taken_for_another() -> None:
    assert read_facts(b"chr1\t100\t.\tA\nchr2\t123") == VcfFacts(records={"chr1": 100})


def test_plinks_lengths_are_the_last_position_and_no_lengths() -> None:
    head = b"##source=PLINKv1.90\n##contig=<ID=20,length=60309>\n"
    assert read_facts(head).contigs == {"20": None}


def test_a_bomb_is_unpacked_no_further_than_needed() -> None:
    bomb = gzip.compress(b"\n" * 70_000_000, 9)[:HEAD_BYTES]
    assert len(bomb) == HEAD_BYTES
    assert read_facts(bomb) == VcfFacts()


@pytest.mark.parametrize(
    "head", [b"", b"\x1f\x8b", b"\x1f\x8b\x08" + b"\xff" * 50, zlib.compress(VCF), b"BCF\x02\x02", b"PK\x03\x04"]
)
def test_what_is_no_vcf_says_nothing(head: bytes) -> None:
    assert read_facts(head) == VcfFacts()


@given(st.binary(max_size=400))
def test_nothing_that_is_sent_makes_it_fail(head: bytes) -> None:
    read_facts(head)
    read_facts(b"\x1f\x8b" + head)
