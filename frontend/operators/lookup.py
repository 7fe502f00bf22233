"""Looking somebody or something up: by e-mail address, user id, job id, or SNS's MessageId; and running a job again.

Operators see whose a job is and what became of it. What is in it, its variants, stays its owner's.
"""

from __future__ import annotations

import re

import structlog
from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from frontend.access import services
from frontend.announcer import announce
from frontend.jobs.actions import clear_results
from frontend.operators.blueprint import blueprint, who
from frontend.operators.forms import LONGEST_FIELD, ReasonForm
from frontend.operators.messages import inbox_channels
from frontend.tracing import request_id
from shared.core.errors import Conflict, NotFound
from shared.core.inbox import Query
from shared.core.jobs import FilesAway, Job
from shared.core.retention import FilesState
from shared.core.users import User, normalise_email
from shared.inbox.deeds import on_record

log = structlog.get_logger()

_ID = re.compile(r"[0-9a-f]{32}")
_MESSAGE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
SHOWN = 25
"""Jobs, messages and audit lines of one subject."""


@blueprint.get("/look-up")
def look_up() -> ResponseReturnValue:
    """Goes to what was asked for. An id may be anybody's and anything's: each kind is tried."""
    asked = request.args.get("q", "").strip()[:LONGEST_FIELD]
    if (found := _address_of(asked)) is not None:
        return redirect(found)
    return render_template("operators/look_up.html", asked=asked), 404 if asked else 200


@blueprint.get("/users/<user_id>")
def user(user_id: str) -> str:
    """One account, its latest jobs and messages."""
    account = _user(user_id) or abort(404)
    return render_template(
        "operators/user.html",
        account=account,
        jobs=services().jobs.by_owner(user_id, limit=SHOWN).jobs,
        messages=services().inbox.find(Query(routes=inbox_channels(), user_id=user_id), limit=SHOWN).heads,
        audit=services().audit.of(f"user#{user_id}", limit=SHOWN),
    )


@blueprint.get("/jobs/<job_id>")
def job(job_id: str) -> str:
    """One job: whose, how it stands, and each message about it."""
    return _job_page(_job(job_id) or abort(404), ReasonForm())


@blueprint.post("/jobs/<job_id>/run")
def run_again(job_id: str) -> ResponseReturnValue:
    """Starts a job anew that came to its end. ``run`` is the run that the operator saw: a second click finds it gone.

    The bounds of its owner's plan do not count here: that the file was taken once is enough.
    """
    ended = _job(job_id) or abort(404)
    form = ReasonForm(request.form)
    if not form.validate():
        return _job_page(ended, form), 422
    if why_not := cannot_run(ended):
        flash(why_not, "error")
        return _to(ended)
    if request.form.get("run") != str(ended.run):
        return _run_already(ended)
    what = f"Ran the job again, as run {ended.run + 1}."
    try:
        with on_record(services().audit, services().now, f"job#{job_id}", what, who=who(), why=form.why.data or ""):
            again = services().jobs.run_again(job_id, run=ended.run, request_id=request_id(), now=services().now())
    except FilesAway as error:
        flash(str(error), "error")
        return _to(ended)
    except Conflict:
        return _run_already(ended)
    announce(again, services())
    clear_results(ended)
    log.info("job run again by an operator", job_id=job_id, run=again.run, who=who())
    flash(f"Run {again.run} is on its way; its owner gets an e-mail when it has ended.")
    return _to(ended)


def cannot_run(ended: Job) -> str:
    """Why this job cannot be run again now, in a sentence; empty when it can."""
    if not ended.state.is_final:
        return f"The job is {ended.state}: it has not come to its end."
    if ended.input.size == 0 or not ended.pack:
        return "There is no file to run again: its upload never ended."
    if ended.files is not FilesState.AVAILABLE:
        return f"Its files are {ended.files}: they have to be brought back first."
    return ""


def _address_of(asked: str) -> str | None:
    if "@" in asked:
        account = services().users.by_email(normalise_email(asked))
        return url_for("operators.user", user_id=account.user_id) if account else None
    lowered = asked.lower()
    if _ID.fullmatch(lowered):
        if _job(lowered):
            return url_for("operators.job", job_id=lowered)
        return url_for("operators.user", user_id=lowered) if _user(lowered) else None
    route, hash_sign, message_id = asked.rpartition("#")
    if _MESSAGE_ID.fullmatch(message_id):
        for name in [route] if hash_sign and route in inbox_channels() else inbox_channels():
            if services().inbox.get(f"{name}#{message_id}"):
                return url_for("operators.message", route=name, message_id=message_id)
    return None


def _user(user_id: str) -> User | None:
    try:
        return services().users.get(user_id) if _ID.fullmatch(user_id) else None
    except NotFound:
        return None


def _job(job_id: str) -> Job | None:
    try:
        return services().jobs.get(job_id) if _ID.fullmatch(job_id) else None
    except NotFound:
        return None


def _job_page(found: Job, form: ReasonForm) -> str:
    return render_template(
        "operators/job.html",
        job=found,
        owner=_user(found.user_id),
        messages=services().inbox.find(Query(routes=inbox_channels(), job_id=found.job_id), limit=SHOWN).heads,
        audit=services().audit.of(f"job#{found.job_id}", limit=SHOWN),
        why_not=cannot_run(found),
        form=form,
    )


def _run_already(found: Job) -> ResponseReturnValue:
    flash("The job is being run again already; this is how it stands.", "info")
    return _to(found)


def _to(found: Job) -> ResponseReturnValue:
    return redirect(url_for("operators.job", job_id=found.job_id), 303)
