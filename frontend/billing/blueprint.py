"""The blueprint that every page of this family hangs its routes on."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("billing", __name__)
