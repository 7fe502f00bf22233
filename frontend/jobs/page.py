"""One job's page: how it stands, and what came of it."""

from __future__ import annotations

from flask import Response, render_template

from frontend.jobs import live
from frontend.jobs.blueprint import blueprint
from shared.core.jobs import Job


@blueprint.get("/<job_id>")
def page(job: Job) -> str:
    """The whole page."""
    return render_template("jobs/page.html", job=job, etag=live.etag(job))


@blueprint.get("/<job_id>/live")
def page_live(job: Job) -> Response:
    """The part that changes, for as long as the job is not final."""
    return live.part("jobs/_live_job.html", live.etag(job), job=job)
