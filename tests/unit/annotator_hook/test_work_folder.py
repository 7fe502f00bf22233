"""Where running jobs keep their files: nothing of them stays, whoever dies and however full the disk is."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from annotator_hook.work_folder import clear, job_folder
from shared.core.errors import Retryable

JOB = "0" * 32
KILLED = """
import os, signal, sys
from pathlib import Path
from annotator_hook.work_folder import job_folder
with job_folder(Path(sys.argv[1]), "0" * 32) as folder:
    (folder / "input").write_text("some")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_jobs_folder_is_gone_when_the_job_is_over(tmp_path: Path) -> None:
    with job_folder(tmp_path / "work", JOB) as folder:
        (folder / "input").write_text("some")
        assert folder.name.startswith(JOB)
    assert list((tmp_path / "work").iterdir()) == []


def test_the_folder_of_a_job_whose_server_was_killed_is_cleared_away(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1
    clear(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_running_job_is_left_alone(tmp_path: Path) -> None:
    with job_folder(tmp_path, JOB) as folder:
        (folder / "input").write_text("some")
        clear(tmp_path)
        assert (folder / "input").read_text() == "some"


def test_a_stray_file_in_the_folder_of_jobs_is_nobodys_trouble(tmp_path: Path) -> None:
    (tmp_path / "stray").write_text("not ours")
    clear(tmp_path)
    assert (tmp_path / "stray").exists()


def test_clearing_before_there_ever_was_a_job_does_nothing(tmp_path: Path) -> None:
    clear(tmp_path / "work")
    assert list((tmp_path / "work").iterdir()) == []


def test_a_server_starts_also_where_nothing_can_be_cleared(tmp_path: Path) -> None:
    (tmp_path / "work").write_text("a file where the folder should be")
    clear(tmp_path / "work")


def test_a_full_disk_is_worth_another_attempt_and_says_where_it_is_full(tmp_path: Path) -> None:
    with pytest.raises(Retryable, match=f"no space left in {tmp_path}"), job_folder(tmp_path, JOB):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert list(tmp_path.iterdir()) == []


def test_any_other_trouble_with_files_is_told_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), job_folder(tmp_path, JOB):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
