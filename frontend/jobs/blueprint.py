"""The blueprint of this family, and the one door through which every request about a job goes.

A route whose rule has ``<job_id>`` is handed the loaded job as ``job``, and only a job of whoever is signed in: a new
route cannot forget to ask.
"""

from __future__ import annotations

import re

import structlog
from flask import Blueprint, abort, request

from frontend.access import services, sign_in_required, signed_in_user
from shared.core.errors import NotFound
from shared.core.jobs import Job

blueprint = Blueprint("jobs", __name__, url_prefix="/jobs")

_JOB_ID = re.compile(r"[0-9a-f]{32}")


@blueprint.before_request
@sign_in_required
def only_ones_own() -> None:
    """Puts the job into the view's arguments in place of its id."""
    arguments = request.view_args or {}
    if "job_id" in arguments:
        job_id = arguments.pop("job_id")
        structlog.contextvars.bind_contextvars(job_id=job_id[:32])
        arguments["job"] = owned_job(job_id, signed_in_user().user_id)


def owned_job(job_id: str, user_id: str) -> Job:
    """The job, if it is this user's. 404 for one of somebody else, one that never was, and what is no id at all:
    the three cannot be told apart from outside."""
    if not _JOB_ID.fullmatch(job_id):
        abort(404)
    try:
        job = services().jobs.get(job_id)
    except NotFound:
        abort(404)
    if job.user_id != user_id:
        abort(404)
    return job
