"""The `gas` command."""
