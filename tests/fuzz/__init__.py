"""Inputs that nobody thought of: ``make fuzz`` for ten minutes, ``pytest tests/fuzz`` with a few of them."""
