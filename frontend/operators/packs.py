"""The installed reference packs."""

from __future__ import annotations

from flask import render_template

from frontend.access import services
from frontend.operators.blueprint import blueprint


@blueprint.get("/packs")
def packs() -> str:
    """As the annotator's catalogue says."""
    return render_template("operators/packs.html", cards=services().catalogue.cards())
