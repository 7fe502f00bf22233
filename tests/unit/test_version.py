"""One version, wherever somebody reads it."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from cli.main import gas
from shared.core.version import VERSION

CHANGES = (Path(__file__).parents[2] / "CHANGELOG.md").read_text()


def test_the_newest_version_that_the_changelog_describes_is_this_one() -> None:
    assert re.findall(r"^## (\S+)$", CHANGES, re.MULTILINE)[0] == VERSION


def test_the_command_says_its_version_also_where_the_project_is_not_installed() -> None:
    assert CliRunner().invoke(gas, ["--version"]).output == f"gas, version {VERSION}\n"
