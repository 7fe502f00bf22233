"""A job's results: downloads, and the log on a page."""

from __future__ import annotations

import re
from datetime import timedelta

from flask import abort, redirect, render_template
from flask.typing import ResponseReturnValue

from frontend.access import services
from frontend.jobs.away import require_files
from frontend.jobs.blueprint import blueprint
from frontend.jobs.names import download_name
from shared.core.errors import NotFound
from shared.core.jobs import Job

DOWNLOAD_LIFE = timedelta(minutes=5)
"""How long a download may begin: a link that leaks is soon worth nothing."""
_NOT_FOR_HTML = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")
"""Characters that no HTML may hold: a log can quote whatever somebody uploaded."""
LOG_ON_PAGE = 256 * 1024
"""Bytes of the log that are shown; the rest is in the file."""


@blueprint.get("/<job_id>/files/<kind>")
def download(job: Job, kind: str) -> ResponseReturnValue:
    """Leads to a short-lived address in S3 that saves the file under the right name."""
    stored = job.results.get(kind) or abort(404)
    require_files(job)
    name = download_name(job.name, kind)
    return redirect(services().results.download_url(stored.key, filename=name, expires=DOWNLOAD_LIFE))


@blueprint.get("/<job_id>/log")
def log(job: Job) -> str:
    """What the annotator wrote down, readable on a page."""
    stored = job.results.get("log") or abort(404)
    require_files(job)
    try:
        shown = services().results.read(stored.key, limit=LOG_ON_PAGE)
    except NotFound:
        abort(404)
    text = _NOT_FOR_HTML.sub("\ufffd", shown.decode("utf-8", "replace"))
    return render_template("jobs/log.html", job=job, text=text, stored=stored, shortened=len(shown) < stored.size)
