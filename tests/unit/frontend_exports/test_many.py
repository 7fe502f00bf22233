"""Exports of many variants: read a piece at a time, whatever their number."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from shared.core.jobs import Job
from tests.client import Browser
from tests.results_world import write_many
from tests.unit.frontend_exports.world import ExportsWorld

MANY = 25_000
MOST_AT_ONCE = 12_000_000
"""Bytes of one piece, and thus about what an export holds in memory."""


@pytest.fixture
def many(world: ExportsWorld, tmp_path: Path) -> Job:
    folder = tmp_path / "many"
    folder.mkdir()
    return world.explored(paths=write_many(folder, MANY))


def pieces(browser: Browser, job: Job, kind: str) -> Iterator[bytes]:
    response = browser.client.get(f"/jobs/{job.job_id}/export.{kind}")
    yield from response.iter_encoded()
    response.close()


@pytest.mark.parametrize("kind", ["tsv", "tsv?transcripts=all", "json", "xlsx"])
def test_many_variants_are_sent_piece_by_piece(alice: Browser, many: Job, kind: str) -> None:
    sizes = [len(piece) for piece in pieces(alice, many, kind)]
    assert max(sizes) < MOST_AT_ONCE
    assert len([size for size in sizes if size]) >= MANY // 10_000


def test_every_one_of_many_variants_has_its_line_and_its_row(alice: Browser, many: Job) -> None:
    lines = b"".join(pieces(alice, many, "tsv")).decode().splitlines()
    numbers = [int(line.split("\t")[8]) for line in lines if line[0].isdigit() or line[0] in "XY"]
    assert numbers == list(range(30, 30 + MANY))
    with zipfile.ZipFile(BytesIO(b"".join(pieces(alice, many, "xlsx")))) as archive:
        assert archive.testzip() is None
        sheet = archive.read("xl/worksheets/sheet1.xml")
    assert sheet.count(b"<row ") == MANY + 1
    assert f'<row r="{MANY + 1}">'.encode() in sheet
