"""Uploads: every file is annotated with all its records accounted for, or refused with a sentence for its owner."""

from __future__ import annotations

import atexit
import functools
import gzip
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from annotator_hook.pipeline import work
from annotator_hook.pipeline.outcome import InputRejected, Spec
from shared.core.vcf_facts import read_facts
from tests.fuzz.shapes import a_few, texts
from tests.unit.pipeline import tiny
from tests.unit.pipeline.vcf import LIMITS

HEADER = (
    "##fileformat=VCFv4.2",
    "##contig=<ID=one,length=1719>",
    "##contig=<ID=one,length=99>",
    "##contig=<ID=one>",
    '##INFO=<ID=AC,Number=A,Type=Integer,Description="x">',
    '##INFO=<ID=CSQ,Number=.,Type=String,Description="Format: a|b">',
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="x">',
    '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="x">',
    "##FILTER=<ID=q10>",
    "##reference=file:///GRCh38.fa",
    "##=",
    "##x",
)
COLUMNS = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT")
FIELDS = (
    ("one", "two", "chrone", "three", "ONE", "."),
    ("61", "67", "9", "1", "0", "1719", "1720", "-5", "1e3", "99999999999"),
    (".", "rs1", "rs1;rs2", "a b", ";"),
    ("G", "A", "GAT", "C", "N", "R", ".", "", "g", "ACGT" * 30),
    ("A", "C", "G,T", "<DEL>", "*", ".", "GATT", "A[one:9[", "A,A", ",", "<NON_REF>", "a", ""),
    (".", "50", "1e-5", "-1", "nan", "inf", "x"),
    (".", "PASS", "q10", "q10;q20", "0", "q 10", "="),
    (".", "AC=1", "AC=1,2;DP=9", "CSQ=a|b", "X", "X=;=Y", ";;", "AC=1;AC=2", "GAS_LINE=7", "A=%3B"),
    ("GT", "GT:AD", "AD:GT", "GQ", "", ".", "GT:GT"),
)
SAMPLE = ("0/1", "0|1", "1", "./.", "1/2:3,4", ".", "", "0/1/1", "9|9", "a/b", "0/1:1:2:3", "-1/0")


@functools.cache
def place() -> Path:
    """A folder with the pack ``tiny`` in it, until the process ends."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    tiny.make(Path(folder.name))
    return Path(folder.name)


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Something near to a VCF, perhaps packed, perhaps damaged."""
    samples = draw(st.lists(st.sampled_from(["alice", "bob", "alice", "", "a b"]) | texts, max_size=3))
    lines = ["##fileformat=VCFv4.2", *draw(st.lists(st.sampled_from(HEADER) | texts, max_size=4))]
    lines.append("\t".join([*COLUMNS, *samples] if samples else COLUMNS[:8]))
    for _ in range(draw(st.integers(0, 6))):
        likely = [draw(st.sampled_from(values)) for values in FIELDS[: 9 if samples else 8]]
        likely += [draw(st.sampled_from(SAMPLE)) for _ in samples]
        if draw(st.integers(0, 9)) == 0:
            likely[draw(st.integers(0, len(likely) - 1))] = draw(texts)
        lines.append("\t".join(likely))
    raw = draw(st.sampled_from(["\n", "\n", "\n", "\r\n"])).join([*lines, ""]).encode()
    at = draw(st.integers(0, len(raw)))
    raw = raw[:at] + draw(st.just(b"") | st.binary(max_size=4)) + raw[at:]
    if draw(st.integers(0, 3)) == 0:
        raw = gzip.compress(raw, mtime=0)
        raw = raw[: len(raw) - draw(st.sampled_from([0, 0, 1, 9]))]
    return raw


@a_few
@given(files() | st.binary(max_size=300))
def test_a_file_is_annotated_with_every_record_accounted_for_or_refused_in_words(content: bytes) -> None:
    read_facts(content)
    pack = place() / "tiny"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "input").write_bytes(content)
        (folder / "output").mkdir()
        (folder / "work").mkdir()
        spec = Spec(folder / "input", folder / "output", pack, "my.vcf", LIMITS)
        try:
            result = work.annotate(spec, folder / "work", "1", lambda _: None)
        except InputRejected as error:
            refused = (error.code, error.message, error.hint)
            assert all(refused), refused
        else:
            ledger = result.ledger
            assert ledger.records_in == ledger.annotated + sum(ledger.skipped.values())
            assert all(path.exists() for path in result.files.values())
