"""An operator at a terminal."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner, Result

from cli.main import gas
from tests.unit.inbox.dead_letters_world import DeadLetterWorld

YES = ("--yes", "--why", "The pack is mended.")


class Terminal:
    """Commands of one group, such as ``dlq``, that work with a world from memory."""

    def __init__(self, group: str) -> None:
        self.group = group
        self.world = DeadLetterWorld()

    def run(self, *arguments: str, **environment: str) -> Result:
        given = {"COLUMNS": "220", "GAS_OPERATOR": "olga", **environment}
        return CliRunner().invoke(gas, [self.group, *arguments], obj=self.world.operations, env=given)

    def says(self, *arguments: str, code: int = 0) -> str:
        result = self.run(*arguments)
        assert result.exit_code == code, result.output
        return result.stdout

    def answers(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.says(*arguments, "--json", code=code))

    def refuses(self, *arguments: str) -> str:
        """What is said of a wrong command."""
        result = self.run(*arguments)
        assert result.exit_code == 2
        return result.stderr
