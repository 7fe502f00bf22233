"""What a stack created becomes what servers are told: output ``JobsTable`` is setting ``GAS_JOBS_TABLE``."""

from __future__ import annotations

import re
from collections.abc import Mapping

_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")


def settings_from_outputs(outputs: Mapping[str, str]) -> dict[str, str]:
    """Environment variables for the servers, from the stack's outputs."""
    return {f"GAS_{_WORD_START.sub('_', name).upper()}": value for name, value in outputs.items()}
