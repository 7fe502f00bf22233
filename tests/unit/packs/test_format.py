"""A pack is whole, or it is not used and its name is said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from annotator_hook.packs import format as packs
from annotator_hook.services import BUILT_IN_PACKS
from shared.core.errors import Permanent

RCRS = BUILT_IN_PACKS / "rcrs"
DAMAGED = r"rcrs is damaged.*gas packs verify rcrs"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(RCRS, tmp_path / "rcrs"))


def change_manifest(folder: Path, **changes: Any) -> None:
    manifest = json.loads((folder / packs.MANIFEST).read_text())
    (folder / packs.MANIFEST).write_text(json.dumps({**manifest, **changes}))


@pytest.mark.parametrize("name", sorted(packs.load(RCRS).manifest["files"]))
def test_a_changed_or_missing_file_is_found(copy: Path, name: str) -> None:
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(Permanent, match=DAMAGED):
        packs.load(copy)
    (copy / name).unlink()
    with pytest.raises(Permanent, match=DAMAGED):
        packs.load(copy)


def test_a_large_pack_is_checked_by_sizes_at_the_start_and_in_full_by_verify(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "SMALL", 0)
    data = bytearray((copy / "engine/0.seq").read_bytes())
    data[100] ^= 1
    (copy / "engine/0.seq").write_bytes(data)
    packs.load(copy)
    with pytest.raises(Permanent, match=r"engine/0\.seq does not match its checksum"):
        packs.verify(copy)
    (copy / "engine/0.seq").write_bytes(data[:-1])
    with pytest.raises(Permanent, match=r"engine/0\.seq has 16,568 bytes instead of 16,569"):
        packs.load(copy)


def test_verify_names_every_damaged_file_and_counts_what_it_read(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "SMALL", 0)
    for name in ("genes/0.gff3", "sources/genes.tsv"):
        data = (copy / name).read_bytes()
        (copy / name).write_bytes(data[:-1] + b"x")
    read: list[int] = []
    with pytest.raises(Permanent, match=r"genes/0\.gff3.*sources/genes\.tsv"):
        packs.verify(copy, read.append)
    assert sum(read) == packs.load(copy).size


@pytest.mark.parametrize("file", ["genes/0.gff3", "engine/contigs.json", packs.MANIFEST])
@pytest.mark.parametrize("small", [0, packs.SMALL])
def test_verify_says_what_to_do_and_not_to_verify(
    copy: Path, monkeypatch: pytest.MonkeyPatch, file: str, small: int
) -> None:
    monkeypatch.setattr(packs, "SMALL", small)
    (copy / file).write_bytes((copy / file).read_bytes()[:-1] + b"x")
    with pytest.raises(Permanent, match=r"rcrs is damaged: .*\. Install or build it again\.$"):
        packs.verify(copy)


@pytest.mark.parametrize("text", ["", "{}", "[]", "\xff", '{"format": 1, "files": {}}', '{"format": 1, "contigs": 3}'])
def test_a_broken_manifest_is_found(copy: Path, text: str) -> None:
    (copy / packs.MANIFEST).write_text(text, encoding="latin-1")
    with pytest.raises(Permanent, match=DAMAGED):
        packs.load(copy)


def test_a_pack_of_another_format_is_to_be_built_again(copy: Path) -> None:
    change_manifest(copy, format=7)
    with pytest.raises(Permanent, match=r"rcrs has format 7.*build it again"):
        packs.load(copy)


def test_a_manifest_that_speaks_of_another_sequence_is_found(copy: Path) -> None:
    contigs = json.loads((copy / packs.MANIFEST).read_text())["contigs"]
    contigs[0]["length"] = 16571
    change_manifest(copy, contigs=contigs)
    with pytest.raises(Permanent, match=DAMAGED):
        packs.load(copy)


def test_a_file_outside_the_pack_is_not_looked_at(copy: Path) -> None:
    change_manifest(copy, files={"../secret": {"bytes": 0, "sha256": ""}})
    with pytest.raises(Permanent, match=DAMAGED):
        packs.load(copy)


def test_a_pack_under_another_name_is_not_served(copy: Path) -> None:
    with pytest.raises(Permanent, match=r"grch38 is damaged.*holds the pack rcrs"):
        packs.load(copy.rename(copy.parent / "grch38"))


def test_a_release_bears_name_and_version(copy: Path) -> None:
    assert packs.load(copy.rename(copy.parent / "rcrs-2")).name == "rcrs"


def test_a_pack_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match=r"pack grch38 is not installed"):
        packs.load(tmp_path / "grch38")


def test_a_table_that_is_damaged_after_the_start_names_the_pack(copy: Path) -> None:
    pack = packs.load(copy)
    data = bytearray((copy / "known/0.arrow").read_bytes())
    (copy / "known/0.arrow").write_bytes(data[: len(data) // 2])
    with pytest.raises(Permanent, match=DAMAGED):
        pack.known("MT")
    (copy / "engine/0.npz").unlink()
    with pytest.raises(Permanent, match=DAMAGED):
        pack.open("MT")
