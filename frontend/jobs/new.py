"""A new job: by upload, by paste, or with the example."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from flask import flash, jsonify, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from frontend.access import services, signed_in_user
from frontend.jobs import intake, parts, paste
from frontend.jobs.blueprint import blueprint
from shared.core.errors import Permanent
from shared.core.jobs import Job
from shared.core.users import User

EXAMPLE = Path(__file__).parent.parent / "static" / "examples" / "mitochondria.vcf"


@blueprint.get("/new")
def new() -> str:
    """The page with the drop zone, the box for variants, and the example."""
    return _page()


@blueprint.post("")
def create() -> ResponseReturnValue:
    """Begins an upload: ``name``, ``size`` (bytes) and, if one is asked for, ``pack``, as JSON or as a form.

    Answers 201 with the job's id, what to POST to S3 (``upload``) or how to send the file in parts (``parts``, see
    `frontend.jobs.parts`), where to say that it is there (``submit``), and where that it will not come (``discard``).
    """
    given = request.get_json() if request.is_json else request.form
    name, size = (given.get("name"), _whole_number(given.get("size"))) if isinstance(given, dict) else (None, None)
    pack = given.get("pack") or "" if isinstance(given, dict) else ""
    if not isinstance(name, str) or not isinstance(pack, str) or size is None:
        raise Permanent("A file's name and its size in bytes are needed.")
    if size == 0:
        raise Permanent(f"{intake.EMPTY.message} {intake.EMPTY.hint}")
    owner = signed_in_user()
    intake.check_size(size, owner)
    job = intake.create(owner, name, pack)
    in_parts = owner.plan == "premium" and size >= parts.PARTS_FROM
    body = {
        "job_id": job.job_id,
        **({"parts": parts.start(job, size)} if in_parts else {"upload": _form(job, owner)}),
        "submit": url_for("jobs.submit", job_id=job.job_id),
        "discard": url_for("jobs.discard_parts" if in_parts else "jobs.delete", job_id=job.job_id),
    }
    return make_response(jsonify(body), 201)


@blueprint.post("/<job_id>/submit")
def submit(job: Job) -> ResponseReturnValue:
    """The upload is there. Answers with the address of the job's page, whatever that has to tell."""
    try:
        page = _page_of(intake.submit(job, signed_in_user()))
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
        intake.submit_with(job, signed_in_user(), request.form.get("pack", ""))
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


def _form(job: Job, owner: User) -> dict[str, object]:
    """S3 itself refuses what is larger than the plan takes."""
    most = min(intake.max_bytes(owner), intake.LARGEST_FORM)
    form = services().inputs.upload_form(job.input.key, max_bytes=most, expires=intake.UPLOAD_FORM_LIFE)
    return {"url": form.url, "fields": dict(form.fields)}


def _started(job: Job) -> ResponseReturnValue:
    return redirect(_page_of(job), 303)


def _page(text: str = "", refusal: paste.NotVariants | None = None, pack: str = "") -> str:
    owner = signed_in_user()
    return render_template(
        "jobs/new.html",
        max_bytes=intake.max_bytes(owner),
        most=intake.most_in_words(owner),
        premium=owner.plan == "premium",
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
