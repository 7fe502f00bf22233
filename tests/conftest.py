"""How the tests of whole servers are shared out among processes."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
GROUPS = {"functional": "servers", "browser": "browser", "chaos": "browser"}
"""Folder → process: each of these folders starts servers of its own once, and both processes are busy equally long."""


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in its own
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        group = GROUPS.get(item.path.relative_to(TESTS).parts[0])
        if group:
            item.add_marker(pytest.mark.xdist_group(group))
