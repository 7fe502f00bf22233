"""Where a server's processes keep their numbers, and what happens when they cannot."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from deploy.servers import metrics


def test_numbers_are_in_memory_where_the_system_has_a_place_for_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "_SHARED_MEMORY", tmp_path)
    assert metrics.folder_of(8010).parent == tmp_path
    monkeypatch.setattr(metrics, "_SHARED_MEMORY", tmp_path / "missing")
    assert metrics.folder_of(8010).parent == Path(tempfile.gettempdir())


def test_a_file_that_somebody_put_in_place_of_the_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(metrics, "_SHARED_MEMORY", tmp_path)
    monkeypatch.setenv("GAS_METRICS_PORT", "8010")
    metrics.folder_of(8010).touch()
    with pytest.raises(SystemExit):
        metrics.serve()
    assert "somebody else made it" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_keeps_no_server_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    monkeypatch.setattr(metrics, "_SHARED_MEMORY", in_the_way)
    monkeypatch.setenv("GAS_METRICS_PORT", "8010")
    metrics.serve()
    expected = f"Metrics are not served: {metrics.folder_of(8010)} cannot be made: Not a directory.\n"
    assert capsys.readouterr().err == expected
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ  # processes keep their numbers to themselves
