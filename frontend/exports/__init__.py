"""What is taken away of the filtered view: VCF, TSV, XLSX, JSON, and a report that opens without GAS."""

from __future__ import annotations

from flask import Flask

from frontend.exports import routes
from frontend.exports.slots import Slots

__all__ = ["attach", "routes"]


def attach(app: Flask) -> None:
    """Bounds how many are made at once. The route is in the blueprint of jobs."""
    app.extensions["gas_exports"] = Slots()
