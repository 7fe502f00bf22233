"""Static files under addresses that carry a hash of their content, so that browsers may keep them for good."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from flask import Flask, url_for

STATIC = Path(__file__).parent / "static"


def attach(app: Flask) -> None:
    """Templates write ``{{ static_url("gas.css") }}``."""
    app.jinja_env.globals["static_url"] = static_url


def static_url(filename: str) -> str:
    """The address of a file in ``static/``, which changes when the file does."""
    return url_for("static", filename=filename, v=content_hash(filename))


@functools.cache
def content_hash(filename: str) -> str | None:
    """The first 12 hexadecimal digits of the file's SHA-256, read once; None where there is no such file."""
    try:
        return hashlib.sha256((STATIC / filename).read_bytes()).hexdigest()[:12]
    except OSError:
        return None
