"""Exports of many variants: read a piece at a time, whatever their number."""

from __future__ import annotations

import functools
import zipfile
from collections.abc import Callable
from io import BytesIO

import pytest

from tests.results_world import write_many
from tests.unit.frontend_exports.world import ExportsWorld

MANY = 25_000
MOST_AT_ONCE = 12_000_000
"""Bytes of one piece, and thus about what an export holds in memory."""


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[bytes]]:
    """What is sent of an export of this kind, in its pieces; each kind is made once."""
    folder = tmp_path_factory.mktemp("many")
    world = ExportsWorld(folder)
    job, alice = world.explored(paths=write_many(folder, MANY)), world.browser(world.alice)

    @functools.cache
    def sent(kind: str) -> list[bytes]:
        response = alice.client.get(f"/jobs/{job.job_id}/export.{kind}")
        found = list(response.iter_encoded())
        response.close()
        return found

    return sent


@pytest.mark.parametrize("kind", ["tsv", "tsv?transcripts=all", "json", "xlsx"])
def test_many_variants_are_sent_piece_by_piece(pieces: Callable[[str], list[bytes]], kind: str) -> None:
    sizes = [len(piece) for piece in pieces(kind)]
    assert max(sizes) < MOST_AT_ONCE
    assert len([size for size in sizes if size]) >= MANY // 10_000


def test_every_one_of_many_variants_has_its_line_and_its_row(pieces: Callable[[str], list[bytes]]) -> None:
    lines = b"".join(pieces("tsv")).decode().splitlines()
    numbers = [int(line.split("\t")[8]) for line in lines if line[0].isdigit() or line[0] in "XY"]
    assert numbers == list(range(30, 30 + MANY))
    with zipfile.ZipFile(BytesIO(b"".join(pieces("xlsx")))) as archive:
        assert archive.testzip() is None
        sheet = archive.read("xl/worksheets/sheet1.xml")
    assert sheet.count(b"<row ") == MANY + 1
    assert f'<row r="{MANY + 1}">'.encode() in sheet
