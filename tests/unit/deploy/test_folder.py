"""The folder of the local cloud: what was written comes back, and what cannot be trusted is refused in one sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import folder as folders
from deploy.local.folder import Folder, FolderRefused
from shared.core.errors import Conflict

PORT = 8003
STATE = b"everything that is known" * 100


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    opened = Folder(tmp_path / "cloud", PORT)
    yield opened
    opened.lock.release()


def refusal(folder: Folder) -> str:
    """The sentence; and nothing was deleted for it."""
    state = folder.path / "state"
    before = state.read_bytes() if state.exists() else None
    with pytest.raises(FolderRefused) as caught:
        folder.read()
    assert (state.read_bytes() if state.exists() else None) == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_new_folder_has_no_state(folder: Folder) -> None:
    assert folder.read() is None


def test_the_latest_state_comes_back(folder: Folder) -> None:
    folder.write(b"the first")
    folder.write(STATE)
    assert folder.read() == STATE


def test_what_was_half_written_when_the_process_died_does_not_count(folder: Folder) -> None:
    folder.write(STATE)
    (folder.path / "state.new").write_bytes(b"state of a GA")
    assert folder.read() == STATE


def test_nobody_else_may_read_it(folder: Folder) -> None:
    folder.write(STATE)
    assert folder.path.stat().st_mode & 0o077 == 0
    assert (folder.path / "state").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("place", [-1, -len(STATE)])
def test_a_changed_byte_is_noticed(folder: Folder, place: int) -> None:
    folder.write(STATE)
    content = bytearray((folder.path / "state").read_bytes())
    content[place] ^= 1
    (folder.path / "state").write_bytes(content)
    sentence = refusal(folder)
    assert "is damaged" in sentence
    assert "move it away to begin anew" in sentence


@pytest.mark.parametrize("size", [0, 10, 40, 200, -1])
def test_a_state_that_was_cut_off_is_refused(folder: Folder, size: int) -> None:
    folder.write(STATE)
    path = folder.path / "state"
    path.write_bytes(path.read_bytes()[:size])
    assert "damaged" in refusal(folder)


def test_a_foreign_file_is_refused(folder: Folder) -> None:
    (folder.path / "state").write_text("SQLite format 3\n")
    assert "is not the state of a local cloud" in refusal(folder)


def rewrite_head(folder: Folder, **changes: object) -> None:
    magic, head, pickled = (folder.path / "state").read_bytes().split(b"\n", 2)
    changed = json.dumps({**json.loads(head), **changes}).encode()
    (folder.path / "state").write_bytes(b"\n".join([magic, changed, pickled]))


def test_a_newer_format_is_refused_even_if_its_head_is_another(folder: Folder) -> None:
    folder.write(STATE)
    rewrite_head(folder, format=folders.FORMAT + 1, compressed=True)
    assert "written by a newer GAS" in refusal(folder)


def test_the_state_of_another_moto_is_refused(folder: Folder) -> None:
    folder.write(STATE)
    rewrite_head(folder, moto="1.0")
    assert "moto 1.0" in refusal(folder)


def test_another_port_is_refused_with_both_ways_out(folder: Folder, tmp_path: Path) -> None:
    folder.write(STATE)
    folder.lock.release()
    moved = Folder(tmp_path / "cloud", PORT + 1)
    folder.lock = moved.lock
    sentence = refusal(moved)
    assert f"GAS_LOCAL_CLOUD_PORT={PORT}" in sentence
    assert "GAS_LOCAL_DATA_DIR" in sentence


def test_objects_without_a_state_are_not_taken_for_a_new_folder(folder: Folder) -> None:
    (folder.objects / "0123").write_bytes(b"##fileformat")
    assert "is missing" in refusal(folder)
    assert (folder.objects / "0123").exists()


def test_one_process_at_a_time_has_it(folder: Folder) -> None:
    with pytest.raises(Conflict, match="in use by another local cloud"):
        Folder(folder.path, PORT, patience=0)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(FolderRefused, match="cannot be used"):
        Folder(tmp_path / "file" / "cloud", PORT)
