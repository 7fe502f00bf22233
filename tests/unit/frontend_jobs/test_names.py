"""File names are untrusted text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.jobs.names import display_name, download_name


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("exome.vcf", "exome.vcf"),
        ("  my file.vcf ", "my file.vcf"),
        ("a\tb\nc.vcf", "a b c.vcf"),
        ("a\x00b\x1b[31m.vcf", "ab[31m.vcf"),
        ("invoice\u202efcv.exe", "invoicefcv.exe"),
        ("\u2067x\u2069.vcf", "x.vcf"),
        ("half\ud800.vcf", "half.vcf"),
        ("line\u2028break.vcf", "linebreak.vcf"),
        ("Zoë’s 家族.vcf", "Zoë’s 家族.vcf"),
        ("<script>alert(1)</script>.vcf", "<script>alert(1)</script>.vcf"),
        ("../../etc/passwd", "../../etc/passwd"),
        ("", "unnamed.vcf"),
        ("\u202e\u0000", "unnamed.vcf"),
    ],
)
def test_a_name_is_shown_on_one_line_without_what_is_invisible(raw: str, shown: str) -> None:
    assert display_name(raw) == shown


def test_a_name_is_cut_to_255_characters() -> None:
    assert display_name("x" * 300) == "x" * 255


@given(st.text(st.characters(codec=None), max_size=400))
def test_every_name_can_be_stored_and_shown(raw: str) -> None:
    name = display_name(raw)
    assert 1 <= len(name) <= 255
    assert name.encode()
    assert len(name.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "kind", "saved_as"),
    [
        ("exome.vcf", "vcf", "exome.annotated.vcf.gz"),
        ("exome.vcf.gz", "vcf", "exome.annotated.vcf.gz"),
        ("EXOME.VCF.BGZ", "tbi", "EXOME.annotated.vcf.gz.tbi"),
        ("patient 7, “trio”.vcf", "tsv", "patient_7_trio.annotated.tsv.gz"),
        ("../../etc/passwd", "log", "etc_passwd.log.txt"),
        ("m.3243A>G and 2 more", "vcf", "m.3243A_G_and_2_more.annotated.vcf.gz"),
        ("家族.vcf", "vcf", "家族.annotated.vcf.gz"),
        ('"; rm -rf /', "vcf", "rm_-rf.annotated.vcf.gz"),
        ("....", "vcf", "variants.annotated.vcf.gz"),
        (".vcf", "vcf", "variants.annotated.vcf.gz"),
    ],
)
def test_a_download_is_named_after_its_file(name: str, kind: str, saved_as: str) -> None:
    assert download_name(name, kind) == saved_as


@given(st.text(max_size=300))
def test_a_download_name_is_safe_whatever_the_file_is_called(name: str) -> None:
    saved_as = download_name(display_name(name), "vcf")
    assert re.fullmatch(r"[\w.-]+", saved_as)
    assert not saved_as.startswith((".", "-"))
    assert len(saved_as) <= 120
