"""Files of numbers: there is room for what is in them, none is lost for want of it, and those of the dead are one."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.mmap_dict import MmapedDict

from deploy.servers.number_files import NumberFile, fold

Write = Callable[[str, Mapping[str, float]], NumberFile]
LONG = "x" * 70_000
"""A key for which a file has to grow."""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """A process counts: makes the file of this name, and answers it."""
    monkeypatch.setattr(NumberFile, "_has_warned", False)
    made: list[NumberFile] = []

    def write(name: str, given: Mapping[str, float]) -> NumberFile:
        made.append(file := NumberFile(str(tmp_path / name)))
        for key, value in given.items():
            file.write_value(key, value, 0.0)
        return file

    yield write
    for file in made:
        file.close()


@contextmanager
def full_disk() -> Iterator[None]:
    def refuse(descriptor: int, offset: int, length: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "posix_fallocate", refuse)
        yield


def numbers(path: Path) -> dict[str, float]:
    """As the master reads them."""
    return {key: value for key, value, *_ in MmapedDict.read_all_values_from_file(path)}  # type: ignore[no-untyped-call]  # it has no types


def test_numbers_are_read_as_they_were_written(tmp_path: Path, write: Write) -> None:
    file = write("counter_1.db", {"a": 1, "b": 2.5})
    assert numbers(tmp_path / "counter_1.db") == {"a": 1, "b": 2.5}
    assert (file.read_value("b"), file.read_value("new")) == ((2.5, 0.0), (0.0, 0.0))


@pytest.mark.parametrize("count", [1, 5000])
def test_there_is_room_for_the_whole_file_however_it_grew(tmp_path: Path, write: Write, count: int) -> None:
    given = {f"{number:040}" + "x" * (number % 9): float(number) for number in range(count)}
    write("counter_1.db", given)
    path = tmp_path / "counter_1.db"
    assert numbers(path) == given
    assert path.stat().st_blocks * 512 >= path.stat().st_size


def test_numbers_without_room_are_one_warning_and_are_made_up_for(
    tmp_path: Path, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    with full_disk():
        file = write("counter_1.db", {"a": 1, "b": 1})
        assert file.read_value("a") == (0.0, 0.0)
    assert list(tmp_path.iterdir()) == []  # an empty file would keep the master from reading the others
    [warning] = caplog.messages
    assert f"{tmp_path} cannot be written to: No space left on device." in warning
    file.write_value("a", 7, 0.0)
    assert numbers(tmp_path / "counter_1.db") == {"a": 7}


def test_a_file_that_cannot_grow_takes_what_it_has_room_for(tmp_path: Path, write: Write) -> None:
    path = tmp_path / "counter_1.db"
    file = write("counter_1.db", {"a": 1})
    with full_disk():
        file.write_value(LONG, 1, 0.0)
        file.write_value("a", 2, 0.0)
        assert numbers(path) == {"a": 2}
    file.write_value(LONG, 3, 0.0)
    assert numbers(path) == {"a": 2, LONG: 3}


def test_what_processes_counted_that_ended_is_one_file_of_each_kind(tmp_path: Path, write: Write) -> None:
    for pid in (1, 2, 3):
        write(f"counter_{pid}.db", {"a": 1, f"of {pid}": 1})
        write(f"histogram_{pid}.db", {"b": 0.5})
        fold(tmp_path, pid)
    assert {path.name for path in tmp_path.iterdir()} == {"counter_ended.db", "histogram_ended.db"}
    assert numbers(tmp_path / "counter_ended.db") == {"a": 3, "of 1": 1, "of 2": 1, "of 3": 1}
    assert numbers(tmp_path / "histogram_ended.db") == {"b": 1.5}


def test_a_process_that_never_counted_leaves_nothing_to_fold(tmp_path: Path) -> None:
    fold(tmp_path, 1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key", ["a", LONG])
def test_without_room_to_put_them_together_no_number_is_lost(tmp_path: Path, write: Write, key: str) -> None:
    write("counter_1.db", {"a": 1})
    fold(tmp_path, 1)
    write("counter_2.db", {key: 2})
    with full_disk(), pytest.raises(OSError, match="No space"):
        fold(tmp_path, 2)
    assert numbers(tmp_path / "counter_ended.db") == {"a": 1}
    assert numbers(tmp_path / "counter_2.db") == {key: 2}
