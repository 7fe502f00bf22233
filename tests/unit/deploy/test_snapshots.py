"""Snapshots that cannot be written: what is known stays, it is said once, and it is said where somebody asks."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local import snapshots as module
from deploy.local.calls import Calls
from deploy.local.folder import Folder
from deploy.local.gate import Gate
from deploy.local.pages import create_app
from deploy.local.s3.bodies import Bodies
from deploy.local.ses.mailbox import Mailbox
from deploy.local.snapshots import Persistence, Snapshots
from deploy.local.sns.signing import Signer
from deploy.local.state import State

SIGNER = Signer()


class Note:
    """A part of the cloud: some text, and what happens when it is written down."""

    def __init__(self) -> None:
        self.text = ""
        self.on_dump: Callable[[], object] = lambda: None

    def dump(self) -> str:
        self.on_dump()
        return self.text

    def load(self, kept: Any) -> None:
        self.text = kept


class Scene:
    """A cloud of one part, in a folder."""

    def __init__(self, path: Path) -> None:
        self.folder, self.gate, self.note, self.persistence = Folder(path, 8003), Gate(), Note(), Persistence()
        self.bodies = Bodies(self.folder.objects)
        state = State({"note": self.note}, {})
        self.snapshots = Snapshots(self.folder, state, self.gate, self.bodies, self.persistence)
        self.snapshots.resume()

    def write(self, text: str) -> None:
        """A change, and a snapshot of it."""
        with self.gate.change():
            self.note.text = text
        self.snapshots.take()

    @property
    def kept(self) -> str:
        """What the next process would go on from."""
        pickled = self.folder.read()
        assert pickled is not None
        note = Note()
        State({"note": note}, {}).load(pickled)
        return note.text

    def health(self) -> tuple[int, str]:
        answer = create_app(Mailbox(), SIGNER, self.persistence, Calls()).test_client().get("/healthz")
        return answer.status_code, answer.get_json().get("detail", "")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path / "cloud")
    yield scene
    scene.folder.lock.release()


@pytest.fixture
def full_disk(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(pickled: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(scene.folder, "write", write)


def test_a_change_is_kept(scene: Scene) -> None:
    scene.write("first")
    scene.write("second")
    assert scene.kept == "second"
    assert scene.health() == (200, "")


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_told_after_a_few_attempts_in_words_for_a_person(scene: Scene) -> None:
    scene.write("first")
    assert scene.health() == (200, "")  # it may pass
    for _ in range(2):
        scene.snapshots.take()
    sentence = f"Nothing is kept at present. {scene.folder.path} cannot be written to: No space left on device."
    assert scene.health() == (503, sentence)


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_one_line_in_the_log(
    scene: Scene, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    scene.write("first")
    for _ in range(3):
        scene.snapshots.take()
    [line] = caplog.messages
    assert line.endswith(f"{scene.folder.path} cannot be written to: No space left on device.")
    assert "Traceback" not in capfd.readouterr().err


def test_all_is_well_once_there_is_room_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    obstacle = scene.folder.path / "state.new"
    obstacle.mkdir()
    for text in ("first", "second", "third"):
        scene.write(text)
    assert scene.health()[0] == 503
    assert scene.kept == ""
    obstacle.rmdir()
    scene.snapshots.take()
    assert scene.kept == "third"
    assert scene.health() == (200, "")


def test_a_snapshot_that_hangs_is_given_up(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_SECONDS", 0.05)
    scene.note.on_dump = threading.Event().wait
    scene.write("first")
    assert scene.persistence.reason == "Writing took more than 0.05 seconds."
    monkeypatch.undo()
    scene.note.on_dump = lambda: None
    scene.snapshots.take()
    assert scene.kept == "first"


def test_a_bug_is_told_with_its_kind_and_its_traceback_once(scene: Scene, capfd: pytest.CaptureFixture[str]) -> None:
    scene.note.on_dump = lambda: 1 / 0
    for text in ("first", "second"):
        scene.write(text)
    assert scene.persistence.reason == "ZeroDivisionError: division by zero"
    assert capfd.readouterr().err.count("Traceback") == 1


def test_a_fork_that_is_refused_ends_no_snapshots(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    body = scene.bodies.keep(b"content")
    path = body.path
    del body

    def refuse() -> int:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", refuse)
    scene.write("first")
    assert scene.persistence.failures == 1
    assert path.exists()  # the snapshot that is there may need it
    monkeypatch.undo()
    scene.snapshots.take()
    assert scene.kept == "first"
    assert not path.exists()


@pytest.mark.parametrize(("is_full", "status"), [(False, 0), (True, 1)])
def test_the_process_ends_with_1_when_its_last_moment_is_not_kept(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, is_full: bool, status: int
) -> None:
    if is_full:
        (scene.folder.path / "state.new").mkdir()
    monkeypatch.setattr(os, "_exit", _raise_exit)
    with pytest.raises(SystemExit) as ended:
        scene.snapshots.finish()
    assert ended.value.code == status


def _raise_exit(status: int) -> None:
    raise SystemExit(status)
