"""The list of one's jobs."""

from __future__ import annotations

from flask import Response, render_template, request

from frontend.access import services, signed_in_user
from frontend.jobs import live
from frontend.jobs.away import where_are
from frontend.jobs.blueprint import blueprint
from frontend.jobs.disposal import without_abandoned
from frontend.jobs.whereabouts import Whereabouts
from shared.core.jobs import Job, JobState

PAGE_SIZE = 25


@blueprint.get("")
def index() -> str:
    """Newest first."""
    context = _some_jobs()
    return render_template("jobs/index.html", **context)


@blueprint.get("/live")
def index_live() -> Response:
    """The table alone, for as long as a job in it, or where its files are, changes by itself."""
    context = _some_jobs()
    return live.part("jobs/_table.html", str(context.pop("etag")), **context)


def _some_jobs() -> dict[str, object]:
    """Raises `Permanent` when the token in the address is none of ours."""
    start = request.args.get("start") or None
    found = services().jobs.by_owner(signed_in_user().user_id, limit=PAGE_SIZE, start=start)
    jobs: list[Job] = without_abandoned(found.jobs, signed_in_user().plan)
    where = {job.job_id: there for job in jobs if (there := _worth_saying(job))}
    return {
        "jobs": jobs,
        "next": found.next,
        "start": start,
        "where": where,
        "moving": any(not job.state.is_final for job in jobs) or any(there.moves for there in where.values()),
        "etag": live.etag(jobs, where, found.next),
    }


def _worth_saying(job: Job) -> Whereabouts | None:
    """Where a job's files are. The files of one that failed are not counted down: beside its error that is noise."""
    there = where_are(job)
    return None if there and there.until and job.state is JobState.FAILED else there
