"""``/jobs/<id>/export.<kind>?…``: exactly the variants that the table shows under the same query string."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import Final

from flask import Response, abort, current_app, request, send_file
from flask.typing import ResponseReturnValue

from frontend.access import services
from frontend.exports import report, spreadsheet, text, vcf
from frontend.exports.about import about
from frontend.exports.selection import Selection, open_selection
from frontend.exports.slots import Slots
from frontend.jobs.blueprint import blueprint
from frontend.jobs.names import file_stem
from shared.core.jobs import Job

KINDS: Final = {
    "tsv": "text/tab-separated-values; charset=utf-8",
    "json": "application/json",
    "html": "text/html; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "vcf": "application/zip",
}
"""Kind → content type."""
WITH_TRANSCRIPTS: Final = ("tsv", "xlsx")
"""What can have a row for each transcript."""


@blueprint.get("/<job_id>/export.<kind>")
def export(job: Job, kind: str) -> ResponseReturnValue:
    """``kind``: vcf (a ZIP with the index), tsv, xlsx, json or html. ``transcripts=all``: a row for each transcript."""
    content_type = KINDS.get(kind) or abort(404)
    slots: Slots = current_app.extensions["gas_exports"]
    each = kind in WITH_TRANSCRIPTS and request.args.get("transcripts") == "all"
    with ExitStack() as opened:
        opened.enter_context(slots.one(job.user_id))
        selection = opened.enter_context(open_selection(job, request.args))
        says = about(selection, services().now())
        if kind == "vcf":
            target = opened.enter_context(vcf.folder()) / "export.zip"
            vcf.write(selection, says, target, _name(job, "vcf.gz"))
            response = send_file(target, mimetype=content_type, conditional=False, max_age=None)
            response.headers.pop("Cache-Control", None)  # the app says that nothing is kept
        else:
            response = Response(_pieces(kind, selection, says, each=each), content_type=content_type)
        name = _name(job, "vcf.zip" if kind == "vcf" else kind, each=each)
        response.headers.set("Content-Disposition", "attachment", filename=name)
        # closed when the last byte was sent, or when the reader went away
        response.call_on_close(opened.pop_all().close)
        return response


def _pieces(kind: str, selection: Selection, says: Mapping[str, str], *, each: bool) -> Iterable[bytes]:
    match kind:
        case "tsv":
            return text.tsv(selection, says, each_transcript=each)
        case "xlsx":
            return spreadsheet.xlsx(selection, says, each_transcript=each)
        case "json":
            return text.to_json(selection, says)
    return [report.html(selection, says)]


def _name(job: Job, ending: str, *, each: bool = False) -> str:
    return f"{file_stem(job.name)}.filtered{'.transcripts' if each else ''}.{ending}"
