"""What is looked at all at once comes out as if it had been looked at one by one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotator_hook.pipeline import record_columns
from tests.unit.pipeline.vcf import checked, rcrs, spooled, vcf

GENOME = rcrs()
SEQUENCE = GENOME.bases("MT", 1, 16569)
META = '##INFO=<ID=DP,Number=1,Type=Integer,Description="Depth">\n'


def line(pos: int, length: int, alt: str, shape: str, info: str) -> str:
    """A record at a place, its REF right or wrong, plain or odd."""
    ref = SEQUENCE[pos - 1 : pos - 1 + length]
    ref = {"wrong": "ACGT"["ACGT".find(ref[0]) - 1] + ref[1:], "small": ref.lower()}.get(shape, ref)
    alt = {"several": f"{alt},{ref[0]}TT", "doubled": ref + alt, "symbol": "<DEL>"}.get(shape, alt)
    name = {"alias": "chrM", "elsewhere": "chr1"}.get(shape, "MT")
    return "\t".join([name, str(pos), "rs1;rs2", ref, alt, "50", "PASS" if pos % 3 else "q10;s50", info])


LINES = st.builds(
    line,
    st.integers(1, 16560),
    st.integers(1, 5),
    st.text("ACGT", min_size=1, max_size=4),
    st.sampled_from(["", "", "", "wrong", "small", "several", "doubled", "symbol", "alias", "elsewhere"]),
    st.sampled_from([".", "DP=3", "DP=3;;X", "CSQ=a|b;DP=4", "X=1;BCSQ", "Y=a=b;DP=5", ";", "DP=6;"]),
)


@settings(deadline=None, max_examples=60)
@given(records=st.lists(LINES, max_size=25))
def test_columns_and_records_agree(tmp_path_factory: pytest.TempPathFactory, records: list[str]) -> None:
    content = vcf(*["MT 3243 . A G"] * 30, meta=META) + "".join(f"{record}\n" for record in records)
    together = checked(tmp_path_factory.mktemp("columns"), content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_columns, "_PRINTS", record_columns._PRINTS & False)  # nothing begins like a plain record
        one_by_one = checked(tmp_path_factory.mktemp("records"), content)
    assert spooled(together) == spooled(one_by_one)
    assert together.skipped == one_by_one.skipped
    assert sorted(together.undeclared()) == sorted(one_by_one.undeclared())
    assert [re.sub("declare .*", "", text) for text in together.warnings()] == [
        re.sub("declare .*", "", text) for text in one_by_one.warnings()
    ]


def test_a_million_of_one_kind_is_no_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from annotator_hook.pipeline import block

    monkeypatch.setattr(block, "parse", lambda *_: pytest.fail("a plain record was looked at one by one"))
    records = [
        f"MT {pos} . {SEQUENCE[pos - 1]} {'A' if SEQUENCE[pos - 1] != 'A' else 'G'} 3 PASS DP=3"
        for pos in range(1, 3000)
    ]
    check = checked(tmp_path, vcf(*records, "MT 3243 . A AG", "MT 3242 . GA G", meta=META))
    assert sum(piece.rows for piece in check.pieces) == 3001
