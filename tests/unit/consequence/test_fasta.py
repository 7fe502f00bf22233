"""FASTA comes out the same however the blocks fall."""

from __future__ import annotations

import io

import pytest

from annotator_hook.consequence import fasta


@pytest.mark.parametrize("block", [1, 2, 3, 5, 7, 1000])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b">a first\nACGT\nAC\n>b\nTT\n", [("a", b"ACGTAC"), ("b", b"TT")]),
        (b"\n>a\r\nAC\r\nGT\r\n\r\n>b\r\n>c\r\nT", [("a", b"ACGT"), ("b", b""), ("c", b"T")]),
        (b">a\nA>C\n>", [("a", b"A>C"), ("", b"")]),
        (b"ACGT\n>a\nC\n", [("", b"ACGT"), ("a", b"C")]),
        (b"", []),
        (b"\n\n", []),
        (b">a", [("a", b"")]),
    ],
)
def test_names_and_letters(
    monkeypatch: pytest.MonkeyPatch, block: int, text: bytes, expected: list[tuple[str, bytes]]
) -> None:
    monkeypatch.setattr(fasta, "BLOCK", block)
    assert list(fasta.read(io.BytesIO(text))) == expected
