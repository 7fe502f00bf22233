"""One job's page: how it stands, and what came of it."""

from __future__ import annotations

from flask import Response, render_template

from frontend.access import services
from frontend.jobs import live, presentation
from frontend.jobs.away import where_are
from frontend.jobs.blueprint import blueprint
from frontend.jobs.queue import place_of
from shared.core.jobs import Job, JobState
from shared.core.pack_choice import label


@blueprint.get("/<job_id>")
def page(job: Job) -> str:
    """The whole page."""
    _prepare_results(job)
    shown = _shown(job)
    return render_template("jobs/page.html", etag=live.etag(*shown.values()), **shown, **_about_packs(job))


@blueprint.get("/<job_id>/live")
def page_live(job: Job) -> Response:
    """The part that changes, for as long as the job, or where its files are, changes by itself."""
    _prepare_results(job)
    shown = _shown(job)
    return live.part("jobs/_live_job.html", live.etag(*shown.values()), **shown, **_about_packs(job))


def _shown(job: Job) -> dict[str, object]:
    """What changes by itself."""
    place = place_of(job)
    line = presentation.in_line(place.position, place.starts_in) if place else ""
    return {"job": job, "where": where_are(job), "line": line}


def _prepare_results(job: Job) -> None:
    """While the summary is read, what is likely to be looked at next is fetched."""
    from frontend.results.store import store  # that package's pages stand on this one

    store().prepare(job)


def _about_packs(job: Job) -> dict[str, object]:
    """What the page says of references: those to choose from, this job's, and what is newer than what it used."""
    catalogue = services().catalogue
    card = catalogue.card(job.pack)
    return {
        "packs": catalogue.cards(),
        "pack_label": label,
        "pack_title": card.title if card else job.pack,
        "newer": catalogue.newer(job.summary.get("pack", {})) if job.state is JobState.COMPLETED else [],
    }
