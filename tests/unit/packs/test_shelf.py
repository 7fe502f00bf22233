"""The folder of packs: whole releases only, one rename between two of them, nothing removed under a reader."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest

from annotator_hook.packs import format as packs
from annotator_hook.packs.assemble import assemble
from annotator_hook.packs.shelf import Shelf
from annotator_hook.services import BUILT_IN_PACKS
from shared.core.errors import NotFound, Permanent
from tests.unit.packs.genome import contents


class Library:
    """A shelf, and a way to put versions of one pack on it."""

    def __init__(self, folder: Path) -> None:
        self.sources = folder / "sources"
        self.sources.mkdir()
        self.folder = folder / "packs"
        self.shelf = Shelf(self.folder)

    def install(self, version: str, **changes: Any) -> Path:
        with self.shelf.building("tiny") as place:
            manifest = assemble(contents(self.sources, version=version, **changes), place)
            return self.shelf.publish(place, manifest)

    def releases(self) -> set[str]:
        return {path.name for path in (self.folder / ".releases").iterdir()}

    def hidden(self) -> set[str]:
        return {path.name for path in self.folder.iterdir() if path.name.startswith(".")} - {".releases"}


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path)


def test_a_pack_is_found_under_its_name(library: Library) -> None:
    release = library.install("1")
    entry = library.shelf.entry("tiny")
    assert entry.folder == release == library.folder / ".releases" / "tiny-1"
    assert entry.pack is not None
    assert entry.pack.version == "1"
    assert not entry.built_in
    assert packs.load(library.folder / "tiny").name == "tiny"


def test_everybody_may_read_it(library: Library) -> None:
    assert library.install("1").stat().st_mode & 0o755 == 0o755


def test_the_packs_that_come_with_gas_are_listed_too(library: Library) -> None:
    library.install("1")
    assert [(entry.name, entry.built_in) for entry in library.shelf.entries()] == [("rcrs", True), ("tiny", False)]


def test_a_folder_that_is_not_there_has_only_those(tmp_path: Path) -> None:
    assert [entry.name for entry in Shelf(tmp_path / "nowhere").entries()] == ["rcrs"]


def test_a_new_release_takes_the_old_ones_place_and_the_old_one_stays(library: Library) -> None:
    library.install("1")
    library.install("2")
    assert packs.load(library.folder / "tiny").version == "2"
    assert library.releases() == {"tiny-1", "tiny-2"}


def test_the_release_before_the_last_goes_with_the_next_installation(library: Library) -> None:
    for version in "123":
        library.install(version)
    assert library.releases() == {"tiny-2", "tiny-3"}


def test_a_release_that_a_job_reads_stays_until_the_job_has_ended(library: Library) -> None:
    library.install("1")
    job = packs.load((library.folder / "tiny").resolve())
    for version in "234":
        library.install(version)
    assert library.releases() == {"tiny-1", "tiny-3", "tiny-4"}
    assert job.open("20").model.transcripts == 1
    del job
    library.install("5")
    assert library.releases() == {"tiny-4", "tiny-5"}


def test_a_release_is_held_by_copies_of_the_pack_in_other_processes(library: Library) -> None:
    library.install("1")
    data = pickle.dumps(packs.load((library.folder / "tiny").resolve()))
    worker = pickle.loads(data)  # noqa: S301 - our own bytes
    library.install("2")
    library.install("3")
    assert "tiny-1" in library.releases()
    del worker


def test_the_same_contents_again_change_nothing(library: Library) -> None:
    first = library.install("")
    assert library.install("") == first
    assert len(library.releases()) == 1
    assert library.hidden() == set()


def test_a_damaged_release_is_replaced_by_the_same_version(library: Library) -> None:
    first = library.install("1")
    (first / "engine" / "0.seq").unlink()
    assert library.shelf.entry("tiny").problem is not None
    second = library.install("1")
    assert second != first
    assert packs.load(library.folder / "tiny").version == "1"


def test_what_fails_half_way_leaves_nothing(library: Library) -> None:
    library.install("1")
    with pytest.raises(Permanent, match="no genetic code 99"):
        library.install("2", genetic_codes={"MT": 99})
    assert packs.load(library.folder / "tiny").version == "1"
    assert library.hidden() == set()


def test_leftovers_of_a_killed_installation_are_swept_and_never_served(library: Library) -> None:
    library.install("1")
    shutil.copytree(library.folder / "tiny", library.folder / ".building-tiny-x")
    (library.folder / ".link-7").symlink_to(".releases/tiny-1")
    (library.folder / ".removing-tiny-0").mkdir()
    assert [entry.name for entry in library.shelf.entries()] == ["rcrs", "tiny"]
    library.shelf.sweep()
    assert library.hidden() == set()


def test_what_somebody_else_is_making_is_not_swept(library: Library) -> None:
    with library.shelf.building("tiny") as place:
        Shelf(library.folder).sweep()
        assert place.is_dir()
    assert not place.exists()


def test_a_removed_pack_is_gone(library: Library) -> None:
    library.install("1")
    assert library.shelf.remove("tiny")
    assert library.releases() == set()
    with pytest.raises(NotFound, match=r"no pack tiny in .*There is: rcrs"):
        library.shelf.entry("tiny")


def test_a_pack_that_is_removed_under_a_job_goes_when_the_job_has_ended(library: Library) -> None:
    library.install("1")
    job = packs.load((library.folder / "tiny").resolve())
    assert not library.shelf.remove("tiny")
    assert [entry.name for entry in library.shelf.entries()] == ["rcrs"]
    assert job.known("20") is None
    del job
    library.shelf.sweep()
    assert library.releases() == set()


def test_a_pack_that_comes_with_gas_cannot_be_removed(library: Library) -> None:
    with pytest.raises(Permanent, match="comes with GAS"):
        library.shelf.remove("rcrs")
    assert (BUILT_IN_PACKS / "rcrs" / "manifest.json").exists()


def test_a_folder_that_somebody_else_made_is_left_alone(library: Library) -> None:
    library.folder.mkdir()
    shutil.copytree(BUILT_IN_PACKS / "rcrs", library.folder / "rcrs")
    with pytest.raises(Permanent, match="did not make"):
        library.shelf.remove("rcrs")
    (library.folder / "tiny").mkdir()
    with pytest.raises(Permanent, match="move it away first"):
        library.install("1")


@pytest.mark.parametrize("name", ["", "../x", "Tiny", "a-b", ".x", "9lives", "a" * 41, "a/b"])
def test_a_name_that_is_none_is_refused(library: Library, name: str) -> None:
    with pytest.raises(Permanent, match="cannot be a pack's name"), library.shelf.building(name):
        pass


@pytest.mark.parametrize("version", ["../1", "a b", "-1", "x" * 101])
def test_a_version_that_is_none_is_refused(library: Library, version: str) -> None:
    with pytest.raises(Permanent, match="cannot be a version"):
        library.install(version)


def test_a_full_disk_is_said_to_be_full(library: Library) -> None:
    library.install("1")
    with (
        pytest.raises(Permanent, match=r"The disk of .* is full\. Nothing was changed"),
        library.shelf.building("tiny"),
    ):
        raise OSError(28, "No space left on device")
    assert packs.load(library.folder / "tiny").version == "1"
    assert library.hidden() == set()


def test_a_folder_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Permanent, match=r"could not be made: .*file"), Shelf(tmp_path / "file" / "packs").building("a"):
        pass


def test_a_manifest_that_lies_is_a_problem_of_that_pack_alone(library: Library) -> None:
    release = library.install("1")
    manifest = json.loads((release / "manifest.json").read_text())
    (release / "manifest.json").write_text(json.dumps({**manifest, "name": "other"}))
    entries = {entry.name: entry for entry in library.shelf.entries()}
    assert "damaged" in (entries["tiny"].problem or "")
    assert entries["rcrs"].problem is None


def test_a_link_that_leads_nowhere_is_a_problem_and_can_be_removed(library: Library) -> None:
    library.folder.mkdir()
    (library.folder / "tiny").symlink_to(".releases/tiny-1")
    assert "not installed" in (library.shelf.entry("tiny").problem or "")
    library.shelf.remove("tiny")
    assert [entry.name for entry in library.shelf.entries()] == ["rcrs"]
