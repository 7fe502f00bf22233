"""Which GAS this is. `pyproject.toml` takes it from here, and so do servers, on which the project is not installed."""

from typing import Final

VERSION: Final = "1.0.0"
"""Semantic versioning; CHANGELOG.md says what each version changed."""
