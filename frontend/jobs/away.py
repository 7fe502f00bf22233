"""Files that are in the archive: what needs them is refused with a page that says what to do, and their owner may ask
for them again."""

from __future__ import annotations

from datetime import timedelta

from flask import Response, flash, jsonify, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from frontend.access import is_fragment_request, services, settings, signed_in_user
from frontend.jobs.blueprint import blueprint
from frontend.jobs.whereabouts import Whereabouts, whereabouts
from frontend.limits import allow
from frontend.tracing import request_id
from shared.core.jobs import FilesAway, Job
from shared.core.messages import RestoreRequested
from shared.core.retention import FilesState

ASKED_AT_MOST = 5
ASKING_WINDOW = timedelta(minutes=10)


def require_files(job: Job) -> None:
    """Raises `FilesAway` unless the job's files can be read."""
    if job.files is not FilesState.AVAILABLE:
        raise FilesAway(job.job_id, job.files)


def where_are(job: Job) -> Whereabouts | None:
    """What is said to whoever is signed in of the files of their job."""
    return whereabouts(job, signed_in_user(), services().now(), settings().retention)


@blueprint.errorhandler(FilesAway)
def files_away(error: FilesAway) -> Response:
    """The kind page. Where the files are is read again: what the view saw may be of a moment ago."""
    job = services().jobs.get((request.view_args or {})["job"].job_id)
    where = None if job.files is FilesState.AVAILABLE else where_are(job)
    if request.accept_mimetypes.best == "application/json":
        said = {"error": where.title + "." if where else str(error), "hint": where.words if where else ""}
        return make_response(jsonify({**said, "request_id": request_id()}), 409)
    template = "jobs/_away.html" if is_fragment_request() else "jobs/away.html"
    return make_response(render_template(template, job=job, where=where), 409)


@blueprint.post("/<job_id>/restore")
def ask_again(job: Job) -> ResponseReturnValue:
    """Asks for the job's files, in case that something was lost on the way. Raises `TooMany`, and `FilesAway` when
    they are archived because of the plan."""
    owner = signed_in_user()
    if job.files is FilesState.AVAILABLE:
        flash("There is nothing to restore: the files of this job are here.", "info")
    elif job.files is FilesState.RESTORING or owner.plan == "premium":
        allow(f"restore#{job.job_id}", most=ASKED_AT_MOST, window=ASKING_WINDOW)
        wanted = RestoreRequested(
            job_id=job.job_id, user_id=owner.user_id, epoch=owner.plan_epoch, request_id=request_id()
        )
        services().topics.publish(services().restore_requests_topic, wanted.to_json())
        flash("We have asked for the files again. They come back as soon as the archive hands them out.", "info")
    else:
        require_files(job)
    return redirect(url_for("jobs.page", job_id=job.job_id), 303)
