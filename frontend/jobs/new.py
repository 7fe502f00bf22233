"""A new job: by upload, by paste, or with the example."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from flask import flash, jsonify, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from frontend.access import services, signed_in_user
from frontend.jobs import intake, paste
from frontend.jobs.blueprint import blueprint
from shared.core.errors import Permanent, TooLarge
from shared.core.jobs import Job

EXAMPLE = Path(__file__).parent.parent / "static" / "examples" / "mitochondria.vcf"


@blueprint.get("/new")
def new() -> str:
    """The page with the drop zone, the box for variants, and the example."""
    return _page()


@blueprint.post("")
def create() -> ResponseReturnValue:
    """Begins an upload: ``name``, ``size`` (bytes) and, if one is asked for, ``pack``, as JSON or as a form.

    Answers 201 with the job's id, what to POST to S3 (``upload``), and where to say that it is there (``submit``).
    """
    given = request.get_json() if request.is_json else request.form
    name, size = (given.get("name"), _whole_number(given.get("size"))) if isinstance(given, dict) else (None, None)
    pack = given.get("pack") or "" if isinstance(given, dict) else ""
    if not isinstance(name, str) or not isinstance(pack, str) or size is None:
        raise Permanent("A file's name and its size in bytes are needed.")
    if size == 0:
        raise Permanent(f"{intake.EMPTY.message} {intake.EMPTY.hint}")
    if size > intake.max_bytes():
        error = intake.too_large(size)
        raise TooLarge(f"{error.message} {error.hint}")
    job = intake.create(signed_in_user(), name, pack)
    form = services().inputs.upload_form(job.input.key, max_bytes=intake.max_bytes(), expires=intake.UPLOAD_FORM_LIFE)
    body = {
        "job_id": job.job_id,
        "upload": {"url": form.url, "fields": dict(form.fields)},
        "submit": url_for("jobs.submit", job_id=job.job_id),
        "discard": url_for("jobs.delete", job_id=job.job_id),
    }
    return make_response(jsonify(body), 201)


@blueprint.post("/<job_id>/submit")
def submit(job: Job) -> ResponseReturnValue:
    """The upload is there. Answers with the address of the job's page, whatever that has to tell."""
    try:
        page = _page_of(intake.submit(job))
    except intake.NotArrived as error:
        if _asks_for_json():
            raise
        flash(str(error), "warning")
        page = _page_of(job)
    return jsonify({"page": page}) if _asks_for_json() else redirect(page, 303)


@blueprint.post("/<job_id>/reference")
def choose_reference(job: Job) -> ResponseReturnValue:
    """The owner's answer to the question which reference pack the file is for."""
    try:
        intake.submit_with(job, request.form.get("pack", ""))
    except intake.NotArrived as error:
        flash(str(error), "warning")
    return redirect(_page_of(job), 303)


@blueprint.post("/paste")
def start_pasted() -> ResponseReturnValue:
    """Variants from the box."""
    text, pack = request.form.get("variants", ""), request.form.get("pack", "")
    intake.check_pack(pack)
    try:
        pasted = paste.parse(text)
    except paste.NotVariants as refusal:
        return make_response(_page(text=text, refusal=refusal, pack=pack), 422)
    return _started(intake.start_with(signed_in_user(), pasted.name, pasted.vcf, pack))


@blueprint.post("/example")
def start_example() -> ResponseReturnValue:
    """A job with the example VCF, in one click."""
    return _started(intake.start_with(signed_in_user(), EXAMPLE.name, _example()))


def _started(job: Job) -> ResponseReturnValue:
    return redirect(_page_of(job), 303)


def _page(text: str = "", refusal: paste.NotVariants | None = None, pack: str = "") -> str:
    return render_template(
        "jobs/new.html",
        max_bytes=intake.max_bytes(),
        max_characters=paste.MAX_CHARACTERS,
        text=text,
        refusal=refusal,
        packs=services().catalogue.cards(),
        asked_pack=pack,
    )


def _page_of(job: Job) -> str:
    return url_for("jobs.page", job_id=job.job_id)


def _asks_for_json() -> bool:
    return request.accept_mimetypes.best == "application/json"


def _whole_number(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isdecimal() and len(text) <= 15 else None


@cache
def _example() -> bytes:
    return EXAMPLE.read_bytes()
