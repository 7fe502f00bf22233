"""What kinds of file are told apart, and the bounds of reading."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path

import pysam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotator_hook.pipeline import source
from annotator_hook.pipeline.outcome import InputRejected
from annotator_hook.pipeline.source import Line, Source
from tests.unit.pipeline.vcf import vcf

TEXT = vcf("MT 3243 . A G").encode()
LONG = vcf(*(f"MT {pos} . A G" for pos in range(1, 9000))).encode()


def lines(folder: Path, content: bytes, most_bytes: int = 1 << 30) -> list[Line]:
    path = folder / "input"
    path.write_bytes(content)
    return list(Source(path, most_bytes=most_bytes).lines())


def refusal(folder: Path, content: bytes, most_bytes: int = 1 << 30) -> InputRejected:
    with pytest.raises(InputRejected) as caught:
        lines(folder, content, most_bytes)
    return caught.value


def bgzipped(folder: Path, content: bytes) -> bytes:
    path = folder / "packed.gz"
    with pysam.BGZFile(str(path), "wb", None) as file:
        file.write(content)
    return path.read_bytes()


def zipped() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("my.vcf", TEXT)
    return held.getvalue()


def test_lines_are_numbered_from_one_and_lose_their_ends(tmp_path: Path) -> None:
    assert lines(tmp_path, b"a\nb\n\nc") == [
        Line(1, "a", cut=False),
        Line(2, "b", cut=False),
        Line(3, "", cut=False),
        Line(4, "c", cut=False),
    ]


def test_gzip_bgzip_several_members_and_padding_read_like_plain_text(tmp_path: Path) -> None:
    plain = lines(tmp_path, TEXT)
    half = len(TEXT) // 2
    for packed in (
        gzip.compress(TEXT),
        bgzipped(tmp_path, TEXT),
        gzip.compress(TEXT[:half]) + gzip.compress(TEXT[half:]),
        gzip.compress(TEXT) + b"\x00" * 512,
    ):
        assert lines(tmp_path, packed) == plain


def test_windows_line_ends_and_a_byte_order_mark_are_accepted(tmp_path: Path) -> None:
    assert lines(tmp_path, b"\xef\xbb\xbf" + TEXT.replace(b"\n", b"\r\n")) == lines(tmp_path, TEXT)


def test_text_that_is_not_utf_8_survives(tmp_path: Path) -> None:
    (line,) = lines(tmp_path, b"caf\xe9")
    assert line.text.encode("utf-8", "surrogateescape") == b"caf\xe9"


@settings(deadline=None)
@given(content=st.binary(max_size=300).filter(lambda data: b"\x00" not in data), size=st.integers(1, 40))
def test_lines_do_not_depend_on_where_chunks_end(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, size: int
) -> None:
    content = b"#" + content + b"."
    folder = tmp_path_factory.mktemp("chunks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Source, "_check_head", lambda _, chunk: chunk)
        whole = lines(folder, content)
        patch.setattr(source, "CHUNK", size)
        assert lines(folder, content) == whole
        assert lines(folder, gzip.compress(content)) == whole


NOT_TEXT = {
    "nothing": (b"", "empty", "empty"),
    "gzip of nothing": (gzip.compress(b""), "empty", "empty"),
    "zip": (zipped(), "not-vcf", "ZIP"),
    "bzip2": (bz2.compress(TEXT), "not-vcf", "bzip2"),
    "xz": (lzma.compress(TEXT), "not-vcf", "xz"),
    "gzip of gzip": (gzip.compress(gzip.compress(TEXT)), "not-vcf", "twice"),
    "BAM": (gzip.compress(b"BAM\x01" + bytes(40)), "not-vcf", "BAM"),
    "BCF": (gzip.compress(b"BCF\x02\x02" + bytes(40)), "not-vcf", "BCF"),
    "gzip of a picture": (gzip.compress(b"\x89PNG\r\n\x1a\n"), "not-vcf", "picture"),
    "gzip of tar": (gzip.compress(b"a" * 257 + b"ustar\x0000"), "not-vcf", "tar"),
    "PDF": (b"%PDF-1.7", "not-vcf", "PDF"),
    "web page": (b"<!DOCTYPE html><html>", "not-vcf", "web page"),
    "FASTA": (b">MT\nGATTACA\n", "not-vcf", "FASTA"),
    "UTF-16": (TEXT.decode().encode("utf-16"), "utf-16", "UTF-16"),
    "UTF-16 without mark": (TEXT.decode().encode("utf-16-be"), "utf-16", "UTF-16"),
    "old Mac": (TEXT.replace(b"\n", b"\r"), "line-ends", "CR"),
    "zero bytes": (b"#text\n" + bytes(3), "binary", "binary"),
    "cut gzip": (gzip.compress(LONG)[:-3000], "truncated-gzip", "too early"),
    "gzip short of a byte": (gzip.compress(TEXT)[:-1], "truncated-gzip", "too early"),
    "gzip with a wrong checksum": (gzip.compress(LONG)[:-8] + bytes(8), "damaged-gzip", "damaged"),
    "gzip with a tail": (gzip.compress(TEXT) + b"tail", "damaged-gzip", "damaged"),
}


@pytest.mark.parametrize("kind", NOT_TEXT)
def test_what_is_not_text_is_refused_with_what_it_is(tmp_path: Path, kind: str) -> None:
    content, code, word = NOT_TEXT[kind]
    error = refusal(tmp_path, content)
    assert error.code == code
    assert word in error.message
    assert error.hint


def test_a_bgzip_file_cut_within_a_block_is_truncated(tmp_path: Path) -> None:
    assert refusal(tmp_path, bgzipped(tmp_path, LONG)[:-40]).code == "truncated-gzip"


def test_a_bgzip_file_cut_between_blocks_is_read_with_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "input"
    for data, warnings in ((bgzipped(tmp_path, LONG), 0), (bgzipped(tmp_path, LONG)[:-28], 1)):
        path.write_bytes(data)
        reader = Source(path, most_bytes=1 << 30)
        assert len(list(reader.lines())) == len(LONG.splitlines())
        assert len(reader.warnings) == warnings


def test_binary_data_far_into_the_file_is_refused_with_its_line(tmp_path: Path) -> None:
    assert refusal(tmp_path, LONG + b"\x00").line == len(LONG.splitlines()) + 1


def test_the_unpacked_size_is_bounded(tmp_path: Path) -> None:
    assert refusal(tmp_path, gzip.compress(LONG), most_bytes=len(LONG) - 1).code == "too-large"
    assert lines(tmp_path, gzip.compress(LONG), most_bytes=len(LONG))


def test_a_gzip_bomb_is_refused_long_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "BOMB_FLOOR", 4 << 20)
    assert refusal(tmp_path, gzip.compress(b"#" * (8 << 20))).code == "gzip-bomb"


def test_a_cohort_that_hardly_varies_is_no_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "BOMB_FLOOR", 0)
    cohort = (b"MT\t100\t.\tG\tA\t.\t.\t.\tGT" + b"\t0|0" * 20_000 + b"\n") * 20
    packed = bgzipped(tmp_path, cohort)
    assert len(cohort) > 400 * len(packed)
    assert len(lines(tmp_path, packed)) == 20


def test_a_line_of_ten_megabytes_is_cut_and_the_next_line_is_whole(tmp_path: Path) -> None:
    first, long, last = lines(tmp_path, b"a\n" + b"x" * (10 << 20) + b"\nb\n")
    assert (first.text, last.text) == ("a", "b")
    assert long.cut
    assert long.number == 2
    assert len(long.text) == 1000
