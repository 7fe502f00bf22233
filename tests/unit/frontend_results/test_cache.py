"""The folder of kept results: bounded, made once, never half."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from frontend.results.cache import ABANDONED_SECONDS, FolderCache


def holding(size: int) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / "data").write_bytes(b"x" * size)

    return make


def slowly(folder: Path) -> None:
    """Leaves a mark for each time that it is made, in the folder of all tests of this kind."""
    marks = folder.parents[1] / "marks"
    marks.mkdir(exist_ok=True)
    (marks / f"{os.getpid()}-{threading.get_ident()}").touch()
    time.sleep(0.2)
    (folder / "data").write_bytes(b"done")


def get_in_another_process(root: str) -> bytes:
    return (FolderCache(Path(root), 1000).get("same", slowly) / "data").read_bytes()


@pytest.fixture
def cache(tmp_path: Path) -> FolderCache:
    return FolderCache(tmp_path, 1000)


def names(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "entries").iterdir()}


def test_an_entry_is_made_once(cache: FolderCache) -> None:
    made: list[Path] = []
    for _ in range(3):
        cache.get("a", made.append)
    assert len(made) == 1


def test_many_who_come_at_once_wait_for_one(tmp_path: Path, cache: FolderCache) -> None:
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: (cache.get("same", slowly) / "data").read_bytes(), range(8)))
    assert found == [b"done"] * 8
    assert len(list((tmp_path / "marks").iterdir())) == 1


def test_several_processes_make_it_once(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as processes:
        found = list(processes.map(get_in_another_process, [str(tmp_path)] * 3))
    assert found == [b"done"] * 3
    assert len(list((tmp_path / "marks").iterdir())) == 1


def test_what_fails_is_not_kept_and_can_be_tried_again(tmp_path: Path, cache: FolderCache) -> None:
    def fail(folder: Path) -> None:
        (folder / "data").write_bytes(b"half")
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        cache.get("a", fail)
    assert names(tmp_path) == set()
    assert list((tmp_path / "making").iterdir()) == []
    assert (cache.get("a", holding(5)) / "data").exists()


def test_what_was_used_longest_ago_goes_first(tmp_path: Path, cache: FolderCache) -> None:
    for i, name in enumerate("ab"):
        entry = cache.get(name, holding(400))
        os.utime(entry, (i, i))
    cache.get("a", holding(400))
    cache.get("c", holding(400))
    assert names(tmp_path) == {"a", "c"}


def test_an_entry_larger_than_the_bound_is_kept_while_it_is_the_newest(tmp_path: Path, cache: FolderCache) -> None:
    cache.get("a", holding(5000))
    assert names(tmp_path) == {"a"}
    cache.get("b", holding(1))
    assert names(tmp_path) == {"b"}


def test_what_a_dead_process_was_making_is_cleared_away(tmp_path: Path, cache: FolderCache) -> None:
    cache.get("a", holding(1))
    left = tmp_path / "making" / "b-left"
    left.mkdir()
    fresh = tmp_path / "making" / "c-being-made"
    fresh.mkdir()
    long_ago = time.time() - ABANDONED_SECONDS - 1
    os.utime(left, (long_ago, long_ago))
    cache.get("d", holding(1))
    assert (left.exists(), fresh.exists()) == (False, True)


def test_an_open_file_can_be_read_after_its_entry_went(cache: FolderCache) -> None:
    with (cache.get("a", holding(7)) / "data").open("rb") as file:
        cache.forget("a")
        assert len(file.read()) == 7
    cache.forget("a")


def test_others_cannot_read_it(tmp_path: Path, cache: FolderCache) -> None:
    entry = cache.get("a", holding(1))
    assert entry.stat().st_mode & 0o077 == 0
    assert (tmp_path / "entries").stat().st_mode & 0o077 == 0
