"""What an owner may do to a job: cancel, run again, delete. Each may be repeated, and may come too late."""

from __future__ import annotations

import structlog
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from frontend.access import services, signed_in_user
from frontend.announcer import announce
from frontend.jobs import intake
from frontend.jobs.blueprint import blueprint
from frontend.jobs.disposal import remove
from frontend.tracing import request_id
from shared.core.errors import Conflict, GasError
from shared.core.jobs import FilesAway, Job, JobState
from shared.core.messages import RestoreRequested

log = structlog.get_logger()


@blueprint.post("/<job_id>/cancel")
def cancel(job: Job) -> ResponseReturnValue:
    """Stops the job; the annotator notices within a second."""
    try:
        services().jobs.cancel(job.job_id, now=services().now())
    except Conflict:
        if job.state is not JobState.CANCELLED:
            flash("There was nothing left to cancel: the job had come to its end.", "info")
    else:
        _begin_wait(job)
    return _to(job)


@blueprint.post("/<job_id>/run")
def run_again(job: Job) -> ResponseReturnValue:
    """Starts a finished job anew. ``run`` is the run that the person saw: a second click finds it gone. Raises
    `FilesAway`, and `TooLarge` when the file was uploaded under a plan that takes more."""
    if job.input.size == 0 or not job.pack:  # it was cancelled before it was ever submitted
        flash("There is no file to run again. Upload it as a new job.", "error")
        return _to(job)
    intake.check_size(job.input.size, signed_in_user())
    try:
        run = int(request.form.get("run", ""))
        again = services().jobs.run_again(job.job_id, run=run, request_id=request_id(), now=services().now())
    except FilesAway:
        raise
    except (Conflict, ValueError):
        flash("The job is being run again already; this is how it stands.", "info")
        return _to(job)
    announce(again, services())
    clear_results(job)
    return _to(job)


@blueprint.get("/<job_id>/delete")
def confirm_delete(job: Job) -> str:
    """Asks once more, since nothing brings a deleted job back."""
    return render_template("jobs/delete.html", job=job)


@blueprint.post("/<job_id>/delete")
def delete(job: Job) -> ResponseReturnValue:
    """Deletes the job with its files."""
    remove(job)
    flash(f"“{job.name}” and its files are deleted.", "info")
    return redirect(url_for("jobs.index"), 303)


def _begin_wait(job: Job) -> None:
    """Nobody announces the end of a job that was cancelled: util is to look at it, so that a free user's file waits for
    the archive like all others. If that fails now, a change of the plan looks at it next; nothing is lost by that."""
    ended = RestoreRequested(job_id=job.job_id, user_id=job.user_id, request_id=request_id())
    try:
        services().topics.publish(services().restore_requests_topic, ended.to_json())
    except GasError as error:
        log.warning("the file of a cancelled job waits for no archive", error=str(error))


def clear_results(job: Job) -> None:
    """The earlier run's files: nothing points to them any more. What cannot be deleted now goes with the job."""
    try:
        for folder in {stored.key.rpartition("/")[0] for stored in job.results.values()}:
            services().results.delete_under(f"{folder}/")
    except GasError as error:
        log.warning("results of an earlier run not deleted", run=job.run, error=str(error))


def _to(job: Job) -> ResponseReturnValue:
    return redirect(url_for("jobs.page", job_id=job.job_id), 303)
