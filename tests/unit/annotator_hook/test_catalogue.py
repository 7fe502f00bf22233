"""The installed packs are told to the frontend, at the start and when they change."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from annotator_hook import catalogue
from annotator_hook.catalogue import Catalogue, cards
from annotator_hook.services import BUILT_IN_PACKS
from shared.core.errors import Unavailable
from shared.core.packs import CATALOGUE_KEY, PackCard, read_catalogue
from tests.fakes import FakeObjects


def install(folder: Path, name: str, *, version: str = "1", **changes: Any) -> None:
    """What the installer does: a release, and a link to it that is changed in one step."""
    release = folder / ".releases" / f"{name}-{version}"
    release.mkdir(parents=True)
    manifest = {
        "name": name,
        "title": f"Pack {name}",
        "assembly": "GRCh38",
        "version": version,
        "sources": [{"name": "ClinVar", "version": "2025-11-03"}],
        "contigs": [{"name": "20", "length": 64444167, "aliases": ["chr20"], "genetic_code": 1}],
        "files": {},
        **changes,
    }
    (release / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    new = folder / ".releases" / "new"
    new.symlink_to(release)
    new.rename(folder / name)


def written(results: FakeObjects) -> tuple[PackCard, ...]:
    return read_catalogue(results.objects[CATALOGUE_KEY])


def test_the_built_in_pack_has_a_card() -> None:
    [card] = cards([BUILT_IN_PACKS])
    assert (card.name, card.by_alias["chrm"].length) == ("rcrs", 16569)
    assert {source["name"] for source in card.sources} >= {"ClinVar"}


def test_installed_packs_and_the_built_in_one_are_written(tmp_path: Path) -> None:
    install(tmp_path, "grch38")
    results = FakeObjects()
    assert Catalogue([tmp_path, BUILT_IN_PACKS], results).write()
    assert [(card.name, card.version) for card in written(results)] == [
        ("grch38", "1"),
        ("rcrs", written(results)[1].version),
    ]


def test_an_installed_pack_of_the_same_name_wins_as_it_does_for_jobs(tmp_path: Path) -> None:
    install(tmp_path, "rcrs", version="99")
    assert [card.version for card in cards([tmp_path, BUILT_IN_PACKS])] == ["99"]


@pytest.mark.parametrize("text", ["", "nonsense", "[]", "{}", '{"name": "bad", "contigs": 3}', '{"contigs": [{}]}'])
def test_what_is_no_pack_is_left_out(tmp_path: Path, text: str) -> None:
    install(tmp_path, "grch38")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "manifest.json").write_text(text, encoding="utf-8")
    (tmp_path / "empty").mkdir()
    assert [card.name for card in cards([tmp_path, tmp_path / "missing"])] == ["grch38"]


def test_a_manifest_of_another_pack_in_a_folder_is_left_out(tmp_path: Path) -> None:
    install(tmp_path, "grch38")
    (tmp_path / "grch38").rename(tmp_path / "grch37")
    assert cards([tmp_path]) == []


def test_it_is_written_again_only_when_something_changed(tmp_path: Path) -> None:
    results = FakeObjects()
    install(tmp_path, "grch38")
    kept = Catalogue([tmp_path], results)
    kept.write()
    results.objects.clear()
    assert kept.write()
    assert not results.objects
    install(tmp_path, "grch38", version="2")
    kept.write()
    assert [card.version for card in written(results)] == ["2"]


def test_what_could_not_be_written_is_written_the_next_time(tmp_path: Path) -> None:
    results = FakeObjects()
    install(tmp_path, "grch38")
    kept = Catalogue([tmp_path], results)
    results.fail_with = Unavailable("S3 is away.")
    assert not kept.write()
    results.fail_with = None
    assert kept.write()
    assert written(results)


def test_the_thread_goes_on_until_it_has_written_and_ends_when_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "PAUSE_SECONDS", 0.001)
    done = threading.Event()
    failures = iter([Unavailable("S3 is away."), RuntimeError("A bug."), None])
    monkeypatch.setattr(catalogue, "LOOK_SECONDS", 0.001)

    class Flaky(FakeObjects):
        def write(self, key: str, data: bytes, *, content_type: str) -> None:
            failure = next(failures)
            if failure is not None:
                raise failure
            super().write(key, data, content_type=content_type)
            done.set()

    install(tmp_path, "grch38")
    kept = Catalogue([tmp_path], Flaky())
    kept.start()
    assert done.wait(10)
    kept.stop()
    for thread in threading.enumerate():
        if thread.name == "catalogue":
            thread.join(10)
            assert not thread.is_alive()
